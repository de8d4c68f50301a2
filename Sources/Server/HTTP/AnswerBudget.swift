internal import Engine
package import Platform
package import Query
internal import Synchronization

/// Bounds the bytes of all answers that clients have asked for and not read yet.
///
/// A query begins only when there is room for what it may hold; until then it waits in turn, at
/// most ``Limits/patienceNanoseconds``. While somebody waits, clients that have read next to
/// nothing for ``stalledNanoseconds`` are hung up on, the longest silent first, so that those who
/// never read, or a byte now and then, cannot keep others from their answers. What is held at most
/// is ``Limits/byteCountMax`` and what the running queries may hold beyond their part.
///
/// Safe from any thread; each call takes one lock for a moment.
package final class AnswerBudget: Sendable {
  package struct Limits: Sendable {
    /// Bytes of all answers together.
    package var byteCountMax: Int
    /// What a query takes of them while it is being answered.
    package var queryByteCount: Int
    /// Queries that may wait for room; one more is refused.
    package var waitingMax: Int
    /// How long a query waits.
    package var patienceNanoseconds: UInt64

    package init(
      byteCountMax: Int,
      queryByteCount: Int,
      waitingMax: Int,
      patienceNanoseconds: UInt64
    ) {
      self.byteCountMax = byteCountMax
      self.queryByteCount = queryByteCount
      self.waitingMax = waitingMax
      self.patienceNanoseconds = patienceNanoseconds
    }
  }

  /// What other answers may add beyond the limit: an operator can look at `/metrics` when queries
  /// have taken all.
  package static let pageByteCountMax = 32 << 20
  /// A client that has read nothing for so long goes first when there is no room.
  static let stalledNanoseconds: UInt64 = 1_000_000_000
  /// What it must have read in that time not to be such a client.
  package static let progressByteCount = 32 << 10
  /// How often those who wait are looked at.
  private static let sweepInterval = Duration.milliseconds(50)

  private struct Connection {
    let hangUp: @Sendable () -> Void
    /// Columns or text of an answer that is being written.
    var answerByteCount = 0
    /// Text that lies between the connection and its socket.
    var channelByteCount = 0
    /// When the client had last taken ``AnswerBudget/progressByteCount``, on the monotonic clock.
    var progressAt: UInt64
    /// What it has taken since.
    var takenByteCount = 0
    var isCut = false

    var byteCount: Int { answerByteCount + channelByteCount }
  }

  private struct Waiter {
    var deadline: UInt64
    var reply: CheckedContinuation<Result<Void, QueryError>, Never>
  }

  private struct State {
    /// What clients have not read, over all connections.
    var held = 0
    /// Queries that are being answered.
    var running = 0
    var connections: [ObjectIdentifier: Connection] = [:]
    /// In the order in which they came.
    var waiting: [Waiter] = []
    var cutCount = 0
    var isSweeping = false
    var isClosed = false
  }

  let limits: Limits
  private let clock: any Clock
  private let state = Mutex(State())

  package init(_ limits: Limits, clock: any Clock) {
    self.limits = limits
    self.clock = clock
  }

  /// The budget of a server: the query threads share half of it while they work.
  convenience init(
    _ configuration: ServerConfiguration,
    engine: EngineConfiguration,
    clock: any Clock
  ) {
    let threadCount = max(1, engine.queryThreadCount)
    let part = configuration.answerByteCountMax / (2 * threadCount)
    self.init(
      Limits(
        byteCountMax: configuration.answerByteCountMax,
        queryByteCount: min(part, engine.queryByteCountMax),
        waitingMax: engine.queryWaitingMax,
        patienceNanoseconds: UInt64(engine.queryTimeoutNanoseconds)
      ),
      clock: clock
    )
  }

  /// What `/metrics` shows of it.
  package struct Snapshot: Sendable {
    /// Bytes that clients have not read yet.
    package var heldByteCount = 0
    package var byteCountMax = 0
    /// Queries that wait for room.
    package var waitingCount = 0
    /// Clients that were hung up on to make room.
    package var cutCount = 0
  }

  package func snapshot() -> Snapshot {
    state.withLock { state in
      Snapshot(
        heldByteCount: state.held,
        byteCountMax: limits.byteCountMax,
        waitingCount: state.waiting.count,
        cutCount: state.cutCount
      )
    }
  }

  // MARK: Connections

  /// Takes a connection into the budget.
  ///
  /// - Parameter hangUp: ends the connection; called from any thread, at most once.
  package func open(_ connection: ObjectIdentifier, hangUp: @escaping @Sendable () -> Void) {
    let now = clock.monotonic()
    state.withLock { $0.connections[connection] = Connection(hangUp: hangUp, progressAt: now) }
  }

  /// The connection has ended, and with it what it held.
  package func close(_ connection: ObjectIdentifier) {
    let granted = state.withLock { state -> [Waiter] in
      guard let gone = state.connections.removeValue(forKey: connection) else { return [] }
      state.held -= gone.byteCount
      return grant(&state)
    }
    resume(granted)
  }

  /// Says what a connection holds now: of an answer that is being written, and between it and its
  /// socket. Less there than before means that its client reads.
  package func update(_ connection: ObjectIdentifier, answer: Int? = nil, channel: Int? = nil) {
    let now = clock.monotonic()
    let granted = state.withLock { state -> [Waiter] in
      guard var entry = state.connections[connection] else { return [] }
      let before = entry.byteCount
      if let channel {
        entry.takenByteCount += max(0, entry.channelByteCount - channel)
        entry.channelByteCount = channel
      }
      if let answer { entry.answerByteCount = answer }
      if before == 0 || entry.takenByteCount >= Self.progressByteCount {
        entry.progressAt = now
        entry.takenByteCount = 0
      }
      state.connections[connection] = entry
      state.held += entry.byteCount - before
      return entry.byteCount < before ? grant(&state) : []
    }
    resume(granted)
  }

  private func resume(_ granted: [Waiter]) {
    for waiter in granted { waiter.reply.resume(returning: .success(())) }
  }

  // MARK: Admission

  /// Waits for room for a query; ``endQuery()`` gives it back.
  ///
  /// - Throws: when too many wait, or none came in time.
  package func beginQuery() async throws(QueryError) {
    let deadline = clock.monotonic() &+ limits.patienceNanoseconds
    let result = await withCheckedContinuation { continuation in
      enter(Waiter(deadline: deadline, reply: continuation))
    }
    try result.get()
  }

  /// Begins a query if there is room for it and nobody waits; ``endQuery()`` gives it back.
  package func beginQueryAtOnce() -> Bool {
    state.withLock { state in
      guard state.waiting.isEmpty, !state.isClosed, hasRoom(state) else { return false }
      state.running += 1
      return true
    }
  }

  private func enter(_ waiter: Waiter) {
    let (verdict, sweeps) = state.withLock { state -> (Result<Void, QueryError>?, Bool) in
      if state.waiting.isEmpty, hasRoom(state) {
        state.running += 1
        return (.success(()), false)
      }
      if state.isClosed {
        return (.failure(QueryError(.unavailable, "the server is stopping")), false)
      }
      guard state.waiting.count < limits.waitingMax else {
        let text = "more than \(limits.waitingMax) queries are waiting; try again later"
        return (.failure(QueryError(.unavailable, text)), false)
      }
      state.waiting.append(waiter)
      defer { state.isSweeping = true }
      return (nil, !state.isSweeping)
    }
    if let verdict { waiter.reply.resume(returning: verdict) }
    if sweeps { Task { await sweep() } }
  }

  /// The query is answered; what its client has not read is held from now on.
  package func endQuery() {
    let granted = state.withLock { state in
      state.running -= 1
      return grant(&state)
    }
    resume(granted)
  }

  /// Whether another answer that is no query's has room. Where it has none, room is made for the
  /// next one if it can be.
  package func admitsPage() -> Bool {
    let wanted = limits.byteCountMax + Self.pageByteCountMax
    if snapshot().heldByteCount < wanted { return true }
    cutStalled(until: wanted)
    return false
  }

  /// Refuses who waits and all that comes.
  package func close() {
    let refused = state.withLock { state in
      state.isClosed = true
      defer { state.waiting = [] }
      return state.waiting
    }
    let error = QueryError(.unavailable, "the server is stopping")
    for waiter in refused { waiter.reply.resume(returning: .failure(error)) }
  }

  private func hasRoom(_ state: State) -> Bool {
    state.held + (state.running + 1) * limits.queryByteCount <= limits.byteCountMax
  }

  private func grant(_ state: inout State) -> [Waiter] {
    var count = 0
    while count < state.waiting.count, hasRoom(state) {
      state.running += 1
      count += 1
    }
    defer { state.waiting.removeFirst(count) }
    return Array(state.waiting.prefix(count))
  }

  // MARK: Those who do not read

  private func sweep() async {
    while true {
      try? await Task.sleep(for: Self.sweepInterval)
      let now = clock.monotonic()
      let (expired, isDone) = state.withLock { state -> ([Waiter], Bool) in
        let expired = state.waiting.filter { $0.deadline <= now }
        state.waiting.removeAll { $0.deadline <= now }
        state.isSweeping = !state.waiting.isEmpty
        return (expired, state.waiting.isEmpty)
      }
      for waiter in expired { waiter.reply.resume(returning: .failure(noRoom)) }
      if isDone { return }
      cutStalled(until: limits.byteCountMax - limits.queryByteCount)
    }
  }

  /// What a client is told for which there was no room.
  var noRoom: QueryError {
    let held = snapshot().heldByteCount >> 20
    return QueryError(
      .unavailable,
      """
      answers of \(held) MiB wait for clients that have not read them, of \
      \(limits.byteCountMax >> 20) MiB allowed (http.answers-max); try again later
      """
    )
  }

  /// Hangs up on clients that read nothing, the longest silent first, until no more than
  /// `byteCount` bytes are held.
  private func cutStalled(until byteCount: Int) {
    let now = clock.monotonic()
    let stalled = state.withLock { state -> [Connection] in
      var excess = state.held - byteCount
      guard excess > 0 else { return [] }
      let silent = state.connections.filter { _, connection in
        connection.byteCount > 0 && !connection.isCut
          && now &- connection.progressAt >= Self.stalledNanoseconds
      }
      var chosen: [Connection] = []
      for (key, connection) in silent.sorted(by: { $0.value.progressAt < $1.value.progressAt }) {
        guard excess > 0 else { break }
        excess -= connection.byteCount
        state.connections[key]?.isCut = true
        state.cutCount += 1
        chosen.append(connection)
      }
      return chosen
    }
    for connection in stalled {
      connection.hangUp()
    }
  }
}
