/// A natural number of any size, for the few decimals that nothing smaller decides and for the
/// table of powers of five. 32-bit limbs, least significant first, no leading zero limbs.
public struct BigNatural: Equatable {
  private(set) var limbs: [UInt32]

  public init(_ value: UInt64) {
    limbs = [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
    trim()
  }

  private mutating func trim() {
    while let last = limbs.last, last == 0 { limbs.removeLast() }
  }

  public var bitWidth: Int {
    guard let last = limbs.last else { return 0 }
    return limbs.count * 32 - last.leadingZeroBitCount
  }

  /// Multiplies by `factor` and adds `addend`.
  public mutating func multiply(by factor: UInt32, adding addend: UInt32 = 0) {
    var carry = UInt64(addend)
    for index in limbs.indices {
      carry += UInt64(limbs[index]) * UInt64(factor)
      limbs[index] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
    trim()
  }

  /// Multiplies by 5 to the power of `exponent`.
  public mutating func multiply(byPowerOfFive exponent: Int) {
    var left = exponent
    while left >= 13 {
      multiply(by: 1_220_703_125)
      left -= 13
    }
    for _ in 0..<left { multiply(by: 5) }
  }

  public mutating func shiftLeft(_ count: Int) {
    guard !limbs.isEmpty, count > 0 else { return }
    let bits = UInt32(count % 32)
    if bits > 0 {
      var carry: UInt32 = 0
      for index in limbs.indices {
        let limb = limbs[index]
        limbs[index] = limb << bits | carry
        carry = limb >> (32 - bits)
      }
      if carry > 0 { limbs.append(carry) }
    }
    limbs.insert(contentsOf: repeatElement(0, count: count / 32), at: 0)
  }

  /// Subtracts `other`, which must not be larger.
  public mutating func subtract(_ other: BigNatural) {
    var borrow: Int64 = 0
    for index in limbs.indices {
      let digit = index < other.limbs.count ? Int64(other.limbs[index]) : 0
      var difference = Int64(limbs[index]) - digit - borrow
      borrow = difference < 0 ? 1 : 0
      difference += borrow << 32
      limbs[index] = UInt32(difference)
    }
    precondition(borrow == 0)
    trim()
  }

  /// The 64 bits that start at bit `position`.
  public func word(at position: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<3 {
      let limb = position / 32 + index
      guard limb < limbs.count else { break }
      let shift = index * 32 - position % 32
      value |= shift < 0 ? UInt64(limbs[limb]) >> UInt64(-shift) : UInt64(limbs[limb]) << shift
    }
    return value
  }

  public static func isLess(_ left: BigNatural, _ right: BigNatural) -> Bool {
    if left.limbs.count != right.limbs.count { return left.limbs.count < right.limbs.count }
    for index in left.limbs.indices.reversed() where left.limbs[index] != right.limbs[index] {
      return left.limbs[index] < right.limbs[index]
    }
    return false
  }
}
