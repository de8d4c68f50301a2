public import Model

/// Up to when a series is taken to be complete. Decides only when a window is announced as closed:
/// a row that comes after all restates its window, and answers never depend on it.
///
/// Pure: the clock's time is an argument, so that a simulation can replay it.
public enum Watermark {
  /// How far the watermark stays behind the newest row, for rows that come out of order.
  public static let lagNanoseconds = 10 * Nanoseconds.perSecond
  /// After this long without a row the clock speaks for a series.
  public static let silenceNanoseconds = 60 * Nanoseconds.perSecond

  /// The watermark of a series: no more rows before it are expected.
  ///
  /// Never goes back while `newest` and `now` do not.
  ///
  /// - Parameters:
  ///   - newest: the newest timestamp of the series.
  ///   - lastArrival: the clock's time when its latest row came; the clock may have jumped since.
  ///   - now: the clock's time.
  public static func of(newest: Timestamp, lastArrival: Timestamp, now: Timestamp) -> Timestamp {
    let (silence, overflowed) = now.subtractingReportingOverflow(lastArrival)
    let isSilent = overflowed ? now > lastArrival : silence >= silenceNanoseconds
    let reached = isSilent ? max(newest, now) : newest
    let (watermark, isBeforeTime) = reached.subtractingReportingOverflow(lagNanoseconds)
    return isBeforeTime ? .min : watermark
  }

  /// The minutes that close when the watermark moves: those that end at most at `new` and did not
  /// at `old`.
  ///
  /// - Parameters:
  ///   - old: the watermark so far; `nil` when there was none, then no minute closes.
  public static func closedMinutes(from old: Timestamp?, to new: Timestamp) -> Range<Int64> {
    let end = firstOpenMinute(at: new)
    guard let old else { return end..<end }
    return min(firstOpenMinute(at: old), end)..<end
  }

  /// The first minute that is not closed at `watermark`: the one that holds it.
  public static func firstOpenMinute(at watermark: Timestamp) -> Int64 {
    let minute = watermark / Nanoseconds.perMinute
    return watermark % Nanoseconds.perMinute < 0 ? minute - 1 : minute
  }
}
