internal import Bytes

/// The double nearest to a decimal, ties to even: bit-equal to C's `strtod`.
///
/// Three ways, each for what the one before cannot decide: both parts exact doubles (one division
/// or product, correctly rounded by the processor); a product with the leading 128 bits of a power
/// of five (Lemire, "Number Parsing at a Gigabyte per Second", 2021), where the error is bounded
/// and almost never matters; exact comparison of big numbers.
enum NearestDouble {
  private static let exactIntegerMax: UInt64 = 1 << 53
  private static let exactPowers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// The magnitude of `mantissa * 10^exponent`; infinity when it is too large.
  ///
  /// - Parameters:
  ///   - mantissa: the first 19 significant digits.
  ///   - isTruncated: whether more digits follow, one of them not zero.
  ///   - digits: all digits in order, a point among them; read when nothing else decides.
  ///   - pointlessExponent: the exponent that belongs to `digits` read without their point.
  static func value(
    mantissa: UInt64,
    exponent: Int,
    isTruncated: Bool,
    digits: UnsafeRawBufferPointer,
    pointlessExponent: Int
  ) -> Double {
    if mantissa == 0 { return 0 }
    if !isTruncated, mantissa <= exactIntegerMax {
      if exponent <= 0, exponent >= -22 { return Double(mantissa) / exactPowers[-exponent] }
      if exponent > 0, exponent <= 22 { return Double(mantissa) * exactPowers[exponent] }
    }
    if let low = approximate(mantissa: mantissa, exponent: exponent) {
      guard isTruncated else { return low }
      if let high = approximate(mantissa: mantissa &+ 1, exponent: exponent), high == low {
        return low
      }
    }
    return unsafe exact(digits: digits, exponent: pointlessExponent, near: (mantissa, exponent))
  }

  /// The nearest double, or `nil` when 128 bits of the power of five do not decide between two.
  static func approximate(mantissa: UInt64, exponent: Int) -> Double? {
    guard let product = Product(mantissa: mantissa, exponent: exponent) else {
      // 19 digits times 10^-343 lie below half of the smallest double.
      return exponent < 0 ? 0 : .infinity
    }
    return product.rounded(isExact: PowersOfFive.exactRange.contains(exponent))
  }

  /// 192 bits of mantissa times power of five, rounded down.
  private struct Product {
    var high: UInt64
    var middle: UInt64
    var low: UInt64
    /// The exponent of the most significant bit.
    var exponent: Int
    /// How much the true product may be larger, in units of ``low``.
    var errorMax: UInt64

    init?(mantissa: UInt64, exponent: Int) {
      guard PowersOfFive.range.contains(exponent) else { return nil }
      let power = PowersOfFive.shared[exponent]
      let shift = mantissa.leadingZeroBitCount
      let normal = mantissa << UInt64(shift)
      let upper = normal.multipliedFullWidth(by: power.high)
      let lower = normal.multipliedFullWidth(by: power.low)
      let (sum, carries) = upper.low.addingReportingOverflow(lower.high)
      high = upper.high + (carries ? 1 : 0)
      middle = sum
      low = lower.low
      self.exponent = power.exponent + exponent - shift + 191 - (high >> 63 == 0 ? 1 : 0)
      errorMax = normal
    }

    func rounded(isExact: Bool) -> Double? {
      guard exponent <= 1023 else { return .infinity }
      let kept = min(53, 53 + exponent + 1022)
      guard kept >= 0 else { return 0 }
      // Bits of `high` to drop: 10 ... 64.
      let dropped = UInt64((high >> 63 == 0 ? 63 : 64) - kept)
      var bits = dropped == 64 ? 0 : high >> dropped
      let rest = dropped == 64 ? high : high & (1 << dropped - 1)
      let half: UInt64 = 1 << (dropped - 1)
      if rest > half || (rest == half && (middle > 0 || low > 0)) {
        bits += 1
      } else if rest == half {
        // Just half, and the true product is a little more unless it is exact.
        if !isExact || bits & 1 == 1 { bits += 1 }
      } else if !isExact, rest == half - 1, middle == .max,
        low.addingReportingOverflow(errorMax).overflow
      {
        return nil
      }
      // The leading bit of a normal number is one more in the exponent's field.
      return Double(bitPattern: bits + (kept == 53 ? UInt64(exponent + 1022) << 52 : 0))
    }

    /// The nearest double or a neighbour of it.
    var guess: Double { rounded(isExact: true) ?? 0 }
  }

  /// Decides by exact arithmetic, from a guess that is off by a few units at most.
  private static func exact(
    digits: UnsafeRawBufferPointer,
    exponent: Int,
    near: (mantissa: UInt64, exponent: Int)
  ) -> Double {
    guard let product = Product(mantissa: near.mantissa, exponent: near.exponent) else {
      return near.exponent < 0 ? 0 : .infinity
    }
    let decimal = unsafe ExactDecimal(digits, exponent: exponent)
    var bits = min(product.guess.bitPattern, Double.greatestFiniteMagnitude.bitPattern)
    while true {
      let isOdd = bits & 1 == 1
      let above = decimal.compared(toHalfAbove: bits)
      if above > 0 || (above == 0 && isOdd) {
        bits += 1
        if bits == Double.infinity.bitPattern { return .infinity }
        continue
      }
      guard bits > 0 else { return 0 }
      let below = decimal.compared(toHalfAbove: bits - 1)
      if below < 0 || (below == 0 && isOdd) {
        bits -= 1
        continue
      }
      return Double(bitPattern: bits)
    }
  }
}

/// A decimal of any length, for exact comparison with points half-way between doubles.
private struct ExactDecimal {
  /// No point half-way between doubles has more significant digits; what follows them only matters
  /// by being zero or not.
  static let digitsMax = 780

  private var digits = BigNatural(0)
  private var exponent: Int

  init(_ text: UnsafeRawBufferPointer, exponent: Int) {
    self.exponent = exponent
    var taken = 0
    var hasRest = false
    for index in text.indices {
      let byte = unsafe text[index]
      guard byte != ByteScan.point else { continue }
      if taken == Self.digitsMax {
        self.exponent += 1
        if byte != UInt8(ascii: "0") { hasRest = true }
        continue
      }
      digits.multiply(by: 10, adding: UInt32(byte &- UInt8(ascii: "0")))
      if taken > 0 || byte != UInt8(ascii: "0") { taken += 1 }
    }
    if hasRest {
      digits.multiply(by: 10, adding: 1)
      self.exponent -= 1
    }
  }

  /// Compares with the point half-way between the double with `bits` and the next larger one:
  /// negative, zero or positive as the decimal is smaller, equal or larger.
  func compared(toHalfAbove bits: UInt64) -> Int {
    let field = Int(bits >> 52)
    let fraction = bits & (1 << 52 - 1)
    let whole = field == 0 ? fraction : fraction | 1 << 52
    // (whole + 1/2) * 2^(max(field, 1) - 1075)
    var left = digits
    var right = BigNatural(2 * whole + 1)
    var twos = max(field, 1) - 1076 - exponent
    if exponent >= 0 {
      left.multiply(byPowerOfFive: exponent)
    } else {
      right.multiply(byPowerOfFive: -exponent)
    }
    if twos >= 0 {
      right.shiftLeft(twos)
    } else {
      twos = -twos
      left.shiftLeft(twos)
    }
    if left == right { return 0 }
    return BigNatural.isLess(left, right) ? -1 : 1
  }
}
