public import Model

/// Turns the bytes of line protocol into encoded rows in batches, one parser for each receiving
/// thread.
///
/// Rows whose series and fields come in the order of last time, which is nearly all of them, are
/// compared with what was expected and encoded in one pass; anything else, bad lines among it, is
/// taken apart with care. Both give the same rows.
///
/// Owned by one thread. Cost: about 10 ns a value, without allocation, in the usual case.
public struct LineParser: ~Copyable {
  let options: LineParserOptions
  let resolver: any SchemaResolver
  let tables = HotTables()
  var keys: KeyTable
  var shapes: ShapeTable
  var batches: OpenBatches
  var tally = RefusalTally()
  let payload: PayloadStore
  var tail = ByteStore(keeping: 64 << 10)
  /// Bytes that all sessions of the parser carry.
  private(set) var carriedByteCount = 0
  var parsed = ParsedRow()
  var matcher = NameMatcher()

  public init(
    options: LineParserOptions = LineParserOptions(),
    partitionCount: Int,
    resolver: any SchemaResolver
  ) {
    precondition(options.lineByteCountMax >= 1 << 10)
    precondition(options.lineByteCountMax <= 8 << 20)
    precondition(options.verdictsMax >= 1)
    self.options = options
    self.resolver = resolver
    keys = KeyTable(byteCountMax: options.keyByteCountMax, seed: options.hashSeed)
    shapes = ShapeTable(byteCountMax: options.shapeByteCountMax, seed: options.hashSeed)
    batches = OpenBatches(partitionCount: partitionCount)
    payload = PayloadStore(lineByteCountMax: options.lineByteCountMax)
  }

  /// Parses what a sender sent, up to the first event or the end.
  ///
  /// An unended last line is kept in the session. Call again with the rest while bytes are left.
  /// When the session's list of verdicts fills up, the call returns early, so that an owner who
  /// takes them after each call misses none.
  ///
  /// - Parameters:
  ///   - arrival: now; the timestamp of lines that have none, and what the future is measured from.
  /// - Returns: how many bytes were taken, and what the owner must do before it goes on.
  public mutating func parse(
    _ bytes: UnsafeRawBufferPointer,
    session: LineSession,
    arrival: Timestamp
  ) -> (consumed: Int, event: LineEvent?) {
    guard let base = bytes.baseAddress, !session.isForeign else { return (bytes.count, nil) }
    let carried = session.carry.count
    defer { carriedByteCount += session.carry.count - carried }
    begin(session, arrival: arrival)
    let end = unsafe base + bytes.count
    var cursor = unsafe base
    let hasRoom = session.verdicts.count < options.verdictsMax
    while unsafe cursor < end {
      var event: LineEvent?
      if session.isSkipping {
        unsafe cursor = unsafe skip(cursor, to: end, session)
      } else if session.carry.count > 0 {
        event = unsafe parseCarry(&cursor, to: end, session, arrival)
        if event != nil, unsafe cursor == end, session.carry.count > 0 {
          // Whole lines wait in the session: keep a byte back, so that the owner calls again.
          session.carry.removeLast()
          unsafe cursor -= 1
        }
      } else {
        event = unsafe parseInPlace(&cursor, to: end, session, arrival)
        if hasRoom, session.verdicts.count >= options.verdictsMax {
          return unsafe (cursor - base, event)
        }
      }
      if session.isForeign {
        session.carry.removeAll()
        return (bytes.count, event)
      }
      if let event { return unsafe (cursor - base, event) }
    }
    return unsafe (cursor - base, nil)
  }

  /// Ends a session: what is left of its last line is parsed when the end ends lines (a request's
  /// body), else refused as cut.
  public mutating func finish(session: LineSession, arrival: Timestamp, endsLine: Bool) {
    end(session, arrival, endsLine: endsLine, "the connection ended inside the line")
  }

  /// Forgets the beginning of a line of a session that ends without being asked for more.
  public mutating func forget(session: LineSession) {
    carriedByteCount -= session.carry.count
    session.carry.removeAll()
  }

  /// Refuses the line inside of which the sender fell silent.
  public mutating func expire(session: LineSession, arrival: Timestamp) {
    end(session, arrival, endsLine: false, "no more bytes came for the line")
  }

  private mutating func end(
    _ session: LineSession,
    _ arrival: Timestamp,
    endsLine: Bool,
    _ silence: String
  ) {
    let carried = session.carry.count
    defer { carriedByteCount += session.carry.count - carried }
    finish(session, arrival, endsLine: endsLine, silence)
  }

  /// Seals every open batch, and behind them the counts of refused lines.
  public mutating func closeBatches(arrival: Timestamp) {
    shapes.rescale(resolver)
    batches.sealAll(registryVersion: resolver.version, arrival: arrival)
    guard !tally.isEmpty else { return }
    for (tenant, counts) in tally.take() {
      batches.append(
        sealed: RefusalCodec.batch(
          of: counts,
          tenant: tenant,
          partition: PartitionID(0),
          registryVersion: resolver.version,
          arrival: arrival
        )
      )
    }
  }

  /// The batches sealed since the last call, in order.
  public mutating func takeSealed() -> [RowBatch] { batches.takeSealed() }

  /// When the oldest row came, stored or refused, that no sealed batch tells of; `nil` when there
  /// is none.
  public var oldestOpenRow: Timestamp? {
    guard let refused = tally.openedAt else { return batches.oldestOpenRow }
    return min(refused, batches.oldestOpenRow ?? .max)
  }

  /// Whether a session carries much while all of them carry too much: its line is then too long.
  func isCrowded(_ session: LineSession) -> Bool {
    session.carry.count > LineParserOptions.shortLineByteCount
      && carriedByteCount > options.carriedByteCountMax
  }

  func begin(_ session: LineSession) {
    guard session.tableGeneration != keys.generation else { return }
    session.tableGeneration = keys.generation
    session.lastRecord = 0
  }

  private mutating func begin(_ session: LineSession, arrival: Timestamp) {
    if session.tenant != batches.tenant {
      batches.turn(to: session.tenant, registryVersion: resolver.version, arrival: arrival)
    }
    begin(session)
  }
}

/// Where a row's payload is written before its timestamp is known: as large as any row's can be.
/// Memory that no row ever needed is never touched.
@safe final class PayloadStore {
  let base: UnsafeMutableRawPointer

  init(lineByteCountMax: Int) {
    // A field takes four bytes of text at least.
    let columnCount = min(Limits.fieldsPerRowMax, lineByteCountMax / 4 + 1)
    unsafe base = unsafe UnsafeMutableRawPointer.allocate(
      byteCount: PayloadEncoder.byteCountMax(
        columnCount: columnCount,
        stringByteCount: 2 * lineByteCountMax
      ) + 64,
      alignment: 64
    )
  }

  deinit { unsafe base.deallocate() }
}
