/// A growing JSON text. Callers write the punctuation; the leaves are written here.
///
/// Cost: about 10 ns an integer or short decimal, 100 ns any other double.
struct JSONText {
  /// Integers of a larger magnitude are strings: a reader's double would change them.
  static let exactIntegerMax: UInt64 = 1 << 53

  private(set) var bytes: [UInt8] = []

  init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  var count: Int { bytes.count }

  /// Hands the bytes over and begins a new, empty text.
  mutating func take(reserving capacity: Int) -> [UInt8] {
    let taken = bytes
    bytes = []
    bytes.reserveCapacity(capacity)
    return taken
  }

  /// Appends text that is JSON already.
  @inline(__always)
  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  @inline(__always)
  mutating func append(byte: UInt8) { bytes.append(byte) }

  // MARK: Integers

  mutating func appendInteger(_ value: Int64) {
    appendInteger(magnitude: value.magnitude, isNegative: value < 0)
  }

  mutating func appendInteger(_ value: UInt64) {
    appendInteger(magnitude: value, isNegative: false)
  }

  private mutating func appendInteger(magnitude: UInt64, isNegative: Bool) {
    let isQuoted = magnitude > Self.exactIntegerMax
    if isQuoted { bytes.append(UInt8(ascii: "\"")) }
    if isNegative { bytes.append(UInt8(ascii: "-")) }
    appendDigits(magnitude)
    if isQuoted { bytes.append(UInt8(ascii: "\"")) }
  }

  /// Decimal digits without a sign or quotes, with leading zeros up to `width`.
  private mutating func appendDigits(_ value: UInt64, width: Int = 1) {
    if value < 10, width == 1 {
      bytes.append(UInt8(truncatingIfNeeded: value) &+ 48)
      return
    }
    var digits = InlineArray<20, UInt8>(repeating: 48)
    var start = 20
    var rest = value
    while rest > 0 {
      start &-= 1
      digits[start] = UInt8(truncatingIfNeeded: rest % 10) &+ 48
      rest /= 10
    }
    for index in min(start, 20 - width)..<20 { bytes.append(digits[index]) }
  }

  // MARK: Doubles

  /// The shortest text that reads back bit-equal; `"NaN"`, `"+Inf"` and `"-Inf"` as strings.
  mutating func appendDouble(_ value: Double) {
    let magnitude = value.magnitude
    guard magnitude <= .greatestFiniteMagnitude else {
      append(value.isNaN ? #""NaN""# : value > 0 ? #""+Inf""# : #""-Inf""#)
      return
    }
    if value.sign == .minus { bytes.append(UInt8(ascii: "-")) }
    if magnitude < 0x1p53, magnitude == magnitude.rounded(.towardZero) {
      // A JSON reader takes `-0` for the integer 0, which has no sign.
      if magnitude == 0, value.sign == .minus {
        append("0.0")
      } else {
        appendDigits(UInt64(magnitude))
      }
    } else if magnitude < 1e9, magnitude >= 1e-4 {
      appendDecimal(magnitude, scale: 1_000_000, decimals: 6)
    } else if magnitude >= 1e9, magnitude < 1e13 {
      appendDecimal(magnitude, scale: 100, decimals: 2)
    } else {
      appendShortest(magnitude)
    }
  }

  /// Appends `magnitude` as a whole number over a power of ten, if it is one.
  ///
  /// At most 15 digits stand for one double only and for no shorter text, so that these are the
  /// shortest digits once zeros at their end are gone.
  private mutating func appendDecimal(_ magnitude: Double, scale: UInt64, decimals: Int) {
    let scaled = (magnitude * Double(scale)).rounded()
    guard scaled < 1e15, scaled / Double(scale) == magnitude else {
      appendShortest(magnitude)
      return
    }
    var digits = UInt64(scaled)
    var width = decimals
    var divisor = scale
    while digits % 10 == 0, width > 1 {
      digits /= 10
      divisor /= 10
      width -= 1
    }
    appendDigits(digits / divisor)
    bytes.append(UInt8(ascii: "."))
    appendDigits(digits % divisor, width: width)
  }

  /// The standard library finds the shortest digits; `.0`, `e+` and zeros of an exponent go.
  private mutating func appendShortest(_ magnitude: Double) {
    let text = magnitude.description
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    if text.hasSuffix(".0") {
      bytes.removeLast(2)
      return
    }
    guard let mark = bytes[start...].lastIndex(of: UInt8(ascii: "e")) else { return }
    var digits = bytes[(mark + 1)...]
    bytes.removeSubrange((mark + 1)...)
    if digits.first == UInt8(ascii: "-") { bytes.append(UInt8(ascii: "-")) }
    digits = digits.drop { $0 < UInt8(ascii: "1") }
    bytes.append(contentsOf: digits)
  }

  // MARK: Strings

  /// A quoted string. Bytes that are not UTF-8 become U+FFFD, as the Unicode standard has it: one
  /// for each longest beginning of a character.
  mutating func appendString(_ value: some Collection<UInt8>) {
    bytes.append(UInt8(ascii: "\""))
    var rest = value[...]
    while let byte = rest.first {
      if byte < 0x80 {
        appendEscaped(byte)
        rest = rest.dropFirst()
      } else {
        let (length, isValid) = Self.character(rest)
        if isValid {
          bytes.append(contentsOf: rest.prefix(length))
        } else {
          bytes.append(contentsOf: [0xef, 0xbf, 0xbd])
        }
        rest = rest.dropFirst(length)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func appendEscaped(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append(#"\""#)
    case UInt8(ascii: "\\"): append(#"\\"#)
    case 0x08: append(#"\b"#)
    case 0x09: append(#"\t"#)
    case 0x0a: append(#"\n"#)
    case 0x0c: append(#"\f"#)
    case 0x0d: append(#"\r"#)
    case ..<0x20:
      append(#"\u00"#)
      let digits = "0123456789abcdef".utf8
      for digit in [byte >> 4, byte & 15] {
        bytes.append(digits[digits.index(digits.startIndex, offsetBy: Int(digit))])
      }
    default: bytes.append(byte)
    }
  }

  /// The length of the character at the head of `bytes`, or of its longest valid beginning.
  private static func character(_ bytes: some Collection<UInt8>) -> (length: Int, isValid: Bool) {
    var iterator = bytes.makeIterator()
    guard let lead = iterator.next() else { return (0, false) }
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xbf
    switch lead {
    case 0xc2...0xdf: length = 2
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xe1...0xef: length = 3
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: length = 4
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    default: return (1, false)
    }
    for index in 1..<length {
      guard let byte = iterator.next(), (index == 1 ? second : 0x80...0xbf).contains(byte) else {
        return (index, false)
      }
    }
    return (length, true)
  }
}
