/// A 64-bit number as a token out of few, which is entropy-coded, and the low bits that the token
/// leaves open, which are stored as they are (docs/format/chunk.md, "tokens").
///
/// Numbers below 64 are tokens of their own. Above, a token says how many bits the number has and
/// its two bits behind the first one, so that four tokens share each power of two.
enum TokenCode {
  static let exactMax = 64
  /// 64 numbers, then 4 tokens for each of 7 ... 64 bits.
  static let tokenCountMax = 64 + 58 * 4

  @inline(__always)
  static func token(_ value: UInt64) -> Int {
    if value < 64 { return Int(truncatingIfNeeded: value) }
    let bits = 64 &- value.leadingZeroBitCount
    let mantissa = Int(truncatingIfNeeded: value &>> UInt64(truncatingIfNeeded: bits &- 3)) & 3
    return 64 &+ (bits &- 7) &* 4 &+ mantissa
  }

  /// Low bits that a token leaves open, 0 or 4 ... 61.
  @inline(__always)
  static func openBitCount(_ token: Int) -> Int {
    token < 64 ? 0 : ((token &- 64) &>> 2) &+ 4
  }

  /// The smallest number of a token.
  @inline(__always)
  static func base(_ token: Int) -> UInt64 {
    if token < 64 { return UInt64(token) }
    return UInt64(4 &+ (token & 3)) &<< UInt64(truncatingIfNeeded: openBitCount(token))
  }

  /// Bits that numbers cost with the tokens' own statistics: entropy and open bits.
  static func bitCount(of counts: [UInt32], total: Int) -> Double {
    var bits = 0.0
    let whole = log2(Double(total))
    for token in 0..<counts.count where counts[token] > 0 {
      let count = Double(counts[token])
      bits += count * (whole - log2(count) + Double(openBitCount(token)))
    }
    return bits
  }

  /// The binary logarithm of 1 or more, to about 0.01.
  @inline(__always)
  static func log2(_ value: Double) -> Double {
    let pattern = value.bitPattern
    let exponent = Double(Int(pattern &>> 52) &- 1023)
    let significand = Double(bitPattern: pattern & 0xf_ffff_ffff_ffff | 0x3ff0_0000_0000_0000)
    return exponent + (-0.344845 * significand + 2.024658) * significand - 1.674873
  }
}
