internal import Model

/// The number that all values of a column are fractions of: percentages of one total, averages of a
/// fixed number of samples.
enum CommonDenominator {
  static let sampleCount = 8
  static let denominatorMax: UInt64 = 1 << 40
  /// Largest denominator of one value; a double of 53 bits says little about larger ones.
  private static let exactMax = 16_777_216.0
  /// Decimals of 15 digits are further off their fraction: only a small denominator is believed.
  private static let roundedMax = 65_536.0

  /// The denominator of evenly spaced cells; `nil` when they have none in common, or 1.
  static func find(_ cells: Span<Cell>) -> UInt64? {
    var common: UInt64 = 1
    let count = min(sampleCount, cells.count)
    for sample in 0..<count {
      let value = Double(bitPattern: cells[sample * cells.count / count])
      guard let denominator = denominator(of: value.magnitude) else { return nil }
      common = common / StreamEncoder.greatestCommonDivisor(common, denominator) * denominator
      if common > denominatorMax { return nil }
    }
    return common == 1 ? nil : common
  }

  /// Whether the denominator is that of the decimals that all cells are.
  ///
  /// - Parameter exponent: of the decimals; `nil` when the cells are none.
  static func isOfDecimals(_ cells: Span<Cell>, _ exponent: Int?) -> Bool {
    guard let exponent, let common = find(cells) else { return false }
    let power = DecimalScale.powers[min(exponent, DecimalScale.exponentMax)]
    return power.truncatingRemainder(dividingBy: Double(common)) == 0
  }

  /// Whether the denominator is the power of ten of decimals that the cells are nearly, so that
  /// fractions would be the same numbers again.
  static func isPowerOfTen(_ cells: Span<Cell>, _ exponent: Int?) -> Bool {
    guard let exponent, let common = find(cells) else { return false }
    return DecimalScale.powers[min(exponent, DecimalScale.exponentMax)] == Double(common)
  }

  /// The denominator of the first convergent of the value's continued fraction that is as good as
  /// equal.
  static func denominator(of value: Double) -> UInt64? {
    guard value < 1e12 else { return nil }
    if value == Double(Int64(value)) { return 1 }
    // A unit in the last place and a half: a fraction is rounded once or twice.
    let exact = value * 0x1.8p-52
    let rounded = value * 0x1p-47
    var (numerator, lastNumerator) = (1.0, 0.0)
    var (denominator, lastDenominator) = (0.0, 1.0)
    var rest = value
    for _ in 0..<32 {
      guard rest < 0x1p62 else { return nil }
      let whole = Double(Int64(rest))
      (numerator, lastNumerator) = (whole * numerator + lastNumerator, numerator)
      (denominator, lastDenominator) = (whole * denominator + lastDenominator, denominator)
      guard denominator <= exactMax else { return nil }
      let error = (value - numerator / denominator).magnitude
      if error <= exact || (error <= rounded && denominator <= roundedMax) {
        return UInt64(denominator)
      }
      rest = 1 / (rest - whole)
    }
    return nil
  }
}
