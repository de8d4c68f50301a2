internal import Blocks
internal import Model

/// Decides which days of a partition are folded next. Pure.
///
/// All days of one file of hours at a time, so that a year that was imported writes each of them
/// once.
struct RollupPlan {
  /// A day is folded so long after its end: what comes later has it folded again.
  static let delayNanoseconds = 2 * Nanoseconds.perHour

  /// Ascending.
  var days: [Int64] = []
  /// What is covered once they are folded.
  var coverage: [RollupUnit: RollupState.Coverage]

  /// - Parameters:
  ///   - units: those that are made.
  ///   - now: of retention.
  /// - Returns: `nil` when there is nothing to do.
  init?(_ list: BlockList, _ units: [RollupUnit], now: Timestamp) {
    let perDay = RollupUnit.nanosecondsPerDay
    let state = list.rollups.state
    let held = list.summaries.filter { $0.rowCount > 0 }
    let complete = max(0, now - Self.delayNanoseconds) / perDay
    coverage = state.coverage
    guard let first = held.map({ $0.firstTimestamp / perDay }).min() else { return nil }
    for unit in units where coverage[unit] == nil {
      // Before the first rows there are none, unless some are gone already.
      let from = list.hasRemovals || !state.isEmpty ? first : 0
      guard complete > from else { continue }
      coverage[unit] = RollupState.Coverage(from: from, until: from)
    }
    let begun = units.compactMap { unit in coverage[unit].map { (unit, $0) } }
    let starts = begun.map(\.1.until).filter { $0 < complete }
    let changed = state.changed.keys.filter { day in
      begun.contains { $0.1.from <= day && day < $0.1.until }
    }
    guard var start = (starts + changed).min() else { return nil }
    // Days without rows are passed over.
    if changed.isEmpty {
      let next =
        held.filter { $0.lastTimestamp / perDay >= start }
        .map { max(start, $0.firstTimestamp / perDay) }.min() ?? complete
      start = min(next, complete)
    }
    let span = RollupUnit.hour.days(ofSpan: RollupUnit.hour.span(ofDay: start))
    let end = max(start, min(span.upperBound, complete))
    var chosen = Set(changed.filter { span.contains($0) })
    for (unit, days) in begun where days.until < end {
      chosen.formUnion(max(days.until, start)..<end)
      coverage[unit]?.until = end
    }
    days = chosen.sorted().filter { day in
      let range = TimeRange(start: day * perDay, end: (day + 1) * perDay)
      return state.changed[day] != nil || held.contains { $0.meets(range) }
    }
  }
}
