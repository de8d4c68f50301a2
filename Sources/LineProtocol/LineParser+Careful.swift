internal import Model

/// Rows that nothing predicted: new series, other fields, any trouble. Everything that is refused
/// is refused here.
extension LineParser {
  /// Takes one row apart and stores or refuses it.
  ///
  /// - Parameters:
  ///   - row: its first byte; ``ByteStore/slackByteCount`` bytes are readable behind it.
  ///   - count: its bytes without the line feed.
  ///   - lineFeedCount: line feeds inside of its strings.
  mutating func take(
    _ row: UnsafeRawPointer,
    _ count: Int,
    _ lineFeedCount: Int,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> LineEvent? {
    let count = unsafe contentByteCount(row, count)
    let start = unsafe spaces(row, count)
    var event: LineEvent?
    if start == count {
      // Blank.
    } else if unsafe ByteScan.byte(row + start) == ByteScan.hash {
      if start == 0 { event = unsafe control(row, count, session) }
    } else if count > options.lineByteCountMax {
      let limit = options.lineByteCountMax
      let fault = RowFault(limit, .tooLong, "the line is longer than \(limit) bytes")
      unsafe refuse(fault, row, count, session, arrival)
    } else {
      event = unsafe takeRow(row, count, start, session, arrival)
    }
    session.lineNumber += UInt64(1 + lineFeedCount)
    return event
  }

  private func control(
    _ row: UnsafeRawPointer,
    _ count: Int,
    _ session: LineSession
  ) -> LineEvent? {
    guard let word = unsafe ControlWord(Array(UnsafeRawBufferPointer(start: row, count: count)))
    else {
      return nil
    }
    switch word {
    case .precision(let precision):
      session.precision = precision
      return nil
    case .event(let event):
      if case .acknowledge = event { session.usesAcknowledgements = true }
      return event
    }
  }

  private mutating func takeRow(
    _ row: UnsafeRawPointer,
    _ count: Int,
    _ start: Int,
    _ session: LineSession,
    _ arrival: Timestamp
  ) -> LineEvent? {
    var grammar = unsafe RowGrammar(
      row,
      count: count,
      start: start,
      seed: options.hashSeed,
      tables: tables
    )
    var points = 0
    do throws(RowFault) {
      do throws(RowFault) {
        try grammar.parse(into: &parsed)
      } catch {
        if session.lineNumber == 0, let event = unsafe foreignLine(row, count, session) {
          return event
        }
        throw error
      }
      points = parsed.fieldCount
      if let excess = parsed.excess { throw excess }
      let timestamp = try timestamp(session, arrival)
      if let timestamp { unsafe try checkAge(of: timestamp, row, session, arrival) }
      unsafe try store(row, start, timestamp, session, arrival)
    } catch {
      unsafe refuse(
        error,
        row,
        count,
        measurement: error.measurement ?? measurement(of: row, count, session),
        points: points,
        session,
        arrival
      )
    }
    return nil
  }

  /// The row's timestamp in nanoseconds; `nil` when it has none.
  private func timestamp(_ session: LineSession, _ arrival: Timestamp) throws(RowFault)
    -> Timestamp?
  {
    guard case .given(let magnitude, let isNegative) = parsed.time else { return nil }
    if isNegative, magnitude != 0 {
      throw RowFault(parsed.timeStart, .beforeEpoch, "timestamp before 1970")
    }
    guard let magnitude, let timestamp = session.precision.nanoseconds(magnitude) else {
      throw RowFault(
        parsed.timeStart,
        .future,
        "timestamp beyond the year 2262, more than 10 minutes ahead"
      )
    }
    guard timestamp <= Self.timestampMax(arrival) else {
      throw RowFault(parsed.timeStart, .future, "timestamp more than 10 minutes ahead")
    }
    return timestamp
  }

  /// Refuses a row that retention would remove at once.
  private func checkAge(
    of timestamp: Timestamp,
    _ row: UnsafeRawPointer,
    _ session: LineSession,
    _ arrival: Timestamp
  ) throws(RowFault) {
    guard timestamp < resolver.oldestTimestamp(arrival: arrival) else { return }
    let oldest = unsafe resolver.oldestTimestamp(
      tenant: session.tenant,
      measurement: bytes(of: parsed.measurement, row, isMeasurement: true),
      arrival: arrival
    )
    guard timestamp < oldest else { return }
    throw RowFault(
      parsed.timeStart,
      .expired,
      "timestamp before \(CivilTime(nanoseconds: oldest).rfc3339(decimals: 0)), where the "
        + "measurement's retention begins"
    )
  }

  /// Finds out what the row's names stand for and appends it to its partition's batch.
  private mutating func store(
    _ row: UnsafeRawPointer,
    _ start: Int,
    _ timestamp: Timestamp?,
    _ session: LineSession,
    _ arrival: Timestamp
  ) throws(RowFault) {
    let (fieldCount, hashSum) = unsafe matcher.markReplaced(&parsed, row)
    let reference = unsafe try record(row, start, fieldCount, hashSum, session)
    let record = unsafe keys.record(reference)
    let shape = unsafe Int(record.pointee.shape)
    let head = unsafe shapes.heads[shape]
    let byteCount = unsafe try encode(row, shape: shape)
    let stamp = unsafe keys.stamps + Int(record.pointee.stamp)
    if timestamp == nil { unsafe stamp.pointee = unsafe max(arrival, stamp.pointee &+ 1) }
    let rowHead = unsafe RowHead(
      layout: LayoutID(record.pointee.layout),
      timestamp: timestamp ?? stamp.pointee,
      scaleTable: head.scaleTable
    )
    let partition = unsafe Int(record.pointee.partition)
    let isIn = unsafe batches.builder(partition).pointee.append(
      rowHead,
      payload: payload.base,
      byteCount: byteCount,
      columnCount: head.columnCount,
      isLong: head.isLong
    )
    unsafe keys.record(session.lastRecord).pointee.next = reference
    session.lastRecord = reference
    if !isIn {
      appendToNext(rowHead, byteCount, head.columnCount, head.isLong, partition, arrival)
    }
    session.accepted += 1
    session.statistics.rowsAccepted += 1
    session.statistics.pointsAccepted += UInt64(head.columnCount)
  }

  /// Encodes the fields in column order into ``payload``; returns the bytes.
  private mutating func encode(
    _ row: UnsafeRawPointer,
    shape: Int
  ) throws(RowFault) -> Int {
    let head = unsafe shapes.heads[shape]
    var encoder = unsafe PayloadEncoder(at: payload.base, columnCount: head.columnCount)
    for column in 0..<head.columnCount {
      var token = parsed.fields[Int(matcher.fieldOfColumn[column])].value
      let entry = unsafe head.entries[column]
      if entry.type == .float, let float = floatToken(token) { token = float }
      switch (entry.type, token.kind) {
      case (.float, .float):
        if let scaled = token.scaled(by: Int(entry.exponent)) {
          unsafe encoder.append(narrow: scaled)
        } else {
          shapes.noteMisfit(token, shape: shape, column: column)
          unsafe encoder.append(exception: token.double(row).bitPattern)
        }
      case (.integer, .integer), (.unsigned, .unsigned), (.boolean, .boolean):
        unsafe encoder.append(integer: Int64(bitPattern: token.integerCell))
      case (.string, .string): unsafe append(string: token, row, &encoder)
      default:
        guard let fault = unsafe typeFault(row, shape) else {
          preconditionFailure("the types agree")
        }
        throw fault
      }
    }
    return unsafe encoder.finish()
  }

  /// An integer for a float column: its token as a float, if a float equals it.
  private func floatToken(_ token: ValueToken) -> ValueToken? {
    guard token.kind == .integer || token.kind == .unsigned, token.exactDouble != nil else {
      return nil
    }
    var float = token
    float.kind = .float
    if token.mantissa == 0 { float.isNegative = false }
    return float
  }

  private func append(
    string token: ValueToken,
    _ row: UnsafeRawPointer,
    _ encoder: inout PayloadEncoder
  ) {
    let text = unsafe UnsafeRawBufferPointer(
      start: row + Int(token.start),
      count: Int(token.end - token.start)
    )
    guard token.hasEscapes else {
      unsafe encoder.append(string: text)
      return
    }
    let target = unsafe encoder.data + 4
    var written = 0
    var index = 0
    while index < text.count {
      var byte = unsafe text[index]
      if byte == ByteScan.backslash, index + 1 < text.count {
        let next = unsafe text[index + 1]
        if ByteScan.isEscapedInStrings(next) {
          byte = next
          index += 1
        }
      }
      unsafe (target + written).storeBytes(of: byte, as: UInt8.self)
      written += 1
      index += 1
    }
    unsafe encoder.append(stringInPlace: written)
  }

  /// Why the parsed row does not fit its shape's columns, if it does not: the first value of
  /// another type, or else the first integer that no float equals.
  func typeFault(_ row: UnsafeRawPointer, _ shape: Int) -> RowFault? {
    let head = unsafe shapes.heads[shape]
    let measurement = shapes[shape].measurement
    var conflict: RowFault?
    var inexact: RowFault?
    for column in 0..<head.columnCount {
      let field = parsed.fields[Int(matcher.fieldOfColumn[column])]
      let type = unsafe head.entries[column].type
      switch (type, field.value.kind) {
      case (.float, .integer), (.float, .unsigned):
        guard field.value.exactDouble == nil else { continue }
        var fault = unsafe Self.conflict(row, field, existing: type, measurement)
        fault.message += ", and no float equals this number"
        if fault.offset < inexact?.offset ?? .max { inexact = fault }
      default:
        guard field.value.kind.type != type else { continue }
        let fault = unsafe Self.conflict(row, field, existing: type, measurement)
        if fault.offset < conflict?.offset ?? .max { conflict = fault }
      }
    }
    return conflict ?? inexact
  }

  static func conflict(
    _ row: UnsafeRawPointer,
    _ field: ParsedRow.Field,
    existing: ColumnType,
    _ measurement: MeasurementID
  ) -> RowFault {
    let given = field.value.kind.type?.name ?? "unknown"
    let name = unsafe UnsafeRawBufferPointer(
      start: row + Int(field.name.start),
      count: Int(field.name.count)
    )
    var fault = RowFault(
      Int(field.valueStart),
      .typeConflict,
      unsafe "field \(RowFault.excerpt(name)) is of type \(existing.name), "
        + "the value of type \(given)"
    )
    fault.measurement = measurement
    return fault
  }
}
