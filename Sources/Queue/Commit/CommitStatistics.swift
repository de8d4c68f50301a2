/// Latencies in buckets of powers of two: bucket k counts those below 2^k microseconds that the
/// bucket before does not.
public struct LatencyHistogram: Sendable, Equatable {
  /// The last bucket takes all above, from about 18 minutes on.
  public static let bucketCount = 31

  public private(set) var counts = [UInt64](repeating: 0, count: bucketCount)
  public private(set) var sumNanoseconds: UInt64 = 0
  public private(set) var maxNanoseconds: UInt64 = 0

  public init() {}

  public var count: UInt64 { counts.reduce(0, +) }

  public mutating func record(nanoseconds: UInt64) {
    let microseconds = nanoseconds / 1_000
    let bucket = UInt64.bitWidth - microseconds.leadingZeroBitCount
    counts[min(bucket, Self.bucketCount - 1)] += 1
    sumNanoseconds &+= nanoseconds
    maxNanoseconds = max(maxNanoseconds, nanoseconds)
  }

  /// The upper bound of a bucket in nanoseconds, exclusive; `nil` for the last one.
  public static func bound(ofBucket bucket: Int) -> UInt64? {
    bucket < bucketCount - 1 ? 1_000 << UInt64(bucket) : nil
  }

  /// The upper bound of the bucket in which the quantile lies; 0 when nothing was recorded.
  ///
  /// - Parameter quantile: 0 ... 1.
  public func quantile(_ quantile: Double) -> UInt64 {
    let wanted = Double(count) * quantile
    var seen: UInt64 = 0
    for (bucket, count) in counts.enumerated() where count > 0 {
      seen += count
      if Double(seen) >= wanted { return min(Self.bound(ofBucket: bucket) ?? .max, maxNanoseconds) }
    }
    return maxNanoseconds
  }
}

/// What a committer has done since it began.
public struct CommitStatistics: Sendable, Equatable {
  /// All rounds, failed ones included; the next four count only what was acknowledged.
  public var rounds: UInt64 = 0
  public var batches: UInt64 = 0
  public var rows: UInt64 = 0
  public var points: UInt64 = 0
  /// Bytes of records; headers and marks are not counted.
  public var byteCount: UInt64 = 0
  public var failedRounds: UInt64 = 0
  public var failedBatches: UInt64 = 0
  public var removedSegments: UInt64 = 0
  /// One entry a sync.
  public var syncs = LatencyHistogram()
  /// Bytes and number of the log's segments now.
  public var logByteCount = 0
  public var segmentCount = 0
  /// Why batches are refused now, or `nil`.
  public var refusal: String?

  public init() {}
}
