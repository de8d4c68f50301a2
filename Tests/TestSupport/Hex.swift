/// Bytes as text and back, for golden values that a reader can compare with a format's page.
public enum Hex {
  /// Two lower-case digits a byte, no spaces.
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
      if byte < 16 { text += "0" }
      text += String(byte, radix: 16)
    }
    return text
  }

  /// The bytes of hexadecimal text; spaces and line feeds are skipped. Traps on anything else: the
  /// text stands in a test.
  public static func bytes(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.map { (digit: Character) -> UInt8 in
      guard let value = digit.hexDigitValue else { preconditionFailure("no hex digit: \(digit)") }
      return UInt8(value)
    }
    precondition(digits.count % 2 == 0, "a digit is missing")
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}

extension Array<UInt8> {
  /// The UTF-8 bytes of `text`.
  public init(text: String) { self.init(text.utf8) }

  /// A copy with bit `bit` (0 is the lowest of the first byte) turned over.
  public func flipping(bit: Int) -> [UInt8] {
    var copy = self
    copy[bit / 8] ^= 1 << UInt8(bit % 8)
    return copy
  }
}

extension SeededRandom {
  /// `count` random bytes.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
  }

  /// True once in `count` times on average.
  public mutating func oneIn(_ count: UInt64) -> Bool { next() % count == 0 }
}
