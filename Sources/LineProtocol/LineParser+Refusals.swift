public import Model

/// Telling the sender, the dead letters and the ledger about refused lines.
extension LineParser {
  /// Books a refused row.
  ///
  /// - Parameters:
  ///   - points: fields of the row, when they are known.
  mutating func refuse(
    _ fault: RowFault,
    _ row: UnsafeRawPointer,
    _ count: Int,
    measurement: MeasurementID? = nil,
    points: Int = 0,
    _ session: LineSession,
    _ arrival: Timestamp
  ) {
    session.rejected += 1
    session.statistics.linesRejected += 1
    session.statistics.pointsRejected += UInt64(max(1, points))
    tally.add(
      tenant: session.tenant,
      measurement: measurement,
      reason: fault.reason,
      points: points,
      arrival: arrival
    )
    guard session.verdicts.count < options.verdictsMax else {
      session.unlistedVerdictCount += 1
      return
    }
    let room = options.verdictByteCountMax - session.verdictByteCount
    let shown = min(count, LineVerdict.textByteCountMax, max(room, 64))
    session.verdictByteCount += shown
    unsafe session.verdicts.append(
      LineVerdict(
        line: session.lineNumber + 1,
        column: fault.offset + 1,
        reason: fault.reason,
        message: fault.message,
        text: Array(UnsafeRawBufferPointer(start: row, count: shown))
      )
    )
  }

  /// Refuses something that never became a line, in the place of the session's next line: listed
  /// and counted like a line that does not follow the grammar.
  ///
  /// - Parameters:
  ///   - text: what was sent.
  ///   - column: where in `text` it cannot be understood, from 1.
  public mutating func refuse(
    _ text: [UInt8],
    column: Int,
    message: String,
    session: LineSession,
    arrival: Timestamp
  ) {
    let fault = RowFault(max(0, column - 1), .unparsable, message)
    unsafe text.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe refuse(fault, base, bytes.count, session, arrival)
    }
    session.lineNumber += 1
  }

  /// Refuses the first physical line of a row whose string is never closed; its other lines are
  /// rows of their own.
  mutating func refuseUnclosed(
    _ row: UnsafeRawPointer,
    _ firstLineEnd: Int,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> LineEvent? {
    let count = unsafe contentByteCount(row, firstLineEnd)
    if session.lineNumber == 0, let event = unsafe foreignLine(row, count, session) { return event }
    var fault = RowFault(count, .unparsable, "expected '\"' to close a string")
    // The line may be wrong before its string is.
    var grammar = unsafe RowGrammar(
      row,
      count: count,
      start: spaces(row, count),
      seed: options.hashSeed,
      tables: tables
    )
    do throws(RowFault) {
      try grammar.parse(into: &parsed)
    } catch {
      fault = error
    }
    unsafe refuse(
      fault,
      row,
      count,
      measurement: measurement(of: row, count, session),
      session,
      arrival
    )
    session.lineNumber += 1
    return nil
  }

  /// Refuses a row beyond the limit; what is left of it will be skipped.
  mutating func refuseTooLong(
    _ row: UnsafeRawPointer,
    _ scanner: RowScanner,
    _ session: LineSession,
    _ arrival: Timestamp
  ) {
    let limit = options.lineByteCountMax
    unsafe refuse(
      RowFault(limit, .tooLong, "the line is longer than \(limit) bytes"),
      unsafe row,
      limit,
      session,
      arrival
    )
    session.lineNumber += UInt64(scanner.lineFeedCount)
    session.isSkipping = true
  }

  /// Refuses a row of which a session carries more than there is memory for now.
  mutating func refuseCrowded(_ session: LineSession, _ arrival: Timestamp) {
    let limit = LineParserOptions.shortLineByteCount
    let message =
      "the line has not ended within \(limit) bytes, and the memory for longer ones is taken"
    unsafe refuse(
      RowFault(limit, .tooLong, message),
      session.carry.bytes,
      limit,
      session,
      arrival
    )
    session.lineNumber += UInt64(session.scanner.lineFeedCount)
    session.isSkipping = true
    session.scanner = RowScanner()
    session.carry.removeAll()
  }

  /// Refuses what came of a line whose end never will.
  mutating func refuseCut(
    _ row: UnsafeRawPointer,
    _ count: Int,
    _ message: String,
    _ session: LineSession,
    _ arrival: Timestamp
  ) {
    let start = unsafe spaces(row, count)
    // Neither a blank nor a comment loses anything.
    guard start < count, unsafe ByteScan.byte(row + start) != ByteScan.hash else { return }
    unsafe refuse(RowFault(count, .cut, message), row, count, session, arrival)
  }

  /// The measurement of a bad row, if its series is a known one.
  func measurement(
    of row: UnsafeRawPointer,
    _ count: Int,
    _ session: LineSession
  ) -> MeasurementID? {
    let start = unsafe spaces(row, count)
    var end = start
    while end < count {
      let byte = unsafe ByteScan.byte(row + end)
      if byte == ByteScan.lineFeed { return nil }
      if byte == ByteScan.space, unsafe ByteScan.byte(row + (end - 1)) != ByteScan.backslash {
        break
      }
      end += 1
    }
    guard end > start, end < count else { return nil }
    let key = unsafe row + start
    let hash = unsafe keys.hash(key, count: end - start, tenant: session.tenant)
    let found = unsafe keys.find(key, count: end - start, tenant: session.tenant, hash: hash)
    return unsafe found == 0 ? nil : MeasurementID(keys.record(found).pointee.measurement)
  }

  /// The row's bytes without a carriage return at its end.
  func contentByteCount(_ row: UnsafeRawPointer, _ count: Int) -> Int {
    unsafe count > 0 && ByteScan.byte(row + (count - 1)) == ByteScan.carriageReturn
      ? count - 1 : count
  }

  /// How many spaces the row begins with.
  func spaces(_ row: UnsafeRawPointer, _ count: Int) -> Int {
    var start = 0
    while start < count, unsafe ByteScan.byte(row + start) == ByteScan.space { start += 1 }
    return start
  }

  /// The event of a first line that no row can be and that another protocol begins with.
  func foreignLine(
    _ row: UnsafeRawPointer,
    _ count: Int,
    _ session: LineSession
  ) -> LineEvent? {
    guard let what = unsafe ForeignProtocol.name(row, count: count) else { return nil }
    session.isForeign = true
    return .foreignProtocol(what: what)
  }

  /// The same for a handshake, which has no lines at all.
  func foreignStart(_ session: LineSession) -> LineEvent? {
    guard session.lineNumber == 0,
      unsafe ForeignProtocol.isTLS(session.carry.bytes, count: session.carry.count)
    else { return nil }
    return unsafe foreignLine(session.carry.bytes, session.carry.count, session)
  }
}
