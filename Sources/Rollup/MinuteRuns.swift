public import Model

/// Consecutive rows of one minute.
@frozen public struct MinuteRun: Hashable, Sendable {
  /// The minute's number since the epoch.
  public var minute: Int64
  /// The rows, as indexes of the timestamps that were split.
  public var rows: Range<Int>

  @inlinable
  public init(minute: Int64, rows: Range<Int>) {
    self.minute = minute
    self.rows = rows
  }

  /// Splits ascending timestamps into minutes.
  ///
  /// - Parameter timestamps: strictly ascending, 0 or more.
  /// - Complexity: O(minutes · log rows) where minutes hold many rows.
  public static func split(_ timestamps: Span<Timestamp>) -> [MinuteRun] {
    var runs: [MinuteRun] = []
    var start = 0
    while start < timestamps.count {
      let minute = Nanoseconds.minute(of: timestamps[start])
      let (end, isLast) = minute.addingReportingOverflow(1)
      var low = start + 1
      var high = timestamps.count
      // The minute's end is usually near: gallop, then bisect.
      var step = 64
      while !isLast, low + step < high, timestamps[low + step] / Nanoseconds.perMinute < end {
        low += step
        step *= 2
      }
      high = min(high, low + step + 1)
      while low < high {
        let middle = (low + high) / 2
        if Nanoseconds.minute(of: timestamps[middle]) == minute {
          low = middle + 1
        } else {
          high = middle
        }
      }
      runs.append(MinuteRun(minute: minute, rows: start..<low))
      start = low
    }
    return runs
  }
}
