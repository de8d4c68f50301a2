/// Counts of latencies in buckets that are 1/32 wide, so that a percentile is within 3 %.
package struct LatencyHistogram: Sendable {
  private static let bitCount = 5
  private var counts = [UInt64](repeating: 0, count: 64 << bitCount)
  package private(set) var total: UInt64 = 0
  package private(set) var maximum: UInt64 = 0

  package init() {}

  package mutating func record(_ nanoseconds: UInt64) {
    counts[Self.bucket(nanoseconds)] += 1
    total += 1
    maximum = max(maximum, nanoseconds)
  }

  package mutating func merge(_ other: LatencyHistogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    total += other.total
    maximum = max(maximum, other.maximum)
  }

  /// The upper end of the bucket in which the share `fraction` (0 ... 1) ends, in nanoseconds.
  package func percentile(_ fraction: Double) -> UInt64 {
    guard total > 0 else { return 0 }
    let rank = UInt64((Double(total) * fraction).rounded(.up))
    var seen: UInt64 = 0
    for (index, count) in counts.enumerated() {
      seen += count
      if seen >= max(1, rank) { return min(maximum, Self.upperBound(index)) }
    }
    return maximum
  }

  /// The power of two below the value, and the five bits behind its first one.
  private static func bucket(_ value: UInt64) -> Int {
    guard value >= 1 << bitCount else { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount
    let fraction = Int(value >> UInt64(exponent - bitCount)) - (1 << bitCount)
    return ((exponent - bitCount + 1) << bitCount) + fraction
  }

  private static func upperBound(_ bucket: Int) -> UInt64 {
    guard bucket >= 1 << bitCount else { return UInt64(bucket) }
    let exponent = (bucket >> bitCount) - 1
    let fraction = UInt64(bucket & ((1 << bitCount) - 1)) + (1 << UInt64(bitCount))
    // Beyond the last bucket the shift leaves nothing, and one less is the largest number.
    return ((fraction + 1) << UInt64(exponent)) &- 1
  }
}
