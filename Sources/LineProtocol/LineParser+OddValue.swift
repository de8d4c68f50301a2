internal import Model

/// Values of predicted columns that are no short numbers: long ones, decimals that the column's
/// power of ten does not serve, exponents, booleans, strings.
extension LineParser {
  /// Reads the value at `cursor`; `refused` when it does not fit the column.
  ///
  /// - Parameters:
  ///   - line: the row's first byte, to keep strings within the line limit.
  ///   - target: where a string's length and bytes go.
  @inline(never)
  mutating func oddValue(
    _ cursor: UnsafeRawPointer,
    line: UnsafeRawPointer,
    shape: Int,
    column: Int,
    into target: UnsafeMutableRawPointer,
    readable: UnsafeRawPointer
  ) -> OddValue {
    let refused = unsafe OddValue(form: .refused, bits: 0, end: cursor)
    let entry = unsafe shapes.heads[shape].entries[column]
    if entry.type == .string {
      return unsafe string(cursor, line: line, into: target + 4, readable: readable) ?? refused
    }
    let end = unsafe valueEnd(cursor, readable: readable)
    guard unsafe readable - end >= 8, unsafe cursor < end else { return refused }
    let token = unsafe NumberParser.parse(cursor, to: end, base: line, powers: tables.powers)
    switch (entry.type, token.kind) {
    case (.float, .float):
      if let scaled = token.scaled(by: Int(entry.exponent)) {
        return unsafe narrow(Int64(scaled), end)
      }
      shapes.noteMisfit(token, shape: shape, column: column)
      return unsafe OddValue(form: .exception, bits: token.double(line).bitPattern, end: end)
    case (.integer, .integer), (.unsigned, .unsigned), (.boolean, .boolean):
      return unsafe narrow(Int64(bitPattern: token.integerCell), end)
    default:
      return refused
    }
  }

  private func narrow(_ value: Int64, _ end: UnsafeRawPointer) -> OddValue {
    let isNarrow = value > Int64(Int32.min) && value <= Int64(Int32.max)
    return unsafe OddValue(
      form: isNarrow ? .narrow : .exception,
      bits: UInt64(bitPattern: value),
      end: end
    )
  }

  /// The first byte that ends a value, or `readable`.
  private func valueEnd(
    _ start: UnsafeRawPointer,
    readable: UnsafeRawPointer
  ) -> UnsafeRawPointer {
    var cursor = unsafe start
    while unsafe cursor < readable {
      let byte = unsafe ByteScan.byte(cursor)
      if byte <= ByteScan.space || byte == ByteScan.comma { return unsafe cursor }
      unsafe cursor += 1
    }
    return unsafe cursor
  }

  /// Copies a string without its quotes and escapes; `nil` when it is none that ends on this line.
  private func string(
    _ start: UnsafeRawPointer,
    line: UnsafeRawPointer,
    into target: UnsafeMutableRawPointer,
    readable: UnsafeRawPointer
  ) -> OddValue? {
    guard unsafe ByteScan.byte(start) == ByteScan.quote else { return nil }
    let limit = unsafe min(readable, line + options.lineByteCountMax)
    var cursor = unsafe start + 1
    var written = 0
    while true {
      let found = unsafe ByteScan.find(
        ByteScan.quote,
        or: ByteScan.backslash,
        from: cursor,
        to: limit
      )
      guard unsafe found < limit - 1 else { return nil }
      let feed = unsafe ByteScan.find(
        ByteScan.lineFeed,
        or: ByteScan.lineFeed,
        from: cursor,
        to: found
      )
      guard unsafe feed == found else { return nil }
      unsafe (target + written).copyMemory(from: cursor, byteCount: found - cursor)
      unsafe written += found - cursor
      if unsafe ByteScan.byte(found) == ByteScan.quote {
        return unsafe OddValue(form: .string, bits: UInt64(written), end: found + 1)
      }
      let next = unsafe ByteScan.byte(found + 1)
      guard next != ByteScan.lineFeed else { return nil }
      if ByteScan.isEscapedInStrings(next) {
        unsafe (target + written).storeBytes(of: next, as: UInt8.self)
      } else {
        unsafe (target + written).storeBytes(of: ByteScan.backslash, as: UInt8.self)
        unsafe (target + (written + 1)).storeBytes(of: next, as: UInt8.self)
        written += 1
      }
      written += 1
      unsafe cursor = unsafe found + 2
    }
  }
}
