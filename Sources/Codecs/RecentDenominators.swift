/// Some denominators of a column's fractions, the latest first. Totals that change are few and come
/// again: a product says which of them a value may be over, and one division whether it is, where
/// its continued fraction takes ten.
struct RecentDenominators {
  private static let count = 8
  /// Fractions are no further than this from a numerator over their own denominator.
  private static let tolerance = 0x1p-20

  /// 0 for none.
  private var denominators = InlineArray<8, Double>(repeating: 0)

  mutating func add(_ denominator: Double) { moveToFront(denominator, from: Self.count - 1) }

  private mutating func moveToFront(_ denominator: Double, from place: Int) {
    var place = place
    while place > 0 {
      denominators[place] = denominators[place - 1]
      place -= 1
    }
    denominators[0] = denominator
  }

  /// `value` as a fraction over one of the denominators, which becomes the latest: exact, to the
  /// last bit.
  @inline(__always)
  mutating func fraction(
    of value: Double,
    factor: Double
  ) -> (numerator: Double, denominator: Double)? {
    guard value.magnitude < 0x1p31 else { return nil }
    let share = value / factor
    for place in 0..<Self.count {
      let denominator = denominators[place]
      if denominator == 0 { return nil }
      let product = share * denominator
      let numerator = (product + DecimalScale.magic) - DecimalScale.magic
      guard (product - numerator).magnitude < Self.tolerance,
        (numerator * factor / denominator).bitPattern == value.bitPattern
      else { continue }
      if place > 0 { moveToFront(denominator, from: place) }
      return (numerator, denominator)
    }
    return nil
  }
}
