internal import Catalog
internal import LineProtocol
internal import Model
internal import Platform
internal import Queue

/// Takes bytes of line protocol on one event loop, builds batches and answers acknowledgements.
///
/// Not `Sendable`: it belongs to its loop, and everything it owns is touched there only. What it
/// hands over (sealed batches) and what comes back (the settled sequence) goes through its port.
public final class Receiver {
  /// A batch stays open this long at most after its first row.
  static let lingerNanoseconds: Int64 = 10_000_000
  /// Sealed batches that wait for the port; beyond it the receiver is congested.
  static let waitingMax = 64
  /// Bytes of replies to one connection that may wait; beyond it its input is not read.
  public static let replyByteCountMax = 64 << 10
  /// Acknowledgements that one connection may wait for; beyond it its input is not read.
  static let acknowledgementsMax = 1_024

  /// Refused lines of one connection after which ``receive(_:on:turnNanoseconds:)`` looks at the
  /// clock: about a millisecond.
  static let refusalsPerLook = 100

  /// Who is told that what it sent is durable.
  enum Waiter {
    case connection(LineConnection, id: String, accepted: UInt64, rejected: UInt64)
    case body(LineBody, onSettled: (String?) -> Void)
  }

  struct Acknowledgement {
    var waiter: Waiter
    /// Durable once the port has settled this sequence; batches after `covered` belong to it.
    var covered: UInt64
    var sequence: UInt64 = 0
    /// When the round ended that asked, on the monotonic clock.
    var askedAt: UInt64 = 0
  }

  var parser: LineParser
  private let catalog: Catalog
  private let port: ReceiverPort
  let deadLetters: DeadLetterLog
  private let authorizer: any Authorizer
  let clock: any Clock
  private let defaultTenant: TenantID
  private var waiting: [RowBatch] = []
  private var acknowledgements: [Acknowledgement] = []
  var asked: [Acknowledgement] = []
  /// Connections whose replies changed since the last ``takeTouched()``.
  private var touched: [LineConnection] = []
  let statistics: ReceiverStatistics
  private let refuses: () -> Bool
  let gate: IngestGate

  init(
    parser: consuming LineParser,
    catalog: Catalog,
    port: ReceiverPort,
    deadLetters: DeadLetterLog,
    authorizer: any Authorizer,
    clock: any Clock,
    defaultTenant: TenantID,
    statistics: ReceiverStatistics,
    gate: IngestGate = IngestGate(),
    refuses: @escaping () -> Bool = { false }
  ) {
    self.parser = parser
    self.catalog = catalog
    self.port = port
    self.deadLetters = deadLetters
    self.authorizer = authorizer
    self.clock = clock
    self.defaultTenant = defaultTenant
    self.statistics = statistics
    self.gate = gate
    self.refuses = refuses
  }

  /// Ends the port: the committer forgets it once it has taken what is in it.
  deinit { port.close() }

  /// Greets a client. `sender` names it in logs.
  public func open(sender: String) -> LineConnection {
    LineConnection(
      sender: sender,
      session: LineSession(tenant: defaultTenant),
      sequence: submittedSequence
    )
  }

  /// Whether sockets should stop being read: batches wait for the committer.
  public var isCongested: Bool { waiting.count >= Self.waitingMax }

  /// Whether nothing can be made durable now. Rows are then dropped and acknowledgements answered
  /// with `FAIL`, so that only clients that have asked for one should be read.
  public var isRefusing: Bool { refuses() }

  /// How long sockets should not be read yet, because blocks that wait to be merged have become
  /// many; what was read already is taken. At most half a second.
  public var restNanoseconds: UInt64 {
    gate.isSlowing ? gate.restNanoseconds(now: clock.monotonic()) : 0
  }

  /// Has whoever reads a file instead of a socket wait as listeners do.
  ///
  /// - Parameter wait: waits for up to so many nanoseconds, and settles meanwhile.
  package func rest(_ wait: (_ nanoseconds: UInt64) -> Void) {
    while true {
      let nanoseconds = restNanoseconds
      guard nanoseconds > 0 else { return }
      wait(nanoseconds)
    }
  }

  public var hasOpenRows: Bool { parser.oldestOpenRow != nil }

  /// Whether everything that was taken is with the committer and answered.
  public var isIdle: Bool {
    !hasOpenRows && waiting.isEmpty && asked.isEmpty && acknowledgements.isEmpty
  }

  /// Parses what a client sent, as long as it takes its replies.
  ///
  /// Cost: the parse, about 14 ns a value; a batch is handed over when it is full. A refused line
  /// costs some microseconds, a thousand times what a good one of its length does.
  ///
  /// - Parameter turnNanoseconds: how long refused lines and control words may take before others
  ///   have their turn; lines that are stored are taken whatever the clock says.
  /// - Returns: how many bytes were taken. Fewer than all when ``replyByteCountMax`` bytes of
  ///   replies wait, or many acknowledgements: give the rest again once answers are written; or
  ///   when ``LineConnection/isTurnOver``: give it again in another turn.
  public func receive(
    _ bytes: UnsafeRawBufferPointer,
    on connection: LineConnection,
    turnNanoseconds: UInt64 = .max
  ) -> Int {
    connection.isTurnOver = false
    let begin = turnNanoseconds < .max ? clock.monotonic() : 0
    let arrival = clock.now()
    let before = connection.session.statistics
    var rest = unsafe bytes
    while rest.count > 0, connection.closeReason == nil,
      connection.replyByteCount < Self.replyByteCountMax,
      connection.pendingAcknowledgements < Self.acknowledgementsMax
    {
      // Lines before the first `#ack` are not answered, even when it came in the same packet.
      let answersVerdicts = connection.session.usesAcknowledgements
      let (consumed, event) = unsafe parser.parse(
        rest,
        session: connection.session,
        arrival: arrival
      )
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
      collect(connection, arrival: arrival, answers: answersVerdicts)
      if let event { handle(event, on: connection) }
      if event == nil, consumed == 0 { break }
      if rest.count > 0, turnNanoseconds < .max, clock.monotonic() &- begin >= turnNanoseconds {
        connection.isTurnOver = true
        break
      }
    }
    submit(parser.takeSealed())
    statistics.count(bytes: bytes.count - rest.count)
    gate.take(bytes.count - rest.count) { clock.monotonic() }
    statistics.count(connection.session, since: before)
    return bytes.count - rest.count
  }

  private func handle(_ event: LineEvent, on connection: LineConnection) {
    switch event {
    case .acknowledge(let id):
      let session = connection.session
      connection.pendingAcknowledgements += 1
      asked.append(
        Acknowledgement(
          waiter: .connection(
            connection,
            id: id,
            accepted: session.accepted,
            rejected: session.rejected
          ),
          covered: connection.coveredSequence
        )
      )
      session.accepted = 0
      session.rejected = 0
    case .tenant(let name):
      connection.tenantName = name
      authorize(connection)
    case .auth(let token):
      connection.token = token
      authorize(connection)
    case .fault(let reason):
      connection.reply("FAIL - \(reason)")
      touched.append(connection)
    case .foreignProtocol(let what):
      connection.closeReason = what
      touched.append(connection)
    }
  }

  private func authorize(_ connection: LineConnection) {
    guard
      let (name, rights) = authorizer.authorize(
        token: connection.token,
        tenant: connection.tenantName
      ), rights.contains(.write)
    else {
      connection.reply("FAIL auth this token may not write to this tenant")
      connection.closeReason = "not authorised"
      touched.append(connection)
      return
    }
    do throws(SchemaRefusal) {
      guard let tenant = try catalog.tenant(named: name, create: true) else { return }
      connection.session.tenant = tenant
    } catch {
      connection.reply("FAIL auth \(error.text)")
      connection.closeReason = "tenant refused"
      touched.append(connection)
    }
  }

  /// Ends a loop round: closes batches that an acknowledgement waits for and hands them over.
  public func endOfRound() {
    if !asked.isEmpty {
      parser.closeBatches(arrival: clock.now())
      submit(parser.takeSealed())
      let sequence = submittedSequence
      let now = clock.monotonic()
      for var acknowledgement in asked {
        acknowledgement.askedAt = now
        acknowledgement.sequence = sequence
        if case .connection(let connection, _, _, _) = acknowledgement.waiter {
          connection.coveredSequence = sequence
        }
        acknowledgements.append(acknowledgement)
      }
      asked.removeAll(keepingCapacity: true)
    }
    settle()
  }

  /// Closes batches whose first row is old enough. Call every few milliseconds while
  /// ``hasOpenRows``.
  public func tick() {
    let now = clock.now()
    guard let oldest = parser.oldestOpenRow, now - oldest >= Self.lingerNanoseconds || now < oldest
    else { return }
    parser.closeBatches(arrival: now)
    submit(parser.takeSealed())
  }

  /// Answers the acknowledgements whose batches are settled and hands waiting batches over.
  public func settle() {
    submit([])
    let settled = port.settledSequence
    var done = 0
    while done < acknowledgements.count, acknowledgements[done].sequence <= settled {
      answer(acknowledgements[done])
      done += 1
    }
    guard done > 0 else { return }
    let now = clock.monotonic()
    for acknowledgement in acknowledgements[..<done] {
      statistics.acknowledgementDurations.record(nanoseconds: now &- acknowledgement.askedAt)
    }
    acknowledgements.removeFirst(done)
  }

  private func answer(_ acknowledgement: Acknowledgement) {
    let failure = port.failure(after: acknowledgement.covered, upTo: acknowledgement.sequence)
    switch acknowledgement.waiter {
    case .connection(let connection, let id, let accepted, let rejected):
      connection.pendingAcknowledgements -= 1
      if let failure {
        connection.reply("FAIL \(id) \(failure)")
      } else {
        connection.reply("OK \(id) \(accepted) \(rejected)")
      }
      touched.append(connection)
    case .body(_, let onSettled): onSettled(failure)
    }
  }

  /// The peer has closed its sending side: a line without its end is refused as cut.
  public func close(_ connection: LineConnection) {
    let arrival = clock.now()
    parser.finish(session: connection.session, arrival: arrival, endsLine: false)
    collect(connection, arrival: arrival)
    submit(parser.takeSealed())
  }

  /// The peer has been silent inside a line for too long: the line is refused.
  public func expire(_ connection: LineConnection) {
    let arrival = clock.now()
    parser.expire(session: connection.session, arrival: arrival)
    collect(connection, arrival: arrival)
    connection.closeReason = "silent for 30 s inside a line"
    touched.append(connection)
  }

  /// The connections that have something to write or must be closed since the last call.
  public func takeTouched() -> [LineConnection] {
    defer { touched.removeAll(keepingCapacity: true) }
    return touched
  }

  /// Sends verdicts to a client that acknowledges, and every refused line to the dead letters.
  private func collect(_ connection: LineConnection, arrival: Int64, answers: Bool? = nil) {
    let session = connection.session
    let answers = answers ?? session.usesAcknowledgements
    guard !session.verdicts.isEmpty else { return }
    bury(session.verdicts, of: session.tenant, sender: connection.sender, arrival: arrival)
    if answers {
      for verdict in session.verdicts {
        connection.reply("ERR \(verdict.line) \(verdict.column) \(verdict.message)")
      }
    }
    session.verdicts.removeAll(keepingCapacity: true)
    if connection.hasReplies { touched.append(connection) }
  }

  /// Writes refused lines to the dead letters.
  func bury(_ verdicts: [LineVerdict], of tenant: TenantID, sender: String, arrival: Timestamp) {
    deadLetters.append(
      verdicts.map { verdict in
        DeadLetter(
          time: arrival,
          tenant: tenant,
          sender: sender,
          line: verdict.line,
          column: verdict.column,
          reason: verdict.reason,
          message: verdict.message,
          text: verdict.text
        )
      }
    )
    statistics.count(refused: verdicts)
  }

  var submittedSequence: UInt64 { port.submittedSequence + UInt64(waiting.count) }

  /// Hands batches to the committer in order; keeps what the port has no room for.
  func submit(_ sealed: [RowBatch]) {
    waiting.append(contentsOf: sealed)
    var taken = 0
    while taken < waiting.count, port.submit(waiting[taken]) { taken += 1 }
    waiting.removeFirst(taken)
  }
}
