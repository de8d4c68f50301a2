public import Model

/// The buckets of an answer: whole multiples of the step since the epoch, labelled by their start.
public struct StepGrid: Hashable, Sendable {
  public static let bucketCountMax = 1_000_000

  /// Nanoseconds of one bucket; 1 or more.
  public let step: Int64
  /// The number of the first bucket since the epoch.
  public let first: Int64
  /// 0 ... ``bucketCountMax``.
  public let count: Int

  /// The buckets that meet `range`; `nil` when they are more than ``bucketCountMax``.
  ///
  /// - Parameter range: from 0 on; a start inside a bucket goes down to its start, an end inside
  /// one
  ///   up to its end.
  public init?(range: TimeRange, step: Int64) {
    precondition(step > 0 && range.start >= 0)
    let count = Self.bucketCount(of: range, step: step)
    guard count <= Self.bucketCountMax else { return nil }
    self.step = step
    self.first = range.start / step
    self.count = Int(count)
  }

  static func bucketCount(of range: TimeRange, step: Int64) -> Int64 {
    guard !range.isEmpty else { return 0 }
    return (range.end - 1) / step - range.start / step + 1
  }

  /// The times that the buckets cover. The last one ends at the largest timestamp where it would
  /// reach beyond it.
  public var range: TimeRange {
    let start = first * step
    let (end, overflowed) = (first + Int64(count)).multipliedReportingOverflow(by: step)
    return TimeRange(start: start, end: overflowed ? .max : end)
  }

  /// Where bucket `index` starts.
  public func start(of index: Int) -> Timestamp { (first + Int64(index)) * step }

  /// The bucket that holds `timestamp`, which must lie in ``range``.
  @inline(__always)
  func index(of timestamp: Timestamp) -> Int { Int(timestamp / step - first) }

  /// The smallest step in round units that gives `range` at most ``bucketCountMax`` buckets.
  static func smallestStep(for range: TimeRange) -> Int64 {
    let span = range.end - range.start
    let least = max(1, span / Int64(bucketCountMax))
    let unit: Int64 =
      switch least {
      case ..<1_000: 1
      case ..<1_000_000: 1_000
      case ..<1_000_000_000: 1_000_000
      default: 1_000_000_000
      }
    var step = least / unit * unit
    while step == 0 || bucketCount(of: range, step: step) > Int64(bucketCountMax) { step += unit }
    return step
  }
}
