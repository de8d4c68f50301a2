internal import Model

/// What a field's value looks like.
enum ValueKind: UInt8 {
  case float = 1
  case integer = 2
  case unsigned = 3
  case boolean = 4
  case string = 5
  /// No value of the grammar.
  case malformed
  /// An integer beyond 64 bits, or a float beyond the largest double.
  case outOfRange
  /// A spelling of NaN or infinity.
  case notFinite

  /// The column type that such a value makes; `nil` when it is refused.
  var type: ColumnType? { ColumnType(rawValue: rawValue) }
}

/// One value as it was read, not yet a cell. Places are offsets in its row, which is at most a line
/// limit long.
struct ValueToken {
  var kind: ValueKind
  var isNegative = false
  /// Whether ``mantissa`` and ``exponent`` are the whole number.
  var isExact = true
  /// Whether a string holds a backslash.
  var hasEscapes = false
  /// A float's power of ten.
  var exponent: Int32 = 0
  /// Magnitude of an integer; the first 19 digits of a float; 0 or 1 of a boolean.
  var mantissa: UInt64 = 0
  /// The exponent that belongs to the digits read without their point.
  var pointlessExponent: Int32 = 0
  /// The digits of a float, the point among them; the inside of a string.
  var start: UInt32 = 0
  var end: UInt32 = 0

  init(_ kind: ValueKind) { self.kind = kind }
}

/// Reads the numbers and booleans of the grammar:
///
///     integer := [-] digits i          unsigned := digits u
///     float := [-] (digits [. [digits]] | . digits) [(e | E) [+ | -] digits]
enum NumberParser {
  /// Significant digits that 64 bits always hold.
  static let digitsMax = 19
  /// Exponents beyond it are all the same: nothing but zero or infinity.
  private static let exponentMax = 100_000
  /// 19 digits with this exponent are no infinity.
  private static let exponentSafe: Int32 = 288

  /// Reads all of `start ..< end`, a number or a boolean, as offsets from `base`.
  ///
  /// - Parameters:
  ///   - end: a byte that no number goes on with, and seven more are readable there.
  ///   - powers: 10^0 ... 10^8.
  static func parse(
    _ start: UnsafeRawPointer,
    to end: UnsafeRawPointer,
    base: UnsafeRawPointer,
    powers: UnsafeMutablePointer<UInt64>
  ) -> ValueToken {
    guard unsafe start < end else { return ValueToken(.malformed) }
    let first = unsafe ByteScan.byte(start)
    if isDigit(first) || first == ByteScan.minus || first == ByteScan.point {
      return unsafe number(start, to: end, base: base, powers: powers)
    }
    return unsafe word(start, to: end)
  }

  @inline(__always)
  private static func isDigit(_ byte: UInt8) -> Bool { byte &- ByteScan.zero < 10 }

  private static func number(
    _ start: UnsafeRawPointer,
    to end: UnsafeRawPointer,
    base: UnsafeRawPointer,
    powers: UnsafeMutablePointer<UInt64>
  ) -> ValueToken {
    var cursor = unsafe start
    var token = ValueToken(.float)
    if unsafe ByteScan.byte(cursor) == ByteScan.minus {
      token.isNegative = true
      unsafe cursor += 1
    }
    let digits = unsafe cursor
    var reader = unsafe DigitReader(powers)
    unsafe cursor = unsafe reader.read(cursor)
    let wholeCount = unsafe cursor - digits
    if unsafe cursor < end, wholeCount > 0, unsafe end - cursor == 1,
      unsafe ByteScan.byte(cursor) != ByteScan.point
    {
      return unsafe integer(token, reader, suffix: ByteScan.byte(cursor), digits, count: wholeCount)
    }
    var fractionCount = 0
    if unsafe cursor < end, unsafe ByteScan.byte(cursor) == ByteScan.point {
      let fraction = unsafe cursor + 1
      unsafe cursor = unsafe reader.read(fraction)
      fractionCount = unsafe cursor - fraction
    }
    guard wholeCount + fractionCount > 0 else { return unsafe rejected(start, to: end) }
    token.start = unsafe UInt32(digits - base)
    token.end = unsafe UInt32(cursor - base)
    guard let power = unsafe exponent(cursor, to: end) else {
      return unsafe rejected(start, to: end)
    }
    token.mantissa = reader.value
    token.isExact = !reader.hasDroppedValue
    token.pointlessExponent = Int32(power - fractionCount)
    token.exponent = Int32(power - fractionCount + reader.droppedCount)
    if token.exponent > exponentSafe, unsafe !token.double(base).isFinite {
      return ValueToken(.outOfRange)
    }
    return token
  }

  /// The exponent from `start` to the end; 0 when there is none, `nil` when it is malformed.
  private static func exponent(_ start: UnsafeRawPointer, to end: UnsafeRawPointer) -> Int? {
    guard unsafe start < end else { return 0 }
    var cursor = unsafe start
    guard unsafe ByteScan.byte(cursor) | 0x20 == UInt8(ascii: "e") else { return nil }
    unsafe cursor += 1
    guard unsafe cursor < end else { return nil }
    let sign = unsafe ByteScan.byte(cursor)
    if sign == ByteScan.minus || sign == UInt8(ascii: "+") { unsafe cursor += 1 }
    guard unsafe cursor < end else { return nil }
    var value = 0
    while unsafe cursor < end {
      let digit = unsafe ByteScan.byte(cursor) &- ByteScan.zero
      guard digit < 10 else { return nil }
      value = min(value * 10 + Int(digit), exponentMax)
      unsafe cursor += 1
    }
    return sign == ByteScan.minus ? -value : value
  }

  private static func integer(
    _ float: ValueToken,
    _ reader: DigitReader,
    suffix: UInt8,
    _ digits: UnsafeRawPointer,
    count: Int
  ) -> ValueToken {
    var token = float
    switch suffix {
    case UInt8(ascii: "i"): token.kind = .integer
    case UInt8(ascii: "u") where !float.isNegative: token.kind = .unsigned
    default: return ValueToken(.malformed)
    }
    var value = reader.value
    if reader.droppedCount > 0 {
      // A twentieth digit may still fit 64 bits.
      let last = unsafe UInt64(ByteScan.byte(digits + (count - 1)) &- ByteScan.zero)
      let (tens, isLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, isLarger) = tens.addingReportingOverflow(last)
      guard reader.droppedCount == 1, !isLarge, !isLarger else { return ValueToken(.outOfRange) }
      value = sum
    }
    if token.kind == .integer, value > UInt64(Int64.max) + (token.isNegative ? 1 : 0) {
      return ValueToken(.outOfRange)
    }
    token.mantissa = value
    return token
  }

  private static func word(_ start: UnsafeRawPointer, to end: UnsafeRawPointer) -> ValueToken {
    var text: UInt64 = 0
    if unsafe end - start <= 5 {
      for offset in unsafe 0..<(end - start) {
        let byte = unsafe ByteScan.byte(start + offset)
        // A zero would leave no trace in `text`.
        guard byte != 0 else { return unsafe rejected(start, to: end) }
        text |= UInt64(byte) << UInt64(8 * offset)
      }
    }
    guard let value = boolean(text) else { return unsafe rejected(start, to: end) }
    var token = ValueToken(.boolean)
    token.mantissa = value ? 1 : 0
    return token
  }

  /// The boolean that up to five characters spell; the first is the lowest byte.
  static func boolean(_ text: UInt64) -> Bool? {
    switch text {
    case 0x74, 0x54: true  // t, T
    case 0x66, 0x46: false  // f, F
    case 0x6575_7274, 0x6575_7254, 0x4555_5254: true  // true, True, TRUE
    case 0x65_736c_6166, 0x65_736c_6146, 0x45_534c_4146: false  // false, False, FALSE
    default: nil
    }
  }

  /// Tells numbers that are none from numbers that the grammar leaves out.
  private static func rejected(_ start: UnsafeRawPointer, to end: UnsafeRawPointer) -> ValueToken {
    var cursor = unsafe start
    let sign = unsafe ByteScan.byte(cursor)
    if sign == ByteScan.minus || sign == UInt8(ascii: "+") { unsafe cursor += 1 }
    guard unsafe end - cursor == 3 || end - cursor == 8 else { return ValueToken(.malformed) }
    let text = unsafe UnsafeRawBufferPointer(start: cursor, count: end - cursor).map { $0 | 0x20 }
    for spelling in ["nan", "inf", "infinity"] where text.elementsEqual(spelling.utf8) {
      return ValueToken(.notFinite)
    }
    return ValueToken(.malformed)
  }
}

/// Gathers decimal digits into 64 bits: the first 19 that count, and what was left out.
@safe private struct DigitReader {
  private(set) var value: UInt64 = 0
  /// Digits in ``value``, from the first that is not zero.
  private var count = 0
  private(set) var droppedCount = 0
  private(set) var hasDroppedValue = false
  private let powers: UnsafeMutablePointer<UInt64>

  init(_ powers: UnsafeMutablePointer<UInt64>) { unsafe self.powers = unsafe powers }

  /// Reads digits up to the first other byte, for which it returns the place.
  @inline(__always)
  mutating func read(_ start: UnsafeRawPointer) -> UnsafeRawPointer {
    var cursor = unsafe start
    while true {
      let digits = unsafe ByteScan.word(cursor) ^ 0x3030_3030_3030_3030
      let length = ByteScan.firstByte(ByteScan.nonDigits(digits))
      guard length > 0 else { return unsafe cursor }
      guard count + length <= NumberParser.digitsMax else { return unsafe readLast(cursor) }
      let part = ByteScan.value(ofDigits: digits &<< UInt64(truncatingIfNeeded: 64 &- 8 &* length))
      if value > 0 {
        count += length
      } else if part > 0 {
        count = length - digits.trailingZeroBitCount / 8
      }
      value = unsafe value &* powers[length] &+ part
      unsafe cursor += length
      guard length == 8 else { return unsafe cursor }
    }
  }

  /// The same byte by byte, where digits may have to be left out.
  @inline(never)
  private mutating func readLast(_ start: UnsafeRawPointer) -> UnsafeRawPointer {
    var cursor = unsafe start
    while true {
      let digit = unsafe ByteScan.byte(cursor) &- ByteScan.zero
      guard digit < 10 else { return unsafe cursor }
      if count < NumberParser.digitsMax {
        value = value &* 10 &+ UInt64(digit)
        if value > 0 { count += 1 }
      } else {
        droppedCount += 1
        if digit > 0 { hasDroppedValue = true }
      }
      unsafe cursor += 1
    }
  }
}
