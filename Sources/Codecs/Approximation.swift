internal import Model

/// Doubles as the nearest integers over a divisor, and what their last bits are off by: decimals
/// that arithmetic has bent, numerators over one total.
enum Approximation {
  /// Units in the last place that a bent decimal is off by, in most samples.
  static let unitsMax: Int64 = 16

  /// Splits each cell into the nearest integer over `divisor` and the units in the last place from
  /// there to the cell. What has no such integer takes that of its neighbour.
  static func split(
    _ cells: Span<Cell>,
    by divisor: Double,
    _ integers: Words,
    _ units: Words
  ) {
    let magicBits = DecimalScale.magic.bitPattern
    let limit = DecimalScale.magicMax.bitPattern &- 1
    var excess: UInt64 = 0
    for index in 0..<integers.count {
      let cell = unsafe cells[unchecked: index]
      let scaled = Double(bitPattern: cell) * divisor
      let sum = scaled + DecimalScale.magic
      excess |= limit &- (scaled.bitPattern & ~(1 << 63))
      let near = (sum - DecimalScale.magic) / divisor
      integers[index] = sum.bitPattern &- magicBits
      units[index] = OrderedBits.flip(cell) &- OrderedBits.flip(near.bitPattern)
    }
    if excess >> 63 != 0 { splitLarge(cells, by: divisor, integers, units) }
  }

  /// The same where some products have more than 51 bits, or are no numbers.
  private static func splitLarge(
    _ cells: Span<Cell>,
    by divisor: Double,
    _ integers: Words,
    _ units: Words
  ) {
    var last: Int64 = 0
    for index in cells.indices {
      let cell = cells[index]
      let scaled = DecimalScale.nearest(Double(bitPattern: cell) * divisor)
      if let scaled, scaled.magnitude <= DecimalScale.exactMax { last = scaled }
      integers[index] = UInt64(bitPattern: last)
      let near = (Double(last) / divisor).bitPattern
      units[index] = OrderedBits.flip(cell) &- OrderedBits.flip(near)
    }
  }

  /// The exponent at which nine of ten samples are at most ``unitsMax`` units off a decimal.
  static func exponent(of cells: Span<Cell>) -> Int? {
    exponent(of: cells) { cell, scaled, power in
      let near = (Double(scaled) / power).bitPattern
      let distance = Int64(bitPattern: OrderedBits.flip(cell) &- OrderedBits.flip(near))
      return distance.magnitude <= UInt64(unitsMax)
    }
  }

  /// The exponent at which nine of ten samples lie so near a decimal, in parts of the distance
  /// between two of them, as chance hardly brings them: decimals that were added up one by one, and
  /// each time rounded.
  static func driftedExponent(of cells: Span<Cell>) -> Int? {
    exponent(of: cells) { cell, scaled, power in
      let distance = (Double(bitPattern: cell) * power - Double(scaled)).magnitude
      return scaled.magnitude < driftedMax && distance <= driftMax
    }
  }

  /// Decimals as large as this have too few bits below them to tell.
  private static let driftedMax: UInt64 = 1 << 38
  private static let driftMax = 0x1p-10

  /// The exponent at which `isNear` says of nine of ten samples that they are a decimal.
  private static func exponent(
    of cells: Span<Cell>,
    where isNear: (_ cell: Cell, _ scaled: Int64, _ power: Double) -> Bool
  ) -> Int? {
    let sampleCount = min(32, cells.count)
    var exponents: [Int] = []
    for sample in 0..<sampleCount {
      let cell = cells[sample * cells.count / sampleCount]
      let value = Double(bitPattern: cell)
      for exponent in 0...15 {
        let power = DecimalScale.powers[exponent]
        guard let scaled = DecimalScale.nearest(value * power),
          scaled.magnitude <= DecimalScale.exactMax
        else { break }
        if isNear(cell, scaled, power) {
          exponents.append(exponent)
          break
        }
      }
    }
    guard exponents.count * 4 >= sampleCount * 3 else { return nil }
    exponents.sort()
    return exponents[min(exponents.count - 1, sampleCount * 9 / 10)]
  }
}
