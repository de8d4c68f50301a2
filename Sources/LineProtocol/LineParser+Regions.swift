internal import Model

/// Cutting bytes into rows: in place where they lie, or in the session when a row comes in parts.
extension LineParser {
  /// Parses from `cursor` on until an event, the end, or a row that needs another treatment.
  mutating func parseInPlace(
    _ cursor: inout UnsafeRawPointer,
    to end: UnsafeRawPointer,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> LineEvent? {
    let verdictRoom = options.verdictsMax - session.verdicts.count
    while unsafe cursor < end {
      unsafe cursor = unsafe takePredicted(cursor, readable: end, session, arrival)
      guard unsafe cursor < end else { return nil }
      var scanner = RowScanner()
      let count = unsafe end - cursor
      switch unsafe scanner.scan(cursor, count: count, byteCountMax: options.lineByteCountMax) {
      case .row(let rowEnd):
        let row = unsafe cursor
        unsafe cursor += rowEnd + 1
        let event =
          unsafe end - cursor < ByteStore.slackByteCount
          ? takeMoved(row, rowEnd, scanner.lineFeedCount, session, arrival)
          : take(row, rowEnd, scanner.lineFeedCount, session, arrival)
        if let event { return event }
      case .unclosed(let firstLineEnd):
        let row = unsafe cursor
        unsafe cursor += firstLineEnd + 1
        if let event = unsafe refuseUnclosed(row, firstLineEnd, session, arrival) { return event }
      case .tooLong:
        unsafe refuseTooLong(cursor, scanner, session, arrival)
        unsafe cursor += options.lineByteCountMax + 1
        return nil
      case .incomplete:
        unsafe session.carry.append(cursor, count: count)
        session.scanner = scanner
        unsafe cursor = unsafe end
        if isCrowded(session) { refuseCrowded(session, arrival) }
        return foreignStart(session)
      }
      if verdictRoom > 0, session.verdicts.count >= options.verdictsMax { return nil }
    }
    return nil
  }

  /// Runs the hot loop and books what it took.
  private mutating func takePredicted(
    _ start: UnsafeRawPointer,
    readable: UnsafeRawPointer,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> UnsafeRawPointer {
    guard unsafe readable - start > Self.lookahead else { return unsafe start }
    var run = PredictedRun(
      tenant: session.tenant.rawValue,
      precision: session.precision,
      arrival: arrival,
      timestampMin: resolver.oldestTimestamp(arrival: arrival),
      timestampMax: Self.timestampMax(arrival),
      last: session.lastRecord
    )
    let end = unsafe parsePredicted(start, readable: readable, run: &run)
    session.lastRecord = run.last
    session.lineNumber += UInt64(run.rowCount)
    session.accepted += UInt64(run.rowCount)
    session.statistics.rowsAccepted += UInt64(run.rowCount)
    session.statistics.pointsAccepted += UInt64(run.pointCount)
    return unsafe end
  }

  static func timestampMax(_ arrival: Timestamp) -> Timestamp {
    let (sum, isLarge) = arrival.addingReportingOverflow(Limits.futureNanosecondsMax)
    return isLarge ? .max : sum
  }

  /// Takes a row behind which too few bytes lie: from a copy with slack behind it.
  private mutating func takeMoved(
    _ row: UnsafeRawPointer,
    _ count: Int,
    _ lineFeedCount: Int,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> LineEvent? {
    tail.removeAll()
    unsafe tail.append(row, count: count + 1)
    let bytes = unsafe tail.bytes
    let readable = unsafe bytes + (count + 1 + ByteStore.slackByteCount)
    if lineFeedCount == 0, unsafe takePredicted(bytes, readable: readable, session, arrival) > bytes
    {
      return nil
    }
    return unsafe take(bytes, count, lineFeedCount, session, arrival)
  }

  /// Goes on with a row whose beginning the session holds.
  mutating func parseCarry(
    _ cursor: inout UnsafeRawPointer,
    to end: UnsafeRawPointer,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> LineEvent? {
    let lineByteCountMax = options.lineByteCountMax
    while session.carry.count > 0 {
      let outcome = unsafe session.scanner.scan(
        session.carry.bytes,
        count: session.carry.count,
        byteCountMax: lineByteCountMax
      )
      if outcome == .incomplete {
        if let event = foreignStart(session) { return event }
        guard unsafe cursor < end else {
          if isCrowded(session) { refuseCrowded(session, arrival) }
          return nil
        }
        // Up to the next line feed, for no row ends before it; never more than the limit.
        let room = lineByteCountMax + 1 - session.carry.count
        let piece = unsafe min(end - cursor, room)
        let feed = unsafe ByteScan.find(
          ByteScan.lineFeed,
          or: ByteScan.lineFeed,
          from: cursor,
          to: cursor + piece
        )
        let added = unsafe min(feed - cursor + 1, piece)
        unsafe session.carry.append(cursor, count: added)
        unsafe cursor += added
        continue
      }
      if let event = takeCarried(outcome, session, arrival) { return event }
    }
    return nil
  }

  /// Takes or refuses what a scan of the carried bytes found.
  private mutating func takeCarried(
    _ outcome: RowScanner.Outcome,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> LineEvent? {
    let lineFeedCount = session.scanner.lineFeedCount
    switch outcome {
    case .incomplete: return nil
    case .row(let rowEnd):
      let bytes = unsafe session.carry.bytes
      session.scanner = RowScanner()
      // Only where nothing but this row is carried may the hot loop have it.
      if lineFeedCount == 0, session.carry.count == rowEnd + 1 {
        let readable = unsafe bytes + (rowEnd + 1 + ByteStore.slackByteCount)
        if unsafe takePredicted(bytes, readable: readable, session, arrival) > bytes {
          session.carry.removeAll()
          return nil
        }
      }
      let event = unsafe take(bytes, rowEnd, lineFeedCount, session, arrival)
      session.carry.removeFirst(rowEnd + 1)
      return event
    case .unclosed(let firstLineEnd):
      session.scanner = RowScanner()
      let event = unsafe refuseUnclosed(session.carry.bytes, firstLineEnd, session, arrival)
      session.carry.removeFirst(firstLineEnd + 1)
      return event
    case .tooLong:
      unsafe refuseTooLong(session.carry.bytes, session.scanner, session, arrival)
      session.scanner = RowScanner()
      session.carry.removeAll()
      return nil
    }
  }

  /// Passes over the rest of a line beyond the limit.
  func skip(
    _ cursor: UnsafeRawPointer,
    to end: UnsafeRawPointer,
    _ session: LineSession
  ) -> UnsafeRawPointer {
    let feed = unsafe ByteScan.find(ByteScan.lineFeed, or: ByteScan.lineFeed, from: cursor, to: end)
    guard unsafe feed < end else { return unsafe end }
    session.isSkipping = false
    session.lineNumber += 1
    return unsafe feed + 1
  }

  /// Ends the last line of a session.
  mutating func finish(
    _ session: LineSession,
    _ arrival: Timestamp,
    endsLine: Bool,
    _ silence: String
  ) {
    guard !session.isForeign else { return }
    if session.tenant != batches.tenant {
      batches.turn(to: session.tenant, registryVersion: resolver.version, arrival: arrival)
    }
    begin(session)
    session.isSkipping = false
    while session.carry.count > 0 {
      let bytes = unsafe session.carry.bytes
      let count = session.carry.count
      var outcome = unsafe session.scanner.scan(
        bytes,
        count: count,
        byteCountMax: options.lineByteCountMax
      )
      if outcome == .incomplete {
        let feed = unsafe ByteScan.find(
          ByteScan.lineFeed,
          or: ByteScan.lineFeed,
          from: bytes,
          to: bytes + count
        )
        if session.scanner.isInsideString, unsafe feed < bytes + count {
          // Nothing can close the string any more.
          outcome = unsafe .unclosed(firstLineEnd: feed - bytes)
        } else if endsLine {
          session.carry.append(byte: ByteScan.lineFeed)
          outcome = .row(end: count)
        } else {
          unsafe refuseCut(bytes, count, silence, session, arrival)
          break
        }
      }
      switch takeCarried(outcome, session, arrival) {
      case nil, .acknowledge?, .fault?: continue
      case .tenant?, .auth?, .foreignProtocol?:
        // Nobody is left to say yes to these, so that what follows belongs to nobody.
        if session.carry.count > 0 {
          unsafe refuseCut(session.carry.bytes, session.carry.count, silence, session, arrival)
        }
        session.carry.removeAll()
      }
    }
    session.carry.removeAll()
    session.scanner = RowScanner()
    session.isSkipping = false
  }
}
