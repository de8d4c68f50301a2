internal import Glibc
internal import Synchronization

/// A named thread of the operating system that runs one closure to its end.
///
/// Starts at once. ``join()`` waits for the end and is called at most once; a thread that nobody
/// joins runs on by itself.
public final class WorkerThread: Sendable {
  /// Bytes of a name that the kernel keeps; longer ones are cut.
  public static let nameByteCountMax = 15

  private let thread: pthread_t
  private let isJoined = Atomic(false)

  /// - Parameter name: what `top -H` and debuggers show.
  /// - Throws: `EAGAIN` when the system has no thread left.
  public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let start = unsafe Unmanaged.passRetained(Start(name, body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread,
      nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        WorkerThread.setOwnName(start.name)
        start.body()
        return nil
      },
      start.toOpaque()
    )
    guard code == 0 else {
      unsafe start.release()
      throw SystemError(code: code, operation: "pthread_create", path: name)
    }
    self.thread = thread
  }

  deinit {
    if !isJoined.load(ordering: .acquiring) { pthread_detach(thread) }
  }

  /// Waits until the body has returned; what it wrote is then visible here.
  public func join() {
    let wasJoined = isJoined.exchange(true, ordering: .acquiringAndReleasing)
    precondition(!wasJoined, "a thread is joined once")
    let code = pthread_join(thread, nil)
    precondition(code == 0, "a thread cannot join itself")
  }

  /// Best effort: a name is a comfort.
  private static func setOwnName(_ name: String) {
    let path = "/proc/thread-self/comm"
    guard let descriptor = try? SystemCall.open(path, O_WRONLY) else { return }
    let bytes = Array(name.utf8)
    _ = unsafe write(descriptor, bytes, bytes.count)
    SystemCall.close(descriptor)
  }

  /// What travels to the new thread.
  private final class Start {
    let name: String
    let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      var cut = name
      while cut.utf8.count > WorkerThread.nameByteCountMax { cut.removeLast() }
      self.name = cut
      self.body = body
    }
  }
}
