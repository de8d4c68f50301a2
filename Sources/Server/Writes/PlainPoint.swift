/// The parts of a point in the form in which nearly all come: strings without escapes, numbers that
/// 64 bits hold, a time of digits. Where they lie, that is: nothing is copied.
///
/// Whatever looks different in any way is left to ``Point``, which decides what it is.
struct PlainPoint {
  enum Kind {
    /// Quotes not included.
    case string
    case boolean(Bool)
    case fraction
    case integer(magnitude: UInt64, isNegative: Bool)
  }

  struct Name {
    var range: Range<Int>
    /// Whether line protocol puts a backslash before any of its bytes.
    var needsEscape: Bool
  }

  var server: Name
  var metric: Name
  /// `nil` for the usual one.
  var measurement: Name?
  var value: Range<Int>
  var kind: Kind
  var time: UInt64?
  /// The first byte behind the object.
  var end: Int

  /// Reads the object that begins at `start`.
  ///
  /// - Parameter tags: what stands in `tags`, replaced.
  /// - Returns: `nil` for one that is not plain, or not whole.
  static func read(
    _ bytes: borrowing Span<UInt8>,
    at start: Int,
    tags: inout [(key: Name, value: Name)]
  ) -> PlainPoint? {
    var scan = PlainScan(position: start + 1)
    var server: Name?
    var metric: Name?
    var measurement: Name?
    var value: (range: Range<Int>, kind: Kind)?
    var time: UInt64?
    var hasTags = false
    tags.removeAll(keepingCapacity: true)
    while true {
      guard let key = scan.string(bytes), scan.take(UInt8(ascii: ":"), bytes) else { return nil }
      // Names of one length differ in their first byte.
      switch (key.range.count, bytes[key.range.lowerBound]) {
      case (8, UInt8(ascii: "s")) where server == nil && matches("serverId", key.range, bytes):
        server = scan.name(bytes)
        if server == nil { return nil }
      case (8, UInt8(ascii: "m")) where metric == nil && matches("metricId", key.range, bytes):
        metric = scan.name(bytes)
        if metric == nil { return nil }
      case (11, _) where measurement == nil && matches("measurement", key.range, bytes):
        measurement = scan.name(bytes)
        guard let name = measurement, bytes[name.range.lowerBound] != UInt8(ascii: "#") else {
          return nil
        }
      case (5, _) where value == nil && matches("value", key.range, bytes):
        value = scan.value(bytes)
        if value == nil { return nil }
      case (2, _) where time == nil && matches("ts", key.range, bytes):
        time = scan.time(bytes)
        if time == nil { return nil }
      case (4, _) where !hasTags && matches("tags", key.range, bytes):
        hasTags = true
        guard scan.tags(bytes, &tags) else { return nil }
      default: return nil
      }
      if scan.take(UInt8(ascii: "}"), bytes) { break }
      guard scan.take(UInt8(ascii: ","), bytes) else { return nil }
    }
    guard let server, let metric, let value else { return nil }
    return PlainPoint(
      server: server,
      metric: metric,
      measurement: measurement,
      value: value.range,
      kind: value.kind,
      time: time,
      end: scan.position
    )
  }

  @inline(__always)
  static func matches(
    _ word: StaticString,
    _ range: Range<Int>,
    _ bytes: borrowing Span<UInt8>
  ) -> Bool {
    guard word.utf8CodeUnitCount == range.count else { return false }
    return word.withUTF8Buffer { word in
      for index in 0..<word.count where unsafe word[index] != bytes[range.lowerBound + index] {
        return false
      }
      return true
    }
  }
}

/// Steps through an object as long as it is plain.
private struct PlainScan {
  var position: Int

  private mutating func skipSpace(_ bytes: borrowing Span<UInt8>) {
    while position < bytes.count, bytes[position] <= 0x20 {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  mutating func take(_ byte: UInt8, _ bytes: borrowing Span<UInt8>) -> Bool {
    skipSpace(bytes)
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// A string without escapes and control characters.
  mutating func string(_ bytes: borrowing Span<UInt8>) -> PlainPoint.Name? {
    guard take(UInt8(ascii: "\""), bytes) else { return nil }
    let start = position
    var needsEscape = false
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return PlainPoint.Name(range: start..<position - 1, needsEscape: needsEscape)
      case UInt8(ascii: "\\"), 0..<0x20: return nil
      case UInt8(ascii: ","), UInt8(ascii: " "), UInt8(ascii: "="): needsEscape = true
      default: break
      }
      position += 1
    }
    return nil
  }

  mutating func name(_ bytes: borrowing Span<UInt8>) -> PlainPoint.Name? {
    guard let name = string(bytes), !name.range.isEmpty else { return nil }
    for index in name.range where bytes[index] == 0x7f { return nil }
    return name
  }

  mutating func tags(
    _ bytes: borrowing Span<UInt8>,
    _ tags: inout [(key: PlainPoint.Name, value: PlainPoint.Name)]
  ) -> Bool {
    guard take(UInt8(ascii: "{"), bytes) else { return false }
    if take(UInt8(ascii: "}"), bytes) { return true }
    while true {
      guard let key = name(bytes), take(UInt8(ascii: ":"), bytes), let value = name(bytes),
        !PlainPoint.matches("server", key.range, bytes)
      else { return false }
      for tag in tags where Self.isEqual(tag.key.range, key.range, bytes) { return false }
      tags.append((key, value))
      if take(UInt8(ascii: "}"), bytes) { return true }
      guard take(UInt8(ascii: ","), bytes) else { return false }
    }
  }

  private static func isEqual(
    _ left: Range<Int>,
    _ right: Range<Int>,
    _ bytes: borrowing Span<UInt8>
  ) -> Bool {
    guard left.count == right.count else { return false }
    for index in 0..<left.count
    where bytes[left.lowerBound + index] != bytes[right.lowerBound + index] { return false }
    return true
  }

  /// A time of digits alone.
  mutating func time(_ bytes: borrowing Span<UInt8>) -> UInt64? {
    skipSpace(bytes)
    guard case .integer(let magnitude, false)? = number(bytes)?.kind else { return nil }
    return magnitude
  }

  mutating func value(_ bytes: borrowing Span<UInt8>) -> (Range<Int>, PlainPoint.Kind)? {
    skipSpace(bytes)
    guard position < bytes.count else { return nil }
    switch bytes[position] {
    case UInt8(ascii: "\""): return string(bytes).map { ($0.range, .string) }
    case UInt8(ascii: "t"): return word("true", bytes).map { ($0, .boolean(true)) }
    case UInt8(ascii: "f"): return word("false", bytes).map { ($0, .boolean(false)) }
    default: return number(bytes)
    }
  }

  private mutating func word(
    _ word: StaticString,
    _ bytes: borrowing Span<UInt8>
  ) -> Range<Int>? {
    let range = position..<position + word.utf8CodeUnitCount
    guard range.upperBound <= bytes.count, PlainPoint.matches(word, range, bytes) else {
      return nil
    }
    position = range.upperBound
    return range
  }

  private static let digitsMax = 19
  private static let exponentDigitsMax = 2

  /// A number by JSON's grammar, small enough to be finite. What ends it must be there, or it may
  /// go on.
  private mutating func number(
    _ bytes: borrowing Span<UInt8>
  ) -> (range: Range<Int>, kind: PlainPoint.Kind)? {
    let start = position
    let isNegative = position < bytes.count && bytes[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    let first = position
    var magnitude: UInt64 = 0
    while position < bytes.count, bytes[position] &- 48 < 10 {
      magnitude = magnitude &* 10 &+ UInt64(bytes[position] &- 48)
      position += 1
    }
    let count = position - first
    guard (1...Self.digitsMax).contains(count), count == 1 || bytes[first] != 48,
      position < bytes.count
    else { return nil }
    var isIntegral = true
    if bytes[position] == UInt8(ascii: ".") {
      isIntegral = false
      position += 1
      guard digits(bytes) else { return nil }
    }
    if bytes[position] | 0x20 == UInt8(ascii: "e") {
      isIntegral = false
      position += 1
      guard position < bytes.count else { return nil }
      if bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
        position += 1
      }
      let exponent = position
      guard digits(bytes), position - exponent <= Self.exponentDigitsMax else { return nil }
    }
    guard isIntegral else { return (start..<position, .fraction) }
    return (start..<position, .integer(magnitude: magnitude, isNegative: isNegative))
  }

  /// Digits, and a byte behind them.
  private mutating func digits(_ bytes: borrowing Span<UInt8>) -> Bool {
    let start = position
    while position < bytes.count, bytes[position] &- 48 < 10 { position += 1 }
    return position > start && position < bytes.count
  }
}
