/// The first 128 bits of 5 to the power of -342 ... 324, rounded down: what it takes to turn any
/// decimal of up to 19 digits into a double, and any double into its shortest decimal. Worked out
/// by exact arithmetic at first use, about a millisecond.
///
/// `5^q = (high * 2^64 + low + rest) * 2^exponent`, where the top bit of `high` is set and
/// `0 <= rest < 1`; `rest` is 0 just for the powers in ``exactRange``.
public struct PowersOfFive: Sendable {
  @frozen public struct Power: Sendable {
    public var high: UInt64
    public var low: UInt64
    public var exponent: Int
  }

  public static let range = -342...324
  /// Powers that 128 bits hold whole.
  public static let exactRange = 0...55
  public static let shared = PowersOfFive()

  private let powers: [Power]

  private init() {
    var negative: [Power] = []
    var positive: [Power] = []
    var power = BigNatural(1)
    for exponent in 0...342 {
      if exponent <= Self.range.upperBound { positive.append(Self.leading(of: power)) }
      if exponent > 0 { negative.append(Self.reciprocal(of: power)) }
      power.multiply(by: 5)
    }
    powers = negative.reversed() + positive
  }

  public subscript(exponent: Int) -> Power { powers[exponent - Self.range.lowerBound] }

  private static func leading(of value: BigNatural) -> Power {
    let excess = value.bitWidth - 128
    guard excess < 0 else {
      return Power(
        high: value.word(at: excess + 64),
        low: value.word(at: excess),
        exponent: excess
      )
    }
    var shifted = value
    shifted.shiftLeft(-excess)
    return Power(high: shifted.word(at: 64), low: shifted.word(at: 0), exponent: excess)
  }

  /// The leading bits of 1 / `divisor` by long division; `divisor` is odd and above 1, so that its
  /// reciprocal lies between two powers of two.
  private static func reciprocal(of divisor: BigNatural) -> Power {
    let width = divisor.bitWidth
    // 2^(width - 1) < divisor < 2^width, hence 2^127 < 2^(width + 127) / divisor < 2^128.
    var rest = BigNatural(1)
    rest.shiftLeft(width - 1)
    var high: UInt64 = 0
    var low: UInt64 = 0
    for _ in 0..<128 {
      rest.shiftLeft(1)
      high = high << 1 | low >> 63
      low <<= 1
      if !BigNatural.isLess(rest, divisor) {
        rest.subtract(divisor)
        low |= 1
      }
    }
    return Power(high: high, low: low, exponent: -(width + 127))
  }
}
