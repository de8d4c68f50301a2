internal import Model

/// A row taken apart; all places are offsets from the row's first byte.
struct ParsedRow {
  struct Name {
    var start: UInt32
    /// Bytes, escapes included.
    var count: UInt32
    var hasEscapes: Bool
  }

  struct Field {
    var value: ValueToken
    var nameHash: UInt64
    var name: Name
    /// Whether a later field of the row has the same name.
    var isReplaced = false
    var valueStart: UInt32
  }

  enum Time {
    case absent
    /// The digits as a number; `nil` when it does not fit 64 bits.
    case given(magnitude: UInt64?, isNegative: Bool)
  }

  var measurement = Name(start: 0, count: 0, hasEscapes: false)
  var tags: [(key: Name, value: Name)] = []
  /// The end of measurement and tags.
  var keyEnd = 0
  /// At most one more than a row may have.
  var fields: [Field] = []
  var fieldCount = 0
  var time = Time.absent
  var timeStart = 0
  /// The first limit that the row exceeds.
  var excess: RowFault?

  mutating func reset() {
    tags.removeAll(keepingCapacity: true)
    fields.removeAll(keepingCapacity: fields.capacity <= 8_192)
    fieldCount = 0
    time = .absent
    excess = nil
  }
}

/// The grammar of a row, to the letter, with the place of the first byte that does not fit:
///
///     row := measurement {, key = value} space {space} field {, field} [space {space} [time]]
///     {space} field := key = (number | boolean | " string ")
///
/// Unescaped names hold no control characters; a backslash escapes comma and space in a
/// measurement, and the equals sign too in keys and tag values; before anything else it stands for
/// itself.
@safe struct RowGrammar {
  private let base: UnsafeRawPointer
  private let count: Int
  private let seed: UInt64
  private let classes: UnsafeMutablePointer<UInt8>
  private let powers: UnsafeMutablePointer<UInt64>
  private var cursor: Int

  /// - Parameters:
  ///   - row: ``ByteStore/slackByteCount`` bytes are readable behind it.
  ///   - count: bytes of the row without its line end.
  ///   - start: where the spaces before it end.
  init(
    _ row: UnsafeRawPointer,
    count: Int,
    start: Int,
    seed: UInt64,
    tables: borrowing HotTables
  ) {
    unsafe base = unsafe row
    self.count = count
    self.seed = seed
    unsafe classes = unsafe tables.classes
    unsafe powers = unsafe tables.powers
    cursor = start
  }

  /// Takes the whole row apart.
  mutating func parse(into row: inout ParsedRow) throws(RowFault) {
    row.reset()
    try parseKey(into: &row)
    try skipToFields()
    try parseFields(into: &row)
    try parseTime(into: &row)
  }

  private func peek() -> UInt8? { unsafe cursor < count ? ByteScan.byte(base + cursor) : nil }

  private func fault(_ expected: String) -> RowFault {
    guard let byte = peek() else {
      return RowFault(count, .unparsable, "\(expected), found the end of the line")
    }
    return RowFault(cursor, .unparsable, "\(expected), found \(RowFault.name(of: byte))")
  }

  private mutating func parseKey(into row: inout ParsedRow) throws(RowFault) {
    row.measurement = try name("a measurement", isMeasurement: true, into: &row)
    while peek() == ByteScan.comma {
      cursor += 1
      let key = try name("a tag key", into: &row)
      guard peek() == ByteScan.equals else { throw fault("expected '=' after a tag key") }
      for (earlier, _) in row.tags where hasSameBytes(earlier, key) {
        let name = unsafe UnsafeRawBufferPointer(
          start: base + Int(key.start),
          count: Int(key.count)
        )
        let message = unsafe "tag key given twice: \(RowFault.excerpt(name))"
        throw RowFault(Int(key.start), .unparsable, message)
      }
      cursor += 1
      let value = try name("a tag value", into: &row)
      if peek() == ByteScan.equals { throw fault("expected ',' or a space after a tag value") }
      if row.tags.count < Limits.tagsPerSeriesMax {
        row.tags.append((key, value))
      } else if row.excess == nil {
        let message = "more than \(Limits.tagsPerSeriesMax) tags"
        row.excess = RowFault(Int(key.start), .tooWide, message)
      }
    }
    row.keyEnd = cursor
  }

  private mutating func skipToFields() throws(RowFault) {
    guard peek() == ByteScan.space else { throw fault("expected a space and fields") }
    while peek() == ByteScan.space { cursor += 1 }
  }

  private mutating func parseFields(into row: inout ParsedRow) throws(RowFault) {
    while true {
      let key = try name("a field name", into: &row)
      guard peek() == ByteScan.equals else { throw fault("expected '=' after a field name") }
      cursor += 1
      let start = cursor
      let value = try value(start)
      row.fieldCount += 1
      if row.fields.count <= Limits.fieldsPerRowMax {
        unsafe row.fields.append(
          ParsedRow.Field(
            value: value,
            nameHash: ByteScan.hash(base + Int(key.start), count: Int(key.count), seed: seed),
            name: key,
            valueStart: UInt32(start)
          )
        )
      }
      if row.fieldCount > Limits.fieldsPerRowMax, row.excess == nil {
        let message = "more than \(Limits.fieldsPerRowMax) fields"
        row.excess = RowFault(Int(key.start), .tooWide, message)
      }
      guard peek() == ByteScan.comma else { return }
      cursor += 1
    }
  }

  private mutating func parseTime(into row: inout ParsedRow) throws(RowFault) {
    guard peek() != nil else { return }
    while peek() == ByteScan.space { cursor += 1 }
    guard peek() != nil else { return }
    row.timeStart = cursor
    var isNegative = false
    if peek() == ByteScan.minus {
      isNegative = true
      cursor += 1
    }
    var magnitude: UInt64? = 0
    let digits = cursor
    while let byte = peek(), byte &- ByteScan.zero < 10 {
      if let value = magnitude {
        let (tens, isLarge) = value.multipliedReportingOverflow(by: 10)
        let (sum, isLarger) = tens.addingReportingOverflow(UInt64(byte &- ByteScan.zero))
        magnitude = isLarge || isLarger ? nil : sum
      }
      cursor += 1
    }
    guard cursor > digits else { throw fault("expected a timestamp") }
    row.time = .given(magnitude: magnitude, isNegative: isNegative)
    while peek() == ByteScan.space { cursor += 1 }
    guard peek() == nil else { throw fault("expected the end of the line after the timestamp") }
  }

  /// A name up to the first byte that ends it.
  private mutating func name(
    _ what: String,
    isMeasurement: Bool = false,
    into row: inout ParsedRow
  ) throws(RowFault) -> ParsedRow.Name {
    let start = cursor
    let ends = isMeasurement ? HotTables.ByteClass.endsMeasurement : HotTables.ByteClass.endsKey
    let stops = ends | HotTables.ByteClass.control | HotTables.ByteClass.backslash
    var hasEscapes = false
    while cursor < count {
      let kind = unsafe classes[Int(ByteScan.byte(base + cursor))]
      if kind & stops == 0 {
        cursor += 1
        continue
      }
      if kind & ends != 0 { break }
      if kind & HotTables.ByteClass.control != 0 { throw fault("expected \(what)") }
      cursor += 1
      if let next = peek(), unsafe classes[Int(next)] & ends != 0 {
        hasEscapes = true
        cursor += 1
      }
    }
    guard cursor > start else { throw fault("expected \(what)") }
    if cursor - start > Limits.nameByteCountMax, row.excess == nil {
      row.excess = RowFault(
        start + Limits.nameByteCountMax,
        .tooWide,
        "\(what) is longer than \(Limits.nameByteCountMax) bytes"
      )
    }
    return ParsedRow.Name(
      start: UInt32(start),
      count: UInt32(cursor - start),
      hasEscapes: hasEscapes
    )
  }

  private mutating func value(_ start: Int) throws(RowFault) -> ValueToken {
    if peek() == ByteScan.quote { return try string(start) }
    while let byte = peek(), byte != ByteScan.comma, byte != ByteScan.space { cursor += 1 }
    let token = unsafe NumberParser.parse(
      base + start,
      to: base + cursor,
      base: base,
      powers: powers
    )
    let message: String
    switch token.kind {
    case .float, .integer, .unsigned, .boolean, .string: return token
    case .notFinite: message = "NaN and infinity are no field values"
    case .outOfRange:
      message =
        "number out of range: integers (i) reach from -9223372036854775808 to "
        + "9223372036854775807, unsigned ones (u) from 0 to 18446744073709551615, floats to 1.8e308"
    case .malformed:
      let expected = "expected a number, a boolean or a string in quotes"
      let given = unsafe UnsafeRawBufferPointer(start: base + start, count: cursor - start)
      cursor = start
      if unsafe given.isEmpty { throw fault(expected) }
      message = unsafe "\(expected), found \(RowFault.excerpt(given))"
    }
    throw RowFault(start, .unparsable, message)
  }

  private mutating func string(_ start: Int) throws(RowFault) -> ValueToken {
    var token = ValueToken(.string)
    cursor += 1
    token.start = UInt32(cursor)
    while true {
      let quoteOrEscape = unsafe ByteScan.find(
        ByteScan.quote,
        or: ByteScan.backslash,
        from: base + cursor,
        to: base + count
      )
      cursor = unsafe quoteOrEscape - base
      guard let byte = peek() else { throw fault("expected '\"' to close a string") }
      if byte == ByteScan.quote { break }
      token.hasEscapes = true
      cursor = min(cursor + 2, count)
    }
    token.end = UInt32(cursor)
    cursor += 1
    if let byte = peek(), byte != ByteScan.comma, byte != ByteScan.space {
      throw fault("expected ',' or a space after a string")
    }
    return token
  }

  private func hasSameBytes(_ left: ParsedRow.Name, _ right: ParsedRow.Name) -> Bool {
    unsafe left.count == right.count
      && ByteScan.equal(base + Int(left.start), base + Int(right.start), count: Int(left.count))
  }
}
