internal import Synchronization

/// Durations counted in fixed buckets, from 100 µs to a minute.
///
/// Recording takes no lock and allocates nothing: three relaxed additions to counters that one
/// thread, or a few, write. A reader on another thread gets each counter as of a moment of its own;
/// a sum may be one record ahead of its buckets.
public final class DurationHistogram: Sendable {
  /// Upper bounds in nanoseconds, inclusive, ascending. One bucket more takes what is beyond.
  public static let bounds: [UInt64] = [
    100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
    100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000,
    10_000_000_000, 30_000_000_000, 60_000_000_000,
  ]

  /// What was recorded so far.
  public struct Counts: Sendable, Hashable {
    /// Per bucket, not cumulated: one more than there are bounds.
    public var buckets = [UInt64](repeating: 0, count: DurationHistogram.bounds.count + 1)
    public var sumNanoseconds: UInt64 = 0

    public init() {}

    public var total: UInt64 { buckets.reduce(0, +) }

    /// Adds another histogram's counts.
    public static func += (left: inout Counts, right: Counts) {
      for index in left.buckets.indices { left.buckets[index] += right.buckets[index] }
      left.sumNanoseconds &+= right.sumNanoseconds
    }
  }

  private let buckets: [19 of Atomic<UInt64>]
  private let sum = Atomic<UInt64>(0)

  public init() {
    precondition(Self.bounds.count == 18, "a bucket a bound, and one beyond")
    buckets = InlineArray { _ in Atomic(0) }
  }

  public func record(nanoseconds: UInt64) {
    var bucket = 0
    while bucket < Self.bounds.count, nanoseconds > Self.bounds[bucket] { bucket += 1 }
    buckets[bucket].wrappingAdd(1, ordering: .relaxed)
    sum.wrappingAdd(nanoseconds, ordering: .relaxed)
  }

  /// The counts as of now.
  public var counts: Counts {
    var counts = Counts()
    for index in counts.buckets.indices {
      counts.buckets[index] = buckets[index].load(ordering: .relaxed)
    }
    counts.sumNanoseconds = sum.load(ordering: .relaxed)
    return counts
  }
}
