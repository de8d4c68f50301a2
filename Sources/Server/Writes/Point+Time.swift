internal import LineProtocol
internal import Query

extension Point {
  /// A timestamp in nanoseconds: a number in the request's precision, with decimals or without, or
  /// RFC 3339. Exact; what is finer than a nanosecond is cut off.
  static func readTime(
    _ json: inout JSONReader,
    _ precision: LinePrecision
  ) throws(JSONReader.Fault) -> Int64 {
    _ = json.peek()
    let start = json.position
    let expected = JSONReader.Fault(
      offset: start,
      message: "ts: expected a time before the year 2262: a number, or RFC 3339 as a string"
    )
    if json.peek() == UInt8(ascii: "\"") {
      guard let time = RFC3339.parse(try json.readString()), let exact = Int64(exactly: time)
      else { throw expected }
      return exact
    }
    guard json.peek().map(JSONReader.beginsNumber) == true else { throw expected }
    guard let time = nanoseconds(try json.readNumber().text, precision) else { throw expected }
    return time
  }

  /// - Parameter text: a number as JSON writes it; one with an exponent is no time.
  static func nanoseconds(_ text: [UInt8], _ precision: LinePrecision) -> Int64? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = isNegative ? text[1...] : text[...]
    let parts = digits.split(
      separator: UInt8(ascii: "."),
      maxSplits: 1,
      omittingEmptySubsequences: false
    )
    guard let magnitude = UInt64(String(decoding: parts[0], as: UTF8.self)),
      let whole = precision.nanoseconds(magnitude)
    else { return nil }
    var sum = whole
    if parts.count > 1 {
      var unit = precision.nanoseconds(perUnitOf: magnitude)
      for digit in parts[1] {
        guard (0x30...0x39).contains(digit) else { return nil }
        // Units are powers of ten down to the nanosecond.
        unit /= 10
        let (next, isLarge) = sum.addingReportingOverflow(Int64(unit) * Int64(digit - 0x30))
        if isLarge { return nil }
        sum = next
      }
    }
    return isNegative ? -sum : sum
  }
}
