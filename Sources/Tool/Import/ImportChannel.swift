internal import Engine
internal import Logging
internal import Platform
internal import Server
internal import Synchronization

/// A way to a server for pieces of line protocol: over TCP or into an engine in this process.
protocol ImportChannel: AnyObject {
  /// Sends control lines, before the first piece.
  func begin(_ lines: [UInt8], lineCount: Int) throws
  /// Sends a piece, waiting while too much is not acknowledged.
  func send(_ piece: ImportPiece) throws
  /// Waits for the last acknowledgements and closes. May be called again after it has failed, and
  /// does nothing then.
  func finish() throws
  var tally: ImportTally { get }
}

/// Over TCP: this thread sends, another one takes the answers.
final class SocketChannel: ImportChannel {
  /// Shared by the two threads.
  private final class Shared: Sendable {
    let tally = Mutex(ImportTally())
    let wake = Signal()
  }

  private static let answerTimeoutSeconds = 60

  private let socket: TCPSocket
  private let windowByteCount: Int
  private let shared = Shared()
  private let thread: WorkerThread
  private var isClosed = false

  init(_ address: Address, windowByteCount: Int) throws {
    self.windowByteCount = windowByteCount
    do throws(SystemError) {
      let socket = try TCPSocket(host: address.host, port: address.port)
      self.socket = socket
      socket.setReceiveTimeout(seconds: Self.answerTimeoutSeconds)
      let shared = shared
      thread = try WorkerThread(name: "import answers") { Self.receive(socket, shared) }
    } catch {
      throw Failure("cannot reach \(address): \(error.reason); is varve serve running there?")
    }
  }

  var tally: ImportTally { shared.tally.withLock { $0 } }

  private static func receive(_ socket: TCPSocket, _ shared: Shared) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var rest: [UInt8] = []
    while true {
      let count: Int
      do throws(SystemError) {
        count = try socket.receive(into: &buffer)
      } catch {
        // Silence is a fault only while something is owed.
        let isIdle =
          error.code == SystemError.Code.wouldBlock && shared.tally.withLock { !$0.isWaiting }
        if isIdle { continue }
        shared.tally.withLock {
          $0.fail(
            error.code == SystemError.Code.wouldBlock
              ? "no answer for \(answerTimeoutSeconds) s" : "\(error)"
          )
        }
        break
      }
      if count == 0 {
        shared.tally.withLock { if $0.isWaiting { $0.fail("the server hung up") } }
        break
      }
      rest += buffer[..<count]
      var lines = rest[...]
      shared.tally.withLock { tally in
        while let end = lines.firstIndex(of: UInt8(ascii: "\n")) {
          tally.take(lines[..<end])
          lines = lines[(end + 1)...]
        }
      }
      rest = Array(lines)
      shared.wake.set()
    }
    shared.wake.set()
  }

  func begin(_ lines: [UInt8], lineCount: Int) throws {
    shared.tally.withLock { $0.sendControl(lineCount: lineCount) }
    try write(lines)
  }

  func send(_ piece: ImportPiece) throws {
    try wait { $0.inFlightByteCount == 0 || $0.inFlightByteCount < windowByteCount }
    if piece.bytes.isEmpty {
      shared.tally.withLock { $0.note(piece) }
      return
    }
    let acknowledge = shared.tally.withLock { $0.send(piece) }
    try write(piece.bytes)
    try write(acknowledge)
  }

  private func write(_ bytes: [UInt8]) throws {
    do throws(SystemError) {
      try socket.send(bytes, 0..<bytes.count)
    } catch {
      // What the server said last tells more.
      _ = thread
      shared.tally.withLock { $0.fail("\(error)") }
      throw Failure(tally.failure ?? "\(error)")
    }
  }

  private func wait(until isDone: (ImportTally) -> Bool) throws {
    while true {
      let (done, failure) = shared.tally.withLock { (isDone($0), $0.failure) }
      if let failure { throw Failure(failure) }
      if done { return }
      shared.wake.wait(timeoutNanoseconds: 100_000_000)
    }
  }

  func finish() throws {
    guard !isClosed else { return }
    isClosed = true
    defer {
      socket.shutDown()
      thread.join()
    }
    try wait { !$0.isWaiting }
    socket.shutDownSending()
  }
}

/// Into an engine that runs in this process and holds the data directory meanwhile.
final class EngineChannel: ImportChannel {
  private let engine: Engine
  private let receiver: Receiver
  private let connection: LineConnection
  private let windowByteCount: Int
  private let settled = Signal()
  private(set) var tally = ImportTally()
  private var replies: [UInt8] = []
  private var isClosed = false

  init(_ configuration: EngineConfiguration, windowByteCount: Int) throws {
    self.windowByteCount = windowByteCount
    let settled = settled
    do throws(EngineError) {
      engine = try Engine(
        configuration,
        disk: RealDisk(),
        clock: RealClock(),
        logger: ToolLog.logger(.warning)
      )
      _ = try engine.start()
      receiver = try engine.makeReceiver { settled.set() }
    } catch {
      throw Failure("\(error)")
    }
    connection = receiver.open(sender: "varve import")
  }

  /// What fits the machine and the directory, which is made when it is not there.
  static func configuration(of directory: String) throws -> EngineConfiguration {
    let disk = RealDisk()
    let machine = MachineResources.current()
    do throws(SystemError) {
      try disk.createDirectory(directory)
      return EngineConfiguration.scaled(
        dataDirectory: directory,
        machineMemory: machine.memoryByteCount,
        disk: try disk.space(at: directory).total,
        cores: machine.coreCount
      )
    } catch {
      throw Failure("cannot use \(directory) as data directory: \(error)")
    }
  }

  func begin(_ lines: [UInt8], lineCount: Int) throws {
    tally.sendControl(lineCount: lineCount)
    try give(lines)
  }

  func send(_ piece: ImportPiece) throws {
    if piece.bytes.isEmpty {
      tally.note(piece)
      return
    }
    // Merges that are behind hold it back as they do clients of a server.
    receiver.rest { nanoseconds in
      settled.wait(timeoutNanoseconds: min(nanoseconds, 5_000_000))
      receiver.tick()
      receiver.settle()
    }
    let acknowledge = tally.send(piece)
    try give(piece.bytes)
    try give(acknowledge)
    receiver.endOfRound()
    try wait { $0.inFlightByteCount < windowByteCount }
  }

  private func give(_ bytes: [UInt8]) throws {
    var start = 0
    while start < bytes.count {
      let taken = receiver.receive(bytes, from: start, on: connection)
      start += taken
      try takeReplies()
      if receiver.isCongested || taken == 0 { settle() }
    }
  }

  private func settle() {
    settled.wait(timeoutNanoseconds: 5_000_000)
    receiver.tick()
    receiver.settle()
  }

  private func takeReplies() throws {
    replies += connection.takeReplies()
    _ = receiver.takeTouched()
    var lines = replies[...]
    while let end = lines.firstIndex(of: UInt8(ascii: "\n")) {
      tally.take(lines[..<end])
      lines = lines[(end + 1)...]
    }
    replies = Array(lines)
    if let reason = connection.closeReason { tally.fail(reason) }
    if let failure = tally.failure { throw Failure(failure) }
  }

  private func wait(until isDone: (ImportTally) -> Bool) throws {
    try takeReplies()
    while !isDone(tally) {
      settle()
      try takeReplies()
    }
  }

  func finish() throws {
    guard !isClosed else { return }
    isClosed = true
    var failure: (any Error)?
    do { try wait { !$0.isWaiting } } catch { failure = error }
    receiver.close(connection)
    receiver.endOfRound()
    // Bounded: a disk that takes nothing has failed the pieces already.
    for _ in 0..<2_000 where !receiver.isIdle { settle() }
    do throws(EngineError) { try engine.stop() } catch { throw Failure("\(error)") }
    if let failure { throw failure }
  }
}
