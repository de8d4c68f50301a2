public import Model

/// Consecutive rows of one minute.
@frozen public struct MinuteRun: Hashable, Sendable {
  /// The minute's number since the epoch.
  public var minute: Int64
  /// The rows, as indexes of the timestamps that were split; never empty.
  public var rows: Range<Int>

  @inlinable
  public init(minute: Int64, rows: Range<Int>) {
    self.minute = minute
    self.rows = rows
  }

  /// Splits ascending timestamps into minutes, oldest first.
  ///
  /// - Parameter timestamps: ascending, 0 or more.
  /// - Complexity: O(minutes · log of a minute's rows).
  public static func split(_ timestamps: Span<Timestamp>) -> [MinuteRun] {
    var runs: [MinuteRun] = []
    var start = 0
    while start < timestamps.count {
      precondition(timestamps[start] >= 0, "timestamps start at the epoch")
      let minute = Nanoseconds.minute(of: timestamps[start])
      let end = endOfMinute(minute, in: timestamps, from: start)
      runs.append(MinuteRun(minute: minute, rows: start..<end))
      start = end
    }
    return runs
  }

  /// The first index from `start` on that lies beyond `minute`: gallops, then bisects, because the
  /// end is usually near.
  private static func endOfMinute(
    _ minute: Int64,
    in timestamps: Span<Timestamp>,
    from start: Int
  ) -> Int {
    // The last minute of the 64-bit range has no end.
    let next = minute.addingReportingOverflow(1).partialValue
    let (end, isEndless) = next.multipliedReportingOverflow(by: Nanoseconds.perMinute)
    if isEndless { return timestamps.count }
    var step = 64
    while start + step < timestamps.count, timestamps[start + step] < end { step *= 2 }
    var low = step == 64 ? start + 1 : start + step / 2 + 1
    var high = min(start + step, timestamps.count)
    while low < high {
      let middle = low + (high - low) / 2
      if timestamps[middle] < end { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
