internal import Model

/// A row taken apart; all places are offsets from the row's first byte.
struct ParsedRow {
  struct Name {
    var start: Int
    var end: Int
    var hasEscapes: Bool
  }

  struct Field {
    var name: Name
    var nameHash: UInt64
    var valueStart: Int
    var value: ValueToken
    /// Whether a later field of the row has the same name.
    var isReplaced = false
  }

  enum Time {
    case absent
    /// The digits as a number; `nil` when it does not fit 64 bits.
    case given(magnitude: UInt64?, isNegative: Bool)
  }

  var measurement = Name(start: 0, end: 0, hasEscapes: false)
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
  private var cursor: Int

  /// - Parameters:
  ///   - count: bytes of the row without its line end.
  ///   - start: where the spaces before it end.
  init(_ row: UnsafeRawPointer, count: Int, start: Int, seed: UInt64) {
    unsafe base = unsafe row
    self.count = count
    self.seed = seed
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
        throw RowFault(key.start, .unparsable, "tag key given twice: \(text(key))")
      }
      cursor += 1
      let value = try name("a tag value", into: &row)
      if peek() == ByteScan.equals { throw fault("expected ',' or a space after a tag value") }
      if row.tags.count < Limits.tagsPerSeriesMax {
        row.tags.append((key, value))
      } else if row.excess == nil {
        let message = "more than \(Limits.tagsPerSeriesMax) tags"
        row.excess = RowFault(key.start, .tooWide, message)
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
            name: key,
            nameHash: ByteScan.hash(base + key.start, count: key.end - key.start, seed: seed),
            valueStart: start,
            value: value
          )
        )
      }
      if row.fieldCount > Limits.fieldsPerRowMax, row.excess == nil {
        let message = "more than \(Limits.fieldsPerRowMax) fields"
        row.excess = RowFault(key.start, .tooWide, message)
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
    var hasEscapes = false
    while let byte = peek() {
      if byte == ByteScan.comma || byte == ByteScan.space { break }
      if byte == ByteScan.equals, !isMeasurement { break }
      if byte < 0x20 || byte == 0x7f { throw fault("expected \(what)") }
      cursor += 1
      if byte == ByteScan.backslash, let next = peek(), escapes(next, isMeasurement) {
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
    return ParsedRow.Name(start: start, end: cursor, hasEscapes: hasEscapes)
  }

  private func escapes(_ byte: UInt8, _ isMeasurement: Bool) -> Bool {
    byte == ByteScan.comma || byte == ByteScan.space || (byte == ByteScan.equals && !isMeasurement)
  }

  private mutating func value(_ start: Int) throws(RowFault) -> ValueToken {
    if peek() == ByteScan.quote { return try string(start) }
    while let byte = peek(), byte != ByteScan.comma, byte != ByteScan.space { cursor += 1 }
    let token = unsafe NumberParser.parse(base + start, to: base + cursor, base: base)
    let message: String
    switch token.kind {
    case .float, .integer, .unsigned, .boolean, .string: return token
    case .notFinite: message = "NaN and infinity are no field values"
    case .outOfRange:
      message =
        "number out of range: integers (i) reach from -9223372036854775808 to "
        + "9223372036854775807, unsigned ones (u) from 0 to 18446744073709551615"
    case .malformed:
      cursor = start
      throw fault("expected a number, a boolean or a string in quotes")
    }
    throw RowFault(start, .unparsable, message)
  }

  private mutating func string(_ start: Int) throws(RowFault) -> ValueToken {
    var token = ValueToken(.string)
    cursor += 1
    token.start = cursor
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
    token.end = cursor
    cursor += 1
    if let byte = peek(), byte != ByteScan.comma, byte != ByteScan.space {
      throw fault("expected ',' or a space after a string")
    }
    return token
  }

  private func hasSameBytes(_ left: ParsedRow.Name, _ right: ParsedRow.Name) -> Bool {
    unsafe left.end - left.start == right.end - right.start
      && ByteScan.equal(base + left.start, base + right.start, count: left.end - left.start)
  }

  private func text(_ name: ParsedRow.Name) -> String {
    let shown = min(name.end - name.start, 64)
    return unsafe String(
      decoding: UnsafeRawBufferPointer(start: base + name.start, count: shown),
      as: UTF8.self
    )
  }
}
