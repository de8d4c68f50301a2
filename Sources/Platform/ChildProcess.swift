internal import Glibc
internal import Synchronization

/// A program that this process has started, and its standard output. It is killed with its last
/// reference.
public final class ChildProcess: Sendable {
  /// How a process ended.
  public enum End: Equatable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  private struct State {
    var end: End?
    var rest: [UInt8] = []
  }

  private let identifier: pid_t
  private let name: String
  private let output: Int32
  private let state = Mutex(State())

  /// The program that this process runs.
  public static let ownProgram = "/proc/self/exe"

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - program: a path.
  ///   - environment: added to this process' own.
  ///   - errors: a file that gets its standard error, appended.
  public init(
    _ program: String,
    _ arguments: [String],
    environment: [String: String] = [:],
    errors: String
  ) throws(SystemError) {
    name = program
    var ends: [Int32] = [0, 0]
    try SystemCall.run("pipe", program) { unsafe pipe(&ends) }
    let (reading, writing) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { SystemCall.close(writing) }
    do throws(SystemError) {
      identifier = try Self.spawn(program, arguments, environment, writing, errors)
      output = reading
    } catch {
      SystemCall.close(reading)
      throw error
    }
  }

  deinit {
    if state.withLock({ $0.end == nil }) {
      Glibc.kill(identifier, SIGKILL)
      var status: Int32 = 0
      unsafe waitpid(identifier, &status, 0)
    }
    SystemCall.close(output)
  }

  private static func spawn(
    _ program: String,
    _ arguments: [String],
    _ environment: [String: String],
    _ output: Int32,
    _ errors: String
  ) throws(SystemError) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    let flags = O_WRONLY | O_CREAT | O_APPEND
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)
    var variables = ownEnvironment()
    for (key, value) in environment.sorted(by: { $0.key < $1.key }) {
      variables.removeAll { $0.hasPrefix("\(key)=") }
      variables.append("\(key)=\(value)")
    }
    var identifier = pid_t()
    let code = unsafe withStrings([program] + arguments) { arguments in
      unsafe withStrings(variables) { variables in
        unsafe posix_spawn(&identifier, program, &actions, nil, arguments, variables)
      }
    }
    guard code == 0 else { throw SystemError(code: code, operation: "spawn", path: program) }
    return identifier
  }

  private static func ownEnvironment() -> [String] {
    KernelFile.text("/proc/self/environ").split(separator: "\0").map(String.init)
  }

  /// Lends `texts` as C wants them: pointers, the last one null.
  private static func withStrings(
    _ texts: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) -> Int32 {
    var pointers = unsafe texts.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer { for index in texts.indices { unsafe free(pointers[index]) } }
    return unsafe pointers.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return EINVAL }
      return unsafe body(base)
    }
  }

  // MARK: Output

  /// The next line of its standard output, without the line feed; `nil` at the end. One thread at a
  /// time.
  public func readLine() throws(SystemError) -> String? {
    while true {
      let line: String? = state.withLock { state in
        guard let end = state.rest.firstIndex(of: 10) else { return nil }
        defer { state.rest.removeFirst(end + 1) }
        return String(decoding: state.rest[..<end], as: UTF8.self)
      }
      if let line { return line }
      var buffer = [UInt8](repeating: 0, count: 4_096)
      let count = try SystemCall.run("read", name) {
        unsafe Glibc.read(output, &buffer, buffer.count)
      }
      if count == 0 { return nil }
      state.withLock { $0.rest += buffer[..<count] }
    }
  }

  // MARK: The end

  /// Ends it at once, as `kill -9` does.
  public func kill() { send(SIGKILL) }

  /// Asks it to end.
  public func terminate() { send(SIGTERM) }

  /// Asks it to end, as Ctrl-C does.
  public func interrupt() { send(SIGINT) }

  /// Stops it in its tracks, until ``resume()``.
  public func suspend() { send(SIGSTOP) }

  public func resume() { send(SIGCONT) }

  private func send(_ signal: Int32) {
    // Until it was waited for, its number is nobody else's.
    state.withLock { state in
      if state.end == nil { Glibc.kill(identifier, signal) }
    }
  }

  /// Whether it runs no more; does not wait.
  public var hasEnded: Bool { look(WNOHANG) != nil }

  /// Waits for its end.
  public func wait() -> End {
    while true {
      if let end = look(WNOHANG) { return end }
      // Without the lock, so that others can send signals meanwhile.
      usleep(2_000)
    }
  }

  private func look(_ options: Int32) -> End? {
    state.withLock { state in
      if let end = state.end { return end }
      var status: Int32 = 0
      guard unsafe waitpid(identifier, &status, options) == identifier else { return nil }
      let signal = status & 0x7f
      let end = signal == 0 ? End.exited(status >> 8 & 0xff) : .killed(signal: signal)
      state.end = end
      return end
    }
  }
}
