/// A sum of doubles that keeps what rounding takes away (Neumaier, 1974): about as exact as one of
/// twice the digits, and exact for whole numbers up to 2^53.
@frozen public struct CompensatedSum: Sendable {
  @usableFromInline var sum: Double
  @usableFromInline var compensation: Double

  @inlinable public init() {
    sum = 0
    compensation = 0
  }

  /// Goes on from a sum and its compensation.
  @inlinable public init(sum: Double, compensation: Double) {
    self.sum = sum
    self.compensation = compensation
  }

  @inlinable
  @inline(__always)
  public mutating func add(_ value: Double) {
    let next = sum + value
    // The larger one keeps its low bits in the difference, whichever it is.
    let isLarger = sum.magnitude >= value.magnitude
    let large = isLarger ? sum : value
    let small = isLarger ? value : sum
    compensation += (large - next) + small
    sum = next
  }

  /// The sum as a double. One that left the finite numbers makes the compensation meaningless.
  @inlinable public var value: Double { sum.isFinite ? sum + compensation : sum }

  @inlinable public var parts: (sum: Double, compensation: Double) { (sum, compensation) }
}
