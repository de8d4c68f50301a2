import LineProtocol
import Model
import TestSupport

/// What came of a document.
struct Outcome: Equatable {
  /// Rows of each series in the order of their arrival, all series in one dictionary.
  var rows: [String: [StoredRow]] = [:]
  var verdicts: [Verdict] = []
  /// Events with the counts that stood when they came.
  var events: [String] = []
  var accepted: UInt64 = 0
  var rejected: UInt64 = 0

  struct Verdict: Equatable, CustomStringConvertible {
    var line: UInt64
    var column: Int
    var reason: RefusalReason
    var description: String { "\(line) \(column) \(reason.name)" }
  }

  var storedRows: [StoredRow] {
    rows.sorted { left, right in
      let names = (left.value.first?.series ?? "", right.value.first?.series ?? "")
      return names.0 == names.1 ? left.key < right.key : names.0 < names.1
    }
    .flatMap(\.value)
  }

  mutating func add(_ added: [StoredRow]) {
    for row in added { rows[row.key, default: []].append(row) }
  }
}

/// Drives a parser the way a receiver does.
struct Harness: ~Copyable {
  static let arrival: Timestamp = 1_800_000_000_000_000_000

  let catalog: TestCatalog
  let options: LineParserOptions
  var parser: LineParser
  var session: LineSession
  var arrival = Harness.arrival
  var outcome = Outcome()
  var verdicts: [LineVerdict] = []
  var batches: [RowBatch] = []
  var events: [LineEvent] = []
  private var tenants: [[UInt8]] = [[]]

  init(
    catalog: TestCatalog = TestCatalog(),
    options: LineParserOptions = LineParserOptions(hashSeed: 1)
  ) {
    self.catalog = catalog
    self.options = options
    parser = LineParser(
      options: options,
      partitionCount: catalog.partitionCount,
      resolver: catalog
    )
    session = LineSession(tenant: .default)
  }

  /// Hands bytes over and obeys events.
  mutating func send(_ bytes: some Collection<UInt8>) {
    unsafe Array(bytes).withUnsafeBytes { all in
      var offset = 0
      while offset < all.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: all[offset...])
        let (consumed, event) = unsafe parser.parse(rest, session: session, arrival: arrival)
        offset += consumed
        take()
        if let event { obey(event) }
        precondition(consumed > 0 || event != nil, "the parser makes no progress")
      }
    }
    take()
  }

  mutating func send(_ text: String) { send(Array(text.utf8)) }

  /// Ends the session and closes all batches.
  mutating func finish(endsLine: Bool = false) {
    parser.finish(session: session, arrival: arrival, endsLine: endsLine)
    take()
    close()
    outcome.accepted += session.accepted
    outcome.rejected += session.rejected
  }

  mutating func close() {
    parser.closeBatches(arrival: arrival)
    take()
  }

  private mutating func take() {
    let sealed = parser.takeSealed()
    batches += sealed
    outcome.add(catalog.rows(of: sealed))
    outcome.verdicts += session.verdicts.map {
      Outcome.Verdict(line: $0.line, column: $0.column, reason: $0.reason)
    }
    verdicts += session.verdicts
    session.verdicts = []
  }

  private mutating func obey(_ event: LineEvent) {
    events.append(event)
    switch event {
    case .acknowledge(let id):
      close()
      outcome.events.append("ack \(id) \(session.accepted) \(session.rejected)")
      outcome.accepted += session.accepted
      outcome.rejected += session.rejected
      session.accepted = 0
      session.rejected = 0
    case .tenant(let name):
      let known = tenants.firstIndex(of: name)
      if known == nil { tenants.append(name) }
      session.tenant = TenantID(UInt32(known ?? tenants.count - 1))
      outcome.events.append("tenant \(String(decoding: name, as: UTF8.self))")
    case .auth(let token):
      outcome.events.append("auth \(String(decoding: token, as: UTF8.self))")
    case .fault(let reason): outcome.events.append("fault \(reason)")
    case .foreignProtocol(let what): outcome.events.append("foreign \(what)")
    }
  }

  /// What comes of a document that is sent in pieces, `cuts` being where they end.
  static func parse(
    _ document: [UInt8],
    cuts: [Int] = [],
    endsLine: Bool = false,
    options: LineParserOptions = LineParserOptions(hashSeed: 1)
  ) -> Outcome {
    var harness = Harness(options: options)
    var start = 0
    for cut in cuts + [document.count] {
      harness.send(document[start..<cut])
      start = cut
    }
    harness.finish(endsLine: endsLine)
    return harness.outcome
  }
}
