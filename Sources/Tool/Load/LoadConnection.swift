internal import Model
internal import Platform
internal import Server
internal import Synchronization

/// One connection of a load run: a thread that sends rows and one that takes the answers.
final class LoadConnection: Sendable {
  private struct Piece {
    var id: UInt64
    var rowCount: Int
    var byteCount: Int
    var sentAt: UInt64
  }

  private struct State {
    var progress = LoadProgress()
    /// Sent and not yet answered, oldest first.
    var waiting: [Piece] = []
    var inFlightByteCount = 0
    var isBroken = false
    /// Nothing more will be sent.
    var isSent = false
  }

  private static let answerTimeoutSeconds = 30

  private let plan: LoadPlan
  private let servers: Range<Int>
  private let clock: any Clock
  private let socket: TCPSocket
  private let state = Mutex(State())
  private let isStopped = Atomic(false)
  /// Set when answers came or when it is time to stop.
  private let wake = Signal()

  init(_ plan: LoadPlan, servers: Range<Int>, clock: any Clock) throws(SystemError) {
    self.plan = plan
    self.servers = servers
    self.clock = clock
    socket = try TCPSocket(host: plan.address.host, port: plan.address.port)
    socket.setReceiveTimeout(seconds: Self.answerTimeoutSeconds)
  }

  var progress: LoadProgress { state.withLock { $0.progress } }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    wake.set()
  }

  // MARK: Sending

  /// Sends until the plan is done or it is stopped, then says that nothing more comes.
  func send(startedAt: UInt64, wallStart: Timestamp) {
    var fleet = Fleet(servers: servers, metricCount: plan.metricCount, seed: plan.seed)
    var pace = Pace(plan, fleet: fleet, startedAt: startedAt, wallStart: wallStart)
    var id: UInt64 = 0
    do throws(SystemError) {
      while let piece = pace.next() {
        guard waitUntil(piece.dueAt), !isOver(startedAt) else { break }
        fleet.advance(piece.servers, to: piece.stamp ?? clock.now())
        guard waitForRoom(fleet.range(of: piece.servers).count) else { break }
        id += 1
        try send(fleet, piece.servers, id: id)
      }
    } catch {
      fail("\(error)")
    }
    let isAnswered = state.withLock { state in
      state.isSent = true
      return state.waiting.isEmpty
    }
    switch plan.transport {
    case .lines: socket.shutDownSending()
    // An HTTP server takes a closed direction for a hang-up, so the last answer is the end.
    case .http: if isAnswered { socket.shutDown() }
    }
  }

  private func send(_ fleet: Fleet, _ servers: Range<Int>, id: UInt64) throws(SystemError) {
    let range = fleet.range(of: servers)
    state.withLock { state in
      state.waiting.append(
        Piece(
          id: id,
          rowCount: servers.count,
          byteCount: range.count,
          sentAt: clock.monotonic()
        )
      )
      state.inFlightByteCount += range.count
      state.progress.rowsSent += servers.count
      state.progress.bytesSent += range.count
      state.progress.acknowledgementsSent += 1
    }
    switch plan.transport {
    case .lines:
      try socket.send(fleet.bytes, range, hasMore: true)
      let line = Array("#ack \(id)\n".utf8)
      try socket.send(line, 0..<line.count)
    case .http:
      let head = Array(
        ("POST /write HTTP/1.1\r\nHost: \(plan.address)\r\n"
          + "Content-Length: \(range.count)\r\n\r\n").utf8
      )
      try socket.send(head, 0..<head.count, hasMore: true)
      try socket.send(fleet.bytes, range)
    }
  }

  private func isOver(_ startedAt: UInt64) -> Bool {
    if isStopped.load(ordering: .relaxed) { return true }
    guard let duration = plan.duration else { return false }
    return clock.monotonic() - startedAt >= UInt64(duration)
  }

  /// - Returns: whether to go on.
  private func waitUntil(_ due: UInt64) -> Bool {
    while !isStopped.load(ordering: .relaxed), !state.withLock({ $0.isBroken }) {
      let now = clock.monotonic()
      if now >= due { return true }
      wake.wait(timeoutNanoseconds: due - now)
    }
    return false
  }

  private func waitForRoom(_ byteCount: Int) -> Bool {
    while !isStopped.load(ordering: .relaxed) {
      let (inFlight, isBroken) = state.withLock { ($0.inFlightByteCount, $0.isBroken) }
      if isBroken { return false }
      if inFlight == 0 || inFlight + byteCount <= plan.windowByteCount { return true }
      wake.wait(timeoutNanoseconds: 1_000_000_000)
    }
    return false
  }

  // MARK: Answers

  /// Takes answers until the server has said its last one.
  func receive() {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var rest: [UInt8] = []
    var replies = HTTPReplies()
    do throws(SystemError) {
      while true {
        let count = try socket.receive(into: &buffer)
        if count == 0 { break }
        switch plan.transport {
        case .lines:
          rest += buffer[..<count]
          rest = take(rest)
        case .http:
          replies.append(buffer[..<count])
          take(&replies)
        }
      }
    } catch {
      fail(error.code == SystemError.Code.wouldBlock ? "no answer for 30 s" : "\(error)")
    }
    state.withLock { state in
      if !state.isBroken, !state.isSent || !state.waiting.isEmpty {
        state.progress.complain("the server closed the connection")
      }
      state.isBroken = true
      state.progress.acknowledgementsMissing = state.waiting.count
    }
    wake.set()
  }

  /// Takes whole lines off the front.
  private func take(_ bytes: [UInt8]) -> [UInt8] {
    var rest = bytes[...]
    let now = clock.monotonic()
    state.withLock { state in
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        Self.take(LoadAnswer(rest[..<end]), at: now, &state)
        rest = rest[(end + 1)...]
      }
    }
    wake.set()
    return Array(rest)
  }

  /// Takes whole answers; the last one ends the connection.
  private func take(_ replies: inout HTTPReplies) {
    let now = clock.monotonic()
    while let reply = replies.next() {
      let isLast = state.withLock { state in
        if let first = state.waiting.first {
          let answer =
            reply.status == 204
            ? LoadAnswer.ok(id: first.id, accepted: first.rowCount, rejected: 0)
            : LoadAnswer.failed(id: first.id, text: "\(reply.status) \(reply.body)")
          Self.take(answer, at: now, &state)
        } else {
          state.progress.complain("an answer that nobody waits for: \(reply.status)")
        }
        return state.isSent && state.waiting.isEmpty
      }
      if isLast { socket.shutDown() }
    }
    wake.set()
  }

  private static func take(_ answer: LoadAnswer, at now: UInt64, _ state: inout State) {
    switch answer {
    case .ok(let id, let accepted, let rejected):
      guard let piece = settle(id, &state) else { return }
      state.progress.latencies.record(now &- piece.sentAt)
      state.progress.rowsAccepted += accepted
      state.progress.rowsRejected += rejected
    case .failed(let id, let text):
      state.progress.acknowledgementsFailed += 1
      state.progress.complain(text)
      if let id { _ = settle(id, &state) }
    case .refused(let text), .other(let text):
      state.progress.complain(text)
    }
  }

  private static func settle(_ id: UInt64, _ state: inout State) -> Piece? {
    guard let first = state.waiting.first, first.id == id else {
      state.progress.complain("an answer for \(id) that nobody waits for")
      return nil
    }
    state.waiting.removeFirst()
    state.inFlightByteCount -= first.byteCount
    return first
  }

  private func fail(_ text: String) {
    state.withLock { state in
      state.isBroken = true
      state.progress.complain(text)
    }
    wake.set()
  }
}
