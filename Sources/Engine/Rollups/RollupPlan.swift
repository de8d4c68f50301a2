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
  /// Days that are left out, for their rows cannot be read now: they count as changed.
  var leftOut: Set<Int64> = []
  /// What is covered once they are folded.
  var coverage: [RollupUnit: RollupState.Coverage]

  private static let perDay = RollupUnit.nanosecondsPerDay

  /// - Parameters:
  ///   - units: those that are made.
  ///   - now: of retention.
  ///   - oldest: the first day of a unit that is worth to be made.
  ///   - unmade: days that are covered and lack files.
  ///   - unreadable: days that wait for another try.
  /// - Returns: `nil` when there is nothing to do.
  init?(
    _ list: BlockList,
    _ units: [RollupUnit],
    now: Timestamp,
    oldest: (RollupUnit) -> Int64,
    unmade: Set<Int64> = [],
    without unreadable: Set<Int64>
  ) {
    let state = list.rollups.state
    let held = list.summaries.filter { $0.rowCount > 0 }
    let complete = max(0, now - Self.delayNanoseconds) / Self.perDay
    coverage = state.coverage
    guard let first = held.map({ $0.firstTimestamp / Self.perDay }).min() else { return nil }
    for unit in units where coverage[unit] == nil {
      // Before the first rows there are none, unless some are gone already.
      let from = list.hasRemovals || !state.isEmpty ? first : 0
      guard complete > from else { continue }
      coverage[unit] = RollupState.Coverage(from: from, until: from)
    }
    let begun = units.compactMap { unit in coverage[unit].map { (unit: unit, days: $0) } }
    let starts = begun.map(\.days.until).filter { $0 < complete }
    // Also those of units that are off: what is there of them goes on being right.
    let changed = Array(unmade.union(state.changed.keys)).filter { day in
      !unreadable.contains(day)
        && coverage.values.contains { $0.from <= day && day < $0.until }
    }
    let chosen: Set<Int64>
    // Of which windows are made of those of other units.
    var files: [RollupFile] = []
    if let start = (starts + changed).min() {
      chosen = advance(from: start, until: complete, begun, changed, held)
    } else {
      let missing = begun.compactMap { unit, days in
        Self.missing(held, days, oldest(unit)).map { (unit: unit, days: $0) }
      }
      guard let (unit, days) = missing.first.map({ ($0.unit, $0.days) }) else { return nil }
      files = state.files.filter { $0.identity.unit != unit }
      chosen = reachBack(unit, to: days, files)
    }
    days = chosen.sorted().filter { day in
      let range = TimeRange(start: day * Self.perDay, end: (day + 1) * Self.perDay)
      return state.changed[day] != nil || held.contains { $0.meets(range) }
        || files.contains { $0.identity.days.contains(day) }
    }
    leaveOut(unreadable)
  }

  /// Days that have changed, and those behind what is covered.
  private mutating func advance(
    from first: Int64,
    until complete: Int64,
    _ begun: [(unit: RollupUnit, days: RollupState.Coverage)],
    _ changed: [Int64],
    _ held: [BlockSummary]
  ) -> Set<Int64> {
    var start = first
    // Days without rows are passed over.
    if changed.isEmpty {
      let next =
        held.filter { $0.lastTimestamp / Self.perDay >= start }
        .map { max(start, $0.firstTimestamp / Self.perDay) }.min() ?? complete
      start = min(next, complete)
    }
    let span = RollupUnit.hour.days(ofSpan: RollupUnit.hour.span(ofDay: start))
    let end = max(start, min(span.upperBound, complete))
    var chosen = Set(changed.filter { span.contains($0) })
    for (unit, days) in begun where days.until < end {
      chosen.formUnion(max(days.until, start)..<end)
      coverage[unit]?.until = end
    }
    return chosen
  }

  /// Days before those that a unit covers, the last ones first: what is covered has no holes.
  private mutating func reachBack(
    _ unit: RollupUnit,
    to missing: Range<Int64>,
    _ files: [RollupFile]
  ) -> Set<Int64> {
    let from = coverage[unit]?.from ?? missing.upperBound
    let others = files.map { min($0.identity.days.upperBound, from) }
      .filter { $0 > missing.lowerBound }
    let end = others.reduce(missing.upperBound, max)
    let span = RollupUnit.hour.days(ofSpan: RollupUnit.hour.span(ofDay: end - 1))
    let start = max(span.lowerBound, missing.lowerBound)
    coverage[unit]?.from = start
    return Set(start..<end)
  }

  /// Days on which there may be rows, behind `oldest` and before all that a unit covers: rows that
  /// came later than the first rollup.
  static func missing(
    _ blocks: [BlockSummary],
    _ coverage: RollupState.Coverage,
    _ oldest: Int64
  ) -> Range<Int64>? {
    var result: Range<Int64>?
    for block in blocks where block.rowCount > 0 {
      let first = max(block.firstTimestamp / perDay, oldest)
      let end = min(block.lastTimestamp / perDay + 1, coverage.from)
      guard first < end else { continue }
      result = result.map { min($0.lowerBound, first)..<max($0.upperBound, end) } ?? first..<end
    }
    return result
  }

  /// Goes on without some days.
  mutating func leaveOut(_ unreadable: Set<Int64>) {
    leftOut.formUnion(days.filter(unreadable.contains))
    days.removeAll(where: unreadable.contains)
  }
}
