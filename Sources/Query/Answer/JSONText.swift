internal import Bytes

/// A growing JSON text. Callers write the punctuation; the leaves are written here.
///
/// Cost: about 5 ns an integer, 10 ns a short decimal, 30 ns any other double.
struct JSONText: ~Copyable {
  /// Integers of a larger magnitude are strings: a reader's double would change them.
  static let exactIntegerMax: UInt64 = 1 << 53

  private var buffer: OutputBuffer

  init(reserving capacity: Int = 0) { buffer = OutputBuffer(reserving: capacity) }

  /// Bytes written so far.
  var count: Int { buffer.count }

  /// A copy of the bytes written so far.
  var bytes: [UInt8] { buffer.array() }

  /// Lends the bytes written so far.
  func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result { buffer.withBytes(body) }

  /// Appends text that is JSON already.
  mutating func append(_ text: String) { buffer.writeBytes(text.utf8.span) }

  @inline(__always)
  mutating func append(byte: UInt8) { buffer.writeByte(byte) }

  /// Appends bytes that are JSON already.
  mutating func append(bytes: ArraySlice<UInt8>) { buffer.writeBytes(bytes) }

  /// A copy of the bytes written from `start` on.
  func bytes(from start: Int) -> [UInt8] { buffer.array(from: start) }

  // MARK: Integers

  mutating func appendInteger(_ value: Int64) {
    appendInteger(magnitude: value.magnitude, isNegative: value < 0)
  }

  mutating func appendInteger(_ value: UInt64) {
    appendInteger(magnitude: value, isNegative: false)
  }

  /// Appends `first`, `first + step` and so on with commas between them, until `count` are there
  /// or the text has `limit` bytes.
  ///
  /// - Parameters:
  ///   - first: 0 or more.
  ///   - step: 0 or more; no number overflows.
  /// - Returns: how many were appended.
  mutating func appendProgression(
    from first: UInt64,
    step: UInt64,
    count: Int,
    upTo limit: Int
  ) -> Int {
    let half: UInt64 = 100_000_000
    var (index, value) = (0, first)
    while index < count, self.count < limit {
      // Numbers of nine to sixteen digits that begin alike differ in their last eight alone.
      let high = value / half
      guard high > 0, high < Self.exactIntegerMax / half else {
        if index > 0 { buffer.writeByte(UInt8(ascii: ",")) }
        appendInteger(value)
        (index, value) = (index + 1, value &+ step)
        continue
      }
      let head = Self.digits(high)
      let skipped = head.trailingZeroBitCount / 8
      let text = (head &>> UInt64(8 * skipped)) | 0x3030_3030_3030_3030
      let end = (high + 1) * half
      while index < count, value < end, self.count < limit {
        if index > 0 { buffer.writeByte(UInt8(ascii: ",")) }
        buffer.writeWord(text, byteCount: 8 - skipped)
        append(digits: Self.digits(value &- high &* half), leaving: 0)
        (index, value) = (index + 1, value &+ step)
      }
    }
    return index
  }

  /// An integer of any magnitude without quotes, for texts that are not read as JSON.
  mutating func appendPlain(_ value: Int64) {
    if value < 0 { buffer.writeByte(UInt8(ascii: "-")) }
    appendDigits(value.magnitude)
  }

  mutating func appendPlain(_ value: UInt64) { appendDigits(value) }

  private mutating func appendInteger(magnitude: UInt64, isNegative: Bool) {
    let isQuoted = magnitude > Self.exactIntegerMax
    if isQuoted { buffer.writeByte(UInt8(ascii: "\"")) }
    if isNegative { buffer.writeByte(UInt8(ascii: "-")) }
    appendDigits(magnitude)
    if isQuoted { buffer.writeByte(UInt8(ascii: "\"")) }
  }

  /// Decimal digits without a sign or quotes.
  @inline(__always)
  private mutating func appendDigits(_ value: UInt64) {
    if value < 100_000_000 {
      appendSignificant(value)
    } else {
      appendLong(value)
    }
  }

  @inline(never)
  private mutating func appendLong(_ value: UInt64) {
    if value < 10_000_000_000_000_000 {
      appendSignificant(value / 100_000_000)
    } else {
      let (top, rest) = value.quotientAndRemainder(dividingBy: 10_000_000_000_000_000)
      appendSignificant(top)
      append(digits: Self.digits(rest / 100_000_000), leaving: 0)
    }
    append(digits: Self.digits(value % 100_000_000), leaving: 0)
  }

  /// Up to eight digits, without leading zeros.
  @inline(__always)
  private mutating func appendSignificant(_ value: UInt64) {
    if value < 10 {
      buffer.writeByte(UInt8(truncatingIfNeeded: value) &+ 48)
      return
    }
    let digits = Self.digits(value)
    append(digits: digits, leaving: digits.trailingZeroBitCount / 8)
  }

  /// Appends the digits in the bytes of a word, lowest first, without the first `skipped`.
  @inline(__always)
  private mutating func append(digits: UInt64, leaving skipped: Int) {
    let text = (digits &>> UInt64(8 * skipped)) | 0x3030_3030_3030_3030
    buffer.writeWord(text, byteCount: 8 - skipped)
  }

  /// Appends digits behind the point, without zeros at their end.
  ///
  /// - Parameter digits: in the bytes of a word, lowest first; not all of them 0.
  @inline(__always)
  private mutating func append(decimals digits: UInt64) {
    buffer.writeByte(UInt8(ascii: "."))
    let count = 8 - digits.leadingZeroBitCount / 8
    buffer.writeWord(digits | 0x3030_3030_3030_3030, byteCount: count)
  }

  /// The eight digits of a number below 10⁸, one a byte, the most significant one lowest: halves of
  /// four digits, then of two, then of one, all lanes of the word at once.
  @inline(__always)
  private static func digits(_ value: UInt64) -> UInt64 {
    let (high, low) = value.quotientAndRemainder(dividingBy: 10_000)
    let fours = high | low &<< 32
    let hundreds = ((fours &* 5_243) &>> 19) & 0x0000_007f_0000_007f
    let twos = hundreds | (fours &- hundreds &* 100) &<< 16
    let tens = ((twos &* 103) &>> 10) & 0x000f_000f_000f_000f
    return tens | (twos &- tens &* 10) &<< 8
  }

  // MARK: Doubles

  /// The shortest text that reads back bit-equal; `"NaN"`, `"+Inf"` and `"-Inf"` as strings.
  mutating func appendDouble(_ value: Double) {
    let magnitude = value.magnitude
    guard magnitude <= .greatestFiniteMagnitude else {
      append(value.isNaN ? #""NaN""# : value > 0 ? #""+Inf""# : #""-Inf""#)
      return
    }
    if value.sign == .minus { buffer.writeByte(UInt8(ascii: "-")) }
    if magnitude < Self.hundredthsEnd, appendHundredths(magnitude) { return }
    if magnitude < 0x1p53, Double(Int64(magnitude)) == magnitude {
      // A JSON reader takes `-0` for the integer 0, which has no sign.
      if magnitude == 0, value.sign == .minus {
        append("0.0")
      } else {
        appendDigits(UInt64(magnitude))
      }
    } else if magnitude < 1e9, magnitude >= 1e-4 {
      if !appendMillionths(magnitude) { appendShortest(magnitude) }
    } else {
      appendShortest(magnitude)
    }
  }

  /// Below this hundredths have eight digits at most.
  private static let hundredthsEnd = 1e6

  /// Appends `magnitude` as hundredths, or as a whole number.
  ///
  /// At most 15 digits stand for one double only and for no shorter text, so that these are the
  /// shortest digits once zeros at their end are gone.
  ///
  /// - Parameter magnitude: less than ``hundredthsEnd``.
  /// - Returns: `false` when it is 0 or no number of them; nothing is appended then.
  @inline(__always)
  private mutating func appendHundredths(_ magnitude: Double) -> Bool {
    let scaled = magnitude * 100
    // The nearest whole number, or a neighbour. Signed, as processors convert only those in one
    // step.
    let hundredths = Int64(scaled + 0.5)
    let nearest = Double(hundredths)
    // Rounded twice, a number of hundredths is closer than this to a whole one; the division has
    // the last word and takes longest.
    guard hundredths > 0, (scaled - nearest).magnitude < 1e-7, nearest / 100 == magnitude else {
      return false
    }
    let digits = Self.digits(UInt64(bitPattern: hundredths))
    let skipped = min(5, digits.trailingZeroBitCount / 8)
    buffer.writeWord(
      (digits &>> UInt64(8 * skipped)) | 0x3030_3030_3030_3030,
      byteCount: 6 - skipped
    )
    let decimals = digits &>> 48
    if decimals != 0 {
      let count = decimals > 0xff ? 3 : 2
      buffer.writeWord(decimals &<< 8 | 0x30_302e, byteCount: count)
    }
    return true
  }

  /// The same as millionths.
  ///
  /// - Parameter magnitude: less than 10⁹, not whole.
  private mutating func appendMillionths(_ magnitude: Double) -> Bool {
    let scaled = magnitude * 1_000_000
    let millionths = Int64(scaled + 0.5)
    let nearest = Double(millionths)
    guard (scaled - nearest).magnitude <= scaled * 0x1p-51, nearest / 1_000_000 == magnitude else {
      return false
    }
    let digits = UInt64(bitPattern: millionths)
    let whole = digits / 1_000_000
    appendDigits(whole)
    append(decimals: Self.digits((digits &- whole &* 1_000_000) &* 100))
    return true
  }

  /// Doubles from here on are written with an exponent, and those below 10⁻⁴.
  private static let plainEnd = 1e16

  private mutating func appendShortest(_ magnitude: Double) {
    let decimal = ShortestDecimal(of: magnitude)
    let count = Self.digitCount(decimal.digits)
    // Where the point stands behind the first digit.
    let point = count + decimal.exponent
    if point > -4, magnitude < Self.plainEnd {
      if point <= 0 {
        append("0.")
        for _ in point..<0 { buffer.writeByte(48) }
        appendDigits(decimal.digits)
      } else if decimal.exponent < 0 {
        appendDigits(decimal.digits, withPointBehind: point)
      } else {
        appendDigits(decimal.digits)
        for _ in 0..<decimal.exponent { buffer.writeByte(48) }
      }
      return
    }
    if count == 1 {
      appendDigits(decimal.digits)
    } else {
      appendDigits(decimal.digits, withPointBehind: 1)
    }
    buffer.writeByte(UInt8(ascii: "e"))
    if point <= 0 { buffer.writeByte(UInt8(ascii: "-")) }
    appendDigits(UInt64((point - 1).magnitude))
  }

  /// - Parameter place: digits in front of the point, fewer than there are.
  private mutating func appendDigits(_ digits: UInt64, withPointBehind place: Int) {
    let width = Self.digitCount(digits) - place
    let (head, rest) = digits.quotientAndRemainder(dividingBy: Self.powers[width])
    appendDigits(head)
    buffer.writeByte(UInt8(ascii: "."))
    // Zeros in front of the rest stand between it and the point.
    if width > 8 {
      let (high, low) = rest.quotientAndRemainder(dividingBy: 100_000_000)
      append(digits: Self.digits(high), leaving: 16 - width)
      append(digits: Self.digits(low), leaving: 0)
    } else {
      append(digits: Self.digits(rest), leaving: 8 - width)
    }
  }

  /// Powers of ten that 64 bits hold.
  private static let powers: [UInt64] = [
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
    10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000,
    1_000_000_000_000_000, 10_000_000_000_000_000, 100_000_000_000_000_000,
    1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
  ]

  /// - Parameter value: less than 10¹⁹.
  private static func digitCount(_ value: UInt64) -> Int {
    // 1,233 / 4,096 is the logarithm of 2, near enough.
    let guess = ((64 - value.leadingZeroBitCount) * 1_233) >> 12
    return max(1, guess + (value >= powers[guess] ? 1 : 0))
  }

  // MARK: Strings

  /// A quoted string. Bytes that are not UTF-8 become U+FFFD, as the Unicode standard has it: one
  /// for each longest beginning of a character.
  mutating func appendString(_ value: Span<UInt8>) {
    buffer.writeByte(UInt8(ascii: "\""))
    var index = 0
    while index < value.count {
      let start = index
      while index < value.count, Self.isPlain(value[index]) { index += 1 }
      if index > start { buffer.writeBytes(value.extracting(start..<index)) }
      guard index < value.count else { break }
      if value[index] < 0x80 {
        appendEscaped(value[index])
        index += 1
      } else {
        let (length, isValid) = Self.character(value.extracting(index...))
        if isValid {
          buffer.writeBytes(value.extracting(index..<index + length))
        } else {
          append("\u{fffd}")
        }
        index += length
      }
    }
    buffer.writeByte(UInt8(ascii: "\""))
  }

  /// Whether a byte stands for itself in a string.
  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
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
    default:
      append(#"\u00"#)
      for digit in [byte >> 4, byte & 15] {
        buffer.writeByte(digit < 10 ? digit + 48 : digit - 10 + UInt8(ascii: "a"))
      }
    }
  }

  /// The length of the character at the head of `bytes`, or of its longest valid beginning.
  private static func character(_ bytes: Span<UInt8>) -> (length: Int, isValid: Bool) {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xbf
    switch bytes[0] {
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
      guard index < bytes.count,
        (index == 1 ? second : 0x80...0xbf).contains(bytes[index])
      else { return (index, false) }
    }
    return (length, true)
  }
}
