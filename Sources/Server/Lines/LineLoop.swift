internal import Engine
internal import NIOCore

/// One event loop of the line listener: its receiver and the connections that live on it.
///
/// Belongs to its event loop; whoever is elsewhere reaches it through a `NIOLoopBound`.
///
/// A round is one pass of the loop over all sockets that had bytes. It ends with one
/// `endOfRound()` of the receiver, so that an `#ack` closes the batches of all that came with it.
final class LineLoop {
  private static let tickMilliseconds: Int64 = 5
  private static let sweepSeconds: Int64 = 1
  /// What the turns of all clients whose bytes wait take together, about, and what one takes at
  /// most: so that a client's turn comes soon, whatever the others send and however many they are.
  private static let turnsNanoseconds: UInt64 = 100_000_000
  private static let turnNanosecondsMax: UInt64 = 10_000_000
  /// How long turns go on at most until the loop looks at its sockets again, and does what waits to
  /// be done: whoever has nothing waiting need not wait for the turns of all who have.
  private static let turnsUntilLookNanoseconds: Int64 = 20_000_000
  /// Between two such rounds.
  private static let pauseMilliseconds: Int64 = 1

  let eventLoop: any EventLoop
  let configuration: ServerConfiguration
  let log: SampledLog
  /// What one read of a connection may bring.
  let readSize = ReadSize()
  private var readCount = 0
  private let receiver: Receiver
  private let statistics: ServerStatistics
  private var handlers: [ObjectIdentifier: LineHandler] = [:]
  /// Handlers whose reads are held back by ``mayNotRead(_:)``.
  private var held: [LineHandler] = []
  /// Handlers with bytes that wait for their next turn.
  private var queue = CircularBuffer<LineHandler>()
  private var isTurnScheduled = false
  private var isRoundScheduled = false
  private var isTickScheduled = false
  private var isSweepScheduled = false
  private var isWakeScheduled = false
  private var emptied: [EventLoopPromise<Void>] = []

  private init(
    eventLoop: any EventLoop,
    receiver: Receiver,
    configuration: ServerConfiguration,
    statistics: ServerStatistics,
    log: SampledLog
  ) {
    self.eventLoop = eventLoop
    self.receiver = receiver
    self.configuration = configuration
    self.statistics = statistics
    self.log = log
  }

  /// Makes the loop's state on the loop itself, with a receiver that calls back there.
  static func make(
    on eventLoop: any EventLoop,
    engine: Engine,
    configuration: ServerConfiguration,
    statistics: ServerStatistics,
    log: SampledLog
  ) async throws -> NIOLoopBound<LineLoop> {
    try await eventLoop.submit {
      let box = NIOLoopBoundBox<LineLoop?>(nil, eventLoop: eventLoop)
      let receiver = try engine.makeReceiver {
        eventLoop.execute { box.value?.settle() }
      }
      let loop = LineLoop(
        eventLoop: eventLoop,
        receiver: receiver,
        configuration: configuration,
        statistics: statistics,
        log: log
      )
      box.value = loop
      return NIOLoopBound(loop, eventLoop: eventLoop)
    }.get()
  }

  /// A handler for a new connection.
  func adopt(peer: String) -> LineHandler {
    let handler = LineHandler(loop: self, connection: receiver.open(sender: peer), peer: peer)
    handlers[ObjectIdentifier(handler.connection)] = handler
    scheduleSweep()
    return handler
  }

  // MARK: What handlers ask for

  /// Whether a client's socket is left alone for now: the engine is behind, merges are and the loop
  /// rests, or nothing can be made durable, which only those who ask for acknowledgements can be
  /// told.
  func mayNotRead(_ connection: LineConnection) -> Bool {
    receiver.isCongested || rests
      || (receiver.isRefusing && !connection.usesAcknowledgements)
  }

  /// Whether it is not yet time to read on. It rests until it wakes up by itself, so that nobody is
  /// told to wait whom it then does not call.
  private var rests: Bool {
    if isWakeScheduled { return true }
    let rest = receiver.restNanoseconds
    guard rest > 0 else { return false }
    isWakeScheduled = true
    eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(rest))) {
      self.isWakeScheduled = false
      self.follow()
    }
    return true
  }

  /// Whether bytes that have been read should wait: no more is parsed than the engine takes.
  var isCongested: Bool { receiver.isCongested }

  func countRead() {
    readCount += 1
    scheduleRound()
  }

  /// Hands bytes to the receiver, for one turn.
  ///
  /// - Returns: how many were taken; the rest waits until the client has taken its replies, or for
  ///   its next turn.
  func receive(_ buffer: ByteBuffer, from handler: LineHandler) -> Int {
    let sharing = UInt64(1 + readCount + queue.count)
    let turn = min(Self.turnNanosecondsMax, Self.turnsNanoseconds / sharing)
    let taken = unsafe buffer.withUnsafeReadableBytes { bytes in
      unsafe receiver.receive(bytes, on: handler.connection, turnNanoseconds: turn)
    }
    scheduleRound()
    return taken
  }

  /// The peer sends no more: a line without its end is refused.
  func endInput(of handler: LineHandler) {
    receiver.close(handler.connection)
    scheduleRound()
  }

  func hold(_ handler: LineHandler) { held.append(handler) }

  /// Puts a handler behind all others whose bytes wait for a turn.
  func queueUp(_ handler: LineHandler) {
    queue.append(handler)
    scheduleTurns()
  }

  private func scheduleTurns() {
    guard !isTurnScheduled, !queue.isEmpty else { return }
    isTurnScheduled = true
    // The loop runs all tasks that are due, new ones too, before it looks at its sockets again: so
    // the pause begins behind all that is due now.
    eventLoop.assumeIsolated().execute {
      self.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Self.pauseMilliseconds)) {
        self.takeTurns()
      }
    }
  }

  private func takeTurns() {
    let end = NIODeadline.now() + .nanoseconds(Self.turnsUntilLookNanoseconds)
    // Who is not done has its next turn behind all others.
    var count = queue.count
    while count > 0, let handler = queue.popFirst() {
      handler.release()
      count -= 1
      if NIODeadline.now() >= end { break }
    }
    isTurnScheduled = false
    scheduleTurns()
  }

  func closed(_ handler: LineHandler) {
    guard handlers.removeValue(forKey: ObjectIdentifier(handler.connection)) != nil else { return }
    statistics.closeConnection()
    succeedEmptied()
  }

  // MARK: Rounds and ticks

  private func scheduleRound() {
    guard !isRoundScheduled else { return }
    isRoundScheduled = true
    eventLoop.assumeIsolated().execute { self.endRound() }
  }

  private func endRound() {
    isRoundScheduled = false
    readSize.adapt(readCount: readCount)
    readCount = 0
    receiver.endOfRound()
    follow()
  }

  /// The committer has made batches durable, or has given up on them.
  private func settle() {
    receiver.settle()
    follow()
  }

  /// Does what the receiver's new state asks for: replies, reads, the next tick.
  private func follow() {
    defer { succeedEmptied() }
    for connection in receiver.takeTouched() {
      handlers[ObjectIdentifier(connection)]?.flush()
    }
    if !held.isEmpty, !receiver.isCongested, !rests {
      // Who may still not read holds itself again.
      let resumed = held
      held.removeAll(keepingCapacity: true)
      for handler in resumed { handler.release() }
    }
    if receiver.hasOpenRows, !isTickScheduled {
      isTickScheduled = true
      eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Self.tickMilliseconds)) {
        self.isTickScheduled = false
        self.receiver.tick()
        self.follow()
      }
    }
  }

  /// Looks once a second for clients that are silent inside a line or take no replies.
  private func scheduleSweep() {
    guard !isSweepScheduled, !handlers.isEmpty else { return }
    isSweepScheduled = true
    eventLoop.assumeIsolated().scheduleTask(in: .seconds(Self.sweepSeconds)) {
      self.isSweepScheduled = false
      self.sweep()
      self.scheduleSweep()
    }
  }

  private func sweep() {
    let now = NIODeadline.now()
    for handler in Array(handlers.values) {
      if handler.isSilentInsideLine(at: now) { receiver.expire(handler.connection) }
      handler.checkProgress(at: now)
    }
    follow()
  }

  // MARK: Stopping

  /// Takes no more input; connections close once their answers are out.
  func drain() {
    for handler in Array(handlers.values) { handler.drain() }
    endRound()
  }

  /// Hangs up on whoever is still there.
  func cutOff() {
    for handler in Array(handlers.values) { handler.hangUp() }
  }

  func notifyWhenEmpty(_ promise: EventLoopPromise<Void>) {
    emptied.append(promise)
    succeedEmptied()
  }

  /// When nobody is connected and all that was taken is with the engine.
  private func succeedEmptied() {
    guard handlers.isEmpty, receiver.isIdle, !emptied.isEmpty else { return }
    let promises = emptied
    emptied = []
    for promise in promises { promise.succeed() }
  }
}
