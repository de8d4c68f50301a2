internal import Bytes
internal import Model

/// Values as fractions of small whole numbers, times one factor: percentages of totals that change
/// from row to row, such as the ticks of a second.
enum Fraction {
  static let denominatorMax = 4_096.0
  /// Percentages first; then ratios.
  static let factors: [UInt8] = [100, 1]

  /// The fraction in lowest terms that `value` is as good as equal to, with a denominator of at
  /// most ``denominatorMax``.
  @inline(__always)
  static func nearest(_ value: Double) -> (numerator: Double, denominator: Double)? {
    let magnitude = value.magnitude
    guard magnitude < 0x1p31 else { return nil }
    // What was divided by the factor is rounded once more.
    let tolerance = magnitude * 0x1p-51
    var (numerator, lastNumerator) = (1.0, 0.0)
    var (denominator, lastDenominator) = (0.0, 1.0)
    var rest = magnitude
    for _ in 0..<16 {
      guard rest < 0x1p40 else { return nil }
      let whole = Double(Int64(rest))
      (numerator, lastNumerator) = (whole * numerator + lastNumerator, numerator)
      (denominator, lastDenominator) = (whole * denominator + lastDenominator, denominator)
      guard denominator <= denominatorMax else { return nil }
      if (magnitude * denominator - numerator).magnitude <= tolerance * denominator {
        return (value < 0 ? -numerator : numerator, denominator)
      }
      rest = 1 / (rest - whole)
    }
    return nil
  }

  /// The factor that suits seven of eight evenly spaced cells.
  static func factor(of cells: Span<Cell>) -> UInt8? {
    let count = min(8, cells.count)
    return factors.first { factor in
      var hits = 0
      for sample in 0..<count {
        let value = Double(bitPattern: cells[sample * cells.count / count])
        if nearest(value / Double(factor)) != nil { hits += 1 }
      }
      return hits * 8 >= count * 7
    }
  }

  /// Whether the fractions of evenly spaced cells are the decimals that all cells are.
  ///
  /// - Parameter exponent: of the decimals; `nil` when the cells are none.
  static func areDecimals(_ cells: Span<Cell>, _ exponent: Int?) -> Bool {
    guard let exponent, let factor = factor(of: cells) else { return false }
    // Percentages have two decimals more.
    let power = DecimalScale.powers[min(exponent + 2, DecimalScale.exponentMax)]
    let count = min(8, cells.count)
    for sample in 0..<count {
      let value = Double(bitPattern: cells[sample * cells.count / count]) / Double(factor)
      guard let found = nearest(value) else { continue }
      if power.truncatingRemainder(dividingBy: found.denominator) != 0 { return false }
    }
    return true
  }

  /// The value of a fraction.
  @inline(__always)
  static func value(_ numerator: Int64, _ denominator: Int64, factor: Double) -> Double {
    Double(numerator) * factor / Double(denominator)
  }

  /// Splits each cell into numerator, denominator and the units in the last place from there to the
  /// cell. What is no fraction takes that of its neighbour.
  ///
  /// Lowest terms hide the total: 1/4 may have been 50 of 200. So fractions are expanded to about
  /// the usual denominator, which leaves the denominators few and close together.
  static func split(
    _ cells: Span<Cell>,
    factor: UInt8,
    _ numerators: Words,
    _ denominators: Words,
    _ units: Words
  ) {
    let factor = Double(factor)
    if !numerators.fractionsWide(of: cells, factor: factor, denominators) {
      for index in cells.indices {
        let found = nearest(Double(bitPattern: cells[index]) / factor)
        numerators[index] = UInt64(bitPattern: Int64(found?.numerator ?? 0))
        denominators[index] = UInt64(found?.denominator ?? 0)
      }
    }
    var last: (numerator: UInt64, denominator: UInt64) = (0, 1)
    var largest: UInt64 = 1
    var bits: UInt64 = 0
    for index in 0..<numerators.count {
      if denominators[index] == 0 {
        (numerators[index], denominators[index]) = last
      } else {
        last = (numerators[index], denominators[index])
      }
      largest = max(largest, last.denominator)
      bits |= ZigZag.encode(Int64(bitPattern: last.numerator))
    }
    let usual = usual(denominators, above: largest / 2)
    if bits < wideNumeratorMax,
      numerators.expandWide(cells, factor: factor, usual: Double(usual), denominators, units)
    {
      return
    }
    for index in cells.indices {
      let denominator = denominators[index]
      let multiple = max(1, (usual + denominator / 2) / denominator)
      denominators[index] = denominator * multiple
      numerators[index] = numerators[index] &* multiple
      let near = value(
        numerators.signed(index),
        denominators.signed(index),
        factor: factor
      )
      units[index] = OrderedBits.flip(cells[index]) &- OrderedBits.flip(near.bitPattern)
    }
  }

  /// Twice the largest numerator that may be expanded in a double.
  private static let wideNumeratorMax: UInt64 = 1 << 38

  /// The mean of the denominators that are larger than `least`.
  private static func usual(_ denominators: Words, above least: UInt64) -> UInt64 {
    var sum: UInt64 = 0
    var count: UInt64 = 0
    for index in 0..<denominators.count where denominators[index] > least {
      sum += denominators[index]
      count += 1
    }
    return count == 0 ? 1 : (sum + count / 2) / count
  }
}
