internal import Model

/// What a run of predicted rows needs to know, and what came of it.
struct PredictedRun {
  let tenant: UInt32
  let precision: LinePrecision
  let arrival: Timestamp
  let timestampMin: Timestamp
  let timestampMax: Timestamp
  /// The record of the row before.
  var last: UInt32
  var rowCount = 0
  var pointCount = 0
}

/// A value that the hot loop leaves to others.
@safe struct OddValue {
  enum Form: UInt8 { case refused, narrow, exception, string }

  var form: Form
  /// The scaled integer, the cell, or a string's byte count.
  var bits: UInt64
  /// The first byte behind the value.
  var end: UnsafeRawPointer
}

/// The hot loop: rows of known series with just the fields of last time, in column order. It never
/// refuses: at the first row that it cannot take it returns, and the row is taken apart with care.
extension LineParser {
  /// Bytes that must be readable behind any place where a token may begin.
  static var lookahead: Int { 48 }

  /// Encodes rows from `start` on; returns the first byte of the first row that it did not take.
  ///
  /// - Parameter readable: the end of the bytes that may be loaded; rows end before it.
  @inline(never)
  mutating func parsePredicted(
    _ start: UnsafeRawPointer,
    readable: UnsafeRawPointer,
    run: inout PredictedRun
  ) -> UnsafeRawPointer {
    let limit = unsafe readable - Self.lookahead
    let lineByteCountMax = options.lineByteCountMax
    let payloadStart = unsafe payload.base
    var line = unsafe start
    var last = run.last
    var rowCount = 0
    var pointCount = 0
    while unsafe line < limit {
      let previous = unsafe keys.record(last)
      var reference = unsafe previous.pointee.next
      var record = unsafe keys.record(reference)
      if unsafe reference == 0 || !isKey(of: record, line, limit: limit, tenant: run.tenant) {
        reference = unsafe lookUp(line, limit: limit, tenant: run.tenant)
        guard reference != 0 else { break }
        unsafe record = unsafe keys.record(reference)
      }
      let shape = unsafe Int(record.pointee.shape)
      let head = unsafe shapes.heads[shape]
      var encoder = unsafe PayloadEncoder(at: payloadStart, columnCount: head.columnCount)
      let fields = unsafe line + (Int(record.pointee.keyByteCount) &+ 1)
      guard
        var cursor = unsafe parseFields(
          fields,
          line: line,
          head: head,
          shape: shape,
          encoder: &encoder,
          limit: limit,
          readable: readable
        )
      else { break }
      let timestamp: Timestamp
      if let (given, end) = unsafe parseTimestamp(cursor, limit: limit, precision: run.precision) {
        timestamp = given
        unsafe cursor = unsafe end
      } else if let end = unsafe endOfLine(cursor, limit: limit) {
        unsafe cursor = unsafe end
        let stamp = unsafe keys.stamps + Int(record.pointee.stamp)
        timestamp = unsafe max(run.arrival, stamp.pointee &+ 1)
        unsafe stamp.pointee = timestamp
      } else {
        break
      }
      guard timestamp <= run.timestampMax, timestamp >= run.timestampMin,
        unsafe cursor - line <= lineByteCountMax
      else { break }
      let byteCount = unsafe encoder.finish()
      let rowHead = unsafe RowHead(
        layout: LayoutID(record.pointee.layout),
        timestamp: timestamp,
        scaleTable: head.scaleTable
      )
      let partition = unsafe Int(record.pointee.partition)
      let isIn = unsafe batches.builder(partition).pointee.append(
        rowHead,
        payload: payloadStart,
        byteCount: byteCount,
        columnCount: head.columnCount,
        isLong: head.isLong
      )
      if !isIn {
        appendToNext(rowHead, byteCount, head.columnCount, head.isLong, partition, run.arrival)
      }
      if unsafe previous.pointee.next != reference { unsafe previous.pointee.next = reference }
      last = reference
      rowCount &+= 1
      pointCount &+= head.columnCount
      unsafe line = unsafe cursor
    }
    run.last = last
    run.rowCount &+= rowCount
    run.pointCount &+= pointCount
    return unsafe line
  }

  /// Whether the line's measurement and tags are those of the record.
  @inline(__always)
  private func isKey(
    of record: UnsafeMutablePointer<KeyRecord>,
    _ line: UnsafeRawPointer,
    limit: UnsafeRawPointer,
    tenant: UInt32
  ) -> Bool {
    let count = unsafe Int(record.pointee.keyByteCount)
    guard unsafe line + count <= limit, unsafe record.pointee.tenant == tenant else { return false }
    let key = unsafe UnsafeRawPointer(record + 1)
    var offset = 0
    while offset &+ 8 <= count {
      if unsafe ByteScan.word(key + offset) != ByteScan.word(line + offset) { return false }
      offset &+= 8
    }
    let rest = UInt64(truncatingIfNeeded: count &- offset)
    let mask: UInt64 = (1 &<< (8 &* rest)) &- 1
    let difference = unsafe ByteScan.word(key + offset) ^ ByteScan.word(line + offset)
    return unsafe difference & mask == 0 && ByteScan.byte(line + count) == ByteScan.space
  }

  /// The fields of a row as its shape predicts them; the separator behind the last one, or `nil`
  /// when they are others.
  @inline(__always)
  private mutating func parseFields(
    _ start: UnsafeRawPointer,
    line: UnsafeRawPointer,
    head: ShapeHead,
    shape: Int,
    encoder: inout PayloadEncoder,
    limit: UnsafeRawPointer,
    readable: UnsafeRawPointer
  ) -> UnsafeRawPointer? {
    let masks = unsafe tables.masks
    let steps = unsafe tables.steps
    var cursor = unsafe start
    var entry = unsafe head.entries
    let end = unsafe entry + head.columnCount
    while true {
      let nameByteCount = unsafe Int(entry.pointee.nameByteCount)
      guard unsafe cursor + nameByteCount <= limit else { return nil }
      let mask = unsafe masks[min(nameByteCount, HotTables.nameByteCountMax)]
      let low = unsafe ByteScan.word(cursor) & mask.low ^ entry.pointee.low
      let high = unsafe ByteScan.word(cursor + 8) & mask.high ^ entry.pointee.high
      guard low | high == 0 else { return nil }
      if nameByteCount > HotTables.nameByteCountMax {
        let name = unsafe head.names + Int(entry.pointee.nameOffset)
        guard unsafe ByteScan.equal(name, cursor, count: nameByteCount) else { return nil }
      }
      unsafe cursor += nameByteCount
      // A number of up to seven characters; all else is odd, so is a negative unsigned one.
      let isNegative: UInt64 = unsafe ByteScan.byte(cursor) == ByteScan.minus ? 1 : 0
      let digits = unsafe ByteScan.word(cursor + Int(isNegative)) ^ 0x3030_3030_3030_3030
      let others = ByteScan.nonDigits(digits)
      let wholeBits = UInt64(truncatingIfNeeded: others.trailingZeroBitCount) & 0x38
      let hasPoint: UInt64 = (digits &>> wholeBits) & 0xff == 0x1e ? 1 : 0
      let ends = others & (others &- hasPoint)
      let endBits = UInt64(truncatingIfNeeded: ends.trailingZeroBitCount) & 0x78
      let length = Int(endBits &>> 3)
      let digitCount = endBits &- hasPoint &* 8
      let decimals = hasPoint &* (endBits &- wholeBits &- 8) &>> 3
      let wholeMask: UInt64 = (1 &<< wholeBits) &- 1
      let joined = (digits & wholeMask) | ((digits &>> 8) & ~wholeMask)
      let chosen = hasPoint == 1 ? joined : digits
      let mantissa = ByteScan.value(ofDigits: chosen &<< (64 &- digitCount))
      let step = unsafe steps[
        Int(entry.pointee.exponent) &+ HotTables.stepOrigin &- Int(truncatingIfNeeded: decimals)
      ]
      let behind = unsafe cursor + (Int(isNegative) &+ length)
      let suffix = unsafe ByteScan.byte(behind)
      let suffixMask = unsafe entry.pointee.suffixMask
      let isSimple =
        unsafe endBits < 64 && digitCount > 0 && mantissa <= step.mantissaMax
        && (suffix ^ entry.pointee.suffix) & suffixMask == 0
        && UInt64(entry.pointee.type.rawValue) &+ isNegative
          <= UInt64(ColumnType.unsigned.rawValue)
        && isNegative & (mantissa == 0 ? 1 : 0) == 0
        && hasPoint & UInt64(suffixMask) == 0
      if isSimple {
        let magnitude = Int32(truncatingIfNeeded: mantissa &* step.factor)
        let sign = Int32(truncatingIfNeeded: isNegative)
        unsafe encoder.append(narrow: (magnitude ^ (0 &- sign)) &+ sign)
        unsafe cursor = unsafe behind + Int(suffixMask & 1)
      } else {
        let odd = unsafe oddValue(
          cursor,
          line: line,
          shape: shape,
          column: entry - head.entries,
          into: encoder.data,
          readable: readable
        )
        switch odd.form {
        case .narrow: unsafe encoder.append(narrow: Int32(truncatingIfNeeded: odd.bits))
        case .exception: unsafe encoder.append(exception: odd.bits)
        case .string: unsafe encoder.append(stringInPlace: Int(odd.bits))
        case .refused: return nil
        }
        unsafe cursor = unsafe odd.end
      }
      unsafe entry += 1
      guard unsafe entry < end else { return unsafe cursor }
      guard unsafe ByteScan.byte(cursor) == ByteScan.comma else { return nil }
      unsafe cursor += 1
    }
  }

  /// A timestamp in the loaded unit and the first byte of the next line; `nil` when anything but
  /// digits and a line end follows.
  @inline(__always)
  private func parseTimestamp(
    _ start: UnsafeRawPointer,
    limit: UnsafeRawPointer,
    precision: LinePrecision
  ) -> (Timestamp, UnsafeRawPointer)? {
    // 1 space, 24 bytes of digits, line end.
    guard unsafe start <= limit, unsafe ByteScan.byte(start) == ByteScan.space else { return nil }
    let powers = unsafe tables.powers
    var cursor = unsafe start + 1
    var magnitude: UInt64 = 0
    for part in 0..<3 {
      let digits = unsafe ByteScan.word(cursor) ^ 0x3030_3030_3030_3030
      let count = ByteScan.firstByte(ByteScan.nonDigits(digits))
      guard count > 0 else {
        if part == 0 { return nil }
        break
      }
      let value = ByteScan.value(ofDigits: digits &<< UInt64(truncatingIfNeeded: 64 &- 8 &* count))
      magnitude = unsafe magnitude &* powers[count] &+ value
      unsafe cursor += count
      guard count == 8 else { break }
    }
    // 19 digits at most, so that nothing above overflows.
    guard unsafe cursor - start <= 20 else { return nil }
    guard let next = unsafe endOfLine(cursor, limit: limit + 24) else { return nil }
    guard let timestamp = precision.nanoseconds(magnitude) else { return nil }
    return unsafe (timestamp, next)
  }

  /// The first byte behind a line end, or `nil` when there is none at `cursor`.
  @inline(__always)
  private func endOfLine(
    _ cursor: UnsafeRawPointer,
    limit: UnsafeRawPointer
  ) -> UnsafeRawPointer? {
    guard unsafe cursor <= limit else { return nil }
    let byte = unsafe ByteScan.byte(cursor)
    if byte == ByteScan.lineFeed { return unsafe cursor + 1 }
    if byte == ByteScan.carriageReturn, unsafe ByteScan.byte(cursor + 1) == ByteScan.lineFeed {
      return unsafe cursor + 2
    }
    return nil
  }

  /// The record of the line's series when another one was expected: the one whose first field is
  /// the line's, or any; 0 when the series is unknown or this is no row.
  @inline(never)
  private func lookUp(
    _ line: UnsafeRawPointer,
    limit: UnsafeRawPointer,
    tenant: UInt32
  ) -> UInt32 {
    guard let end = unsafe keyEnd(line, limit: limit) else { return 0 }
    let count = unsafe end - line
    let tenant = TenantID(tenant)
    let hash = unsafe keys.hash(line, count: count, tenant: tenant)
    let first = unsafe keys.find(line, count: count, tenant: tenant, hash: hash)
    var reference = first
    // A few siblings; a series with more field sets is left to its first one.
    for _ in 0..<8 {
      guard reference != 0 else { break }
      let entry = unsafe shapes.heads[Int(keys.record(reference).pointee.shape)].entries.pointee
      let mask = unsafe tables.masks[min(Int(entry.nameByteCount), HotTables.nameByteCountMax)]
      let name = unsafe end + 1
      if unsafe ByteScan.word(name) & mask.low == entry.low,
        unsafe ByteScan.word(name + 8) & mask.high == entry.high
      {
        return reference
      }
      reference = unsafe keys.record(reference).pointee.sibling
    }
    return first
  }

  /// The unescaped space behind measurement and tags, or `nil` when a line feed or the limit comes
  /// first, or the line is a comment.
  private func keyEnd(_ line: UnsafeRawPointer, limit: UnsafeRawPointer) -> UnsafeRawPointer? {
    guard unsafe line < limit, unsafe ByteScan.byte(line) != ByteScan.hash else { return nil }
    var cursor = unsafe line
    while true {
      unsafe cursor = unsafe ByteScan.find(
        ByteScan.space,
        or: ByteScan.lineFeed,
        from: cursor,
        to: limit
      )
      guard unsafe cursor < limit, unsafe ByteScan.byte(cursor) == ByteScan.space,
        unsafe cursor > line
      else {
        return nil
      }
      if unsafe ByteScan.byte(cursor - 1) != ByteScan.backslash { return unsafe cursor }
      unsafe cursor += 1
    }
  }

  /// Appends a row for which its partition's batch has no room.
  @inline(never)
  mutating func appendToNext(
    _ head: RowHead,
    _ byteCount: Int,
    _ columnCount: Int,
    _ isLong: Bool,
    _ partition: Int,
    _ arrival: Timestamp
  ) {
    batches.makeRoom(
      partition,
      payload: byteCount,
      registryVersion: resolver.version,
      arrival: arrival
    )
    // Only now: the row was encoded with the scales that it names.
    shapes.rescale(resolver)
    let isIn = unsafe batches.builder(partition).pointee.append(
      head,
      payload: payload.base,
      byteCount: byteCount,
      columnCount: columnCount,
      isLong: isLong
    )
    precondition(isIn, "a fresh batch has room")
  }
}
