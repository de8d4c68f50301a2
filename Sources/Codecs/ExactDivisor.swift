/// Division that is known to leave nothing, or finds that it does: by the inverse modulo 2^64,
/// which takes a multiplication instead of a division.
struct ExactDivisor {
  private let shift: Int64
  private let inverse: UInt64
  private let quotientMax: UInt64

  /// - Parameter divisor: 2 or more.
  init(_ divisor: Int64) {
    precondition(divisor >= 2)
    let odd = UInt64(divisor >> Int64(divisor.trailingZeroBitCount))
    shift = Int64(divisor.trailingZeroBitCount)
    quotientMax = UInt64(Int64.max) / odd
    // Newton's iteration doubles the right bits; an odd number is its own inverse in three.
    var inverse = odd
    for _ in 0..<5 { inverse = inverse &* (2 &- odd &* inverse) }
    self.inverse = inverse
  }

  /// The quotient of a value that the divisor divides; anything for others.
  @inline(__always)
  func quotient(_ value: Int64) -> Int64 {
    Int64(bitPattern: UInt64(bitPattern: value &>> shift) &* inverse)
  }

  /// Whether the divisor divides `value`.
  @inline(__always)
  func divides(_ value: Int64) -> Bool {
    let rest = UInt64(bitPattern: value) & ((1 &<< UInt64(shift)) &- 1)
    return rest == 0 && quotient(value).magnitude <= quotientMax
  }
}
