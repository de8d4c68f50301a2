internal import Model

/// Doubles as integers over a power of ten, bit for bit: a value belongs to exponent e when
/// round(value · 10^e) / 10^e is the value again. The quotient of two exact doubles is rounded
/// once, so that every decimal of up to 15 digits belongs to its number of decimals.
enum DecimalScale {
  /// 10^22 is the largest power of ten that a double holds exactly.
  static let exponentMax = 22
  static let powers: [Double] = (0...exponentMax).map { exponent in
    (0..<exponent).reduce(1.0) { power, _ in power * 10 }
  }
  /// Added to a double below 2^51 in size it leaves the rounded integer in the low bits of the sum.
  static let magic = 6_755_399_441_055_744.0
  static let magicMax = 2_251_799_813_685_248.0

  /// Fills `target` with the cells times 10^exponent.
  ///
  /// - Returns: whether all cells belong to the exponent; if not, what `target` holds is
  ///   unspecified.
  static func scale(_ cells: Span<Cell>, exponent: Int, into target: Words) -> Bool {
    let power = powers[exponent]
    let magicBits = magic.bitPattern
    let limit = magicMax.bitPattern &- 1
    var mismatch: UInt64 = 0
    var excess: UInt64 = 0
    if exponent == 0 {
      for index in 0..<target.count {
        let cell = unsafe cells[unchecked: index]
        let value = Double(bitPattern: cell)
        let sum = value + magic
        mismatch |= (sum - magic).bitPattern ^ cell
        excess |= limit &- (cell & ~(1 << 63))
        target[index] = sum.bitPattern &- magicBits
      }
    } else {
      for index in 0..<target.count {
        let cell = unsafe cells[unchecked: index]
        let value = Double(bitPattern: cell) * power
        let sum = value + magic
        mismatch |= ((sum - magic) / power).bitPattern ^ cell
        excess |= limit &- (value.bitPattern & ~(1 << 63))
        target[index] = sum.bitPattern &- magicBits
      }
    }
    if excess >> 63 == 0 { return mismatch == 0 }
    return scaleLarge(cells, power, into: target)
  }

  /// The same for values of 2^51 and more, up to 2^53 or, where nothing is scaled, 2^63.
  private static func scaleLarge(_ cells: Span<Cell>, _ power: Double, into target: Words) -> Bool {
    for index in cells.indices {
      guard let integer = integer(Double(bitPattern: cells[index]), power) else { return false }
      target[index] = UInt64(bitPattern: integer)
    }
    return true
  }

  /// `value` times `power` when that is exact in the sense above.
  @inline(__always)
  private static func integer(_ value: Double, _ power: Double) -> Int64? {
    guard let integer = nearest(value * power),
      power == 1 || integer.magnitude <= exactMax,
      (Double(integer) / power).bitPattern == value.bitPattern
    else { return nil }
    return integer
  }

  /// Doubles hold every integer up to here.
  static let exactMax: UInt64 = 1 << 53

  /// The integer nearest to `value`; `nil` when there is none of 64 bits.
  @inline(__always)
  static func nearest(_ value: Double) -> Int64? {
    guard value.magnitude < 0x1p63 else { return nil }
    let whole = Int64(value)
    let rest = value - Double(whole)
    return rest >= 0.5 ? whole &+ 1 : rest <= -0.5 ? whole &- 1 : whole
  }

  /// The smallest exponent, not below `from`, that `value` belongs to.
  static func leastExponent(_ value: Double, from: Int = 0) -> Int? {
    for exponent in from...exponentMax {
      if integer(value, powers[exponent]) != nil { return exponent }
      if !((value * powers[exponent]).magnitude <= Double(exactMax)) { return nil }
    }
    return nil
  }

  /// The smallest exponent that 24 evenly spaced cells belong to.
  static func exponent(of cells: Span<Cell>) -> Int? {
    let sampleCount = min(24, cells.count)
    var exponent = 0
    for sample in 0..<sampleCount {
      let cell = cells[sample * cells.count / sampleCount]
      guard let next = leastExponent(Double(bitPattern: cell), from: exponent) else { return nil }
      exponent = next
    }
    return exponent
  }

  /// Turns integers into the doubles they stand for, in place.
  static func unscale(_ words: Words, exponent: Int) {
    let power = powers[exponent]
    if words.unscaleWide(power: power) { return }
    let magicBits = magic.bitPattern
    let half = (1 as UInt64) << 51
    var excess: UInt64 = 0
    for index in 0..<words.count { excess |= words[index] &+ half }
    guard excess >> 52 == 0 else {
      for index in 0..<words.count {
        words[index] = (Double(words.signed(index)) / power).bitPattern
      }
      return
    }
    if exponent == 0 {
      for index in 0..<words.count {
        words[index] = (Double(bitPattern: words[index] &+ magicBits) - magic).bitPattern
      }
    } else if exponent <= quickExponentMax {
      // The quotient by the inverse, and what that leaves: exact, because the upper half of the
      // quotient's bits and the lower one times so small a power fit a double. Added to the
      // quotient it is rounded once, as the division is; a quotient of so small a divisor is never
      // so near the middle of two doubles that the inverse's own error mattered.
      let inverse = 1 / power
      for index in 0..<words.count {
        let value = Double(bitPattern: words[index] &+ magicBits) - magic
        let near = value * inverse
        let upper = Double(bitPattern: near.bitPattern & upperMask)
        let rest = (value - upper * power) - (near - upper) * power
        words[index] = (near + rest * inverse).bitPattern
      }
    } else {
      for index in 0..<words.count {
        let value = Double(bitPattern: words[index] &+ magicBits) - magic
        words[index] = (value / power).bitPattern
      }
    }
  }

  /// 10^7 has 24 bits, which half of a significand can be multiplied by without rounding.
  static let quickExponentMax = 7
  /// All of a double but the lower 27 bits.
  private static let upperMask: UInt64 = 0xffff_ffff_f800_0000
}

/// The bit patterns of doubles as signed integers in the order of the values: neighbours differ by
/// one unit in the last place, −0 stands just below 0, NaNs at both ends.
enum OrderedBits {
  /// Its own inverse.
  @inline(__always)
  static func flip(_ pattern: UInt64) -> UInt64 {
    let sign = UInt64(bitPattern: Int64(bitPattern: pattern) &>> 63)
    return pattern ^ (sign &>> 1)
  }

  /// The pattern with the sign in the lowest bit, in the order of the magnitudes as signed
  /// integers: numbers near in magnitude lie near each other, whatever their signs.
  @inline(__always)
  static func magnitude(_ pattern: UInt64) -> UInt64 {
    (pattern &<< 1 | pattern &>> 63) ^ (1 << 63)
  }

  /// The pattern of a magnitude.
  @inline(__always)
  static func pattern(magnitude: UInt64) -> UInt64 {
    let rotated = magnitude ^ (1 << 63)
    return rotated &>> 1 | rotated &<< 63
  }
}
