internal import Blocks
public import Model

/// Up to when a measurement's rows and rollups are gone.
public struct RollupBounds: Hashable, Sendable {
  /// The first time that a rollup keeps, by unit; those that the measurement has not are missing.
  public var oldest: [RollupUnit: Timestamp]
  /// Units of which nothing is made any more: what is left of them answers as long as it is there.
  public var ended: Set<RollupUnit>
  /// The first time of which raw rows are kept.
  public var raw: Timestamp

  public init(
    oldest: [RollupUnit: Timestamp] = [:],
    ended: Set<RollupUnit> = [],
    raw: Timestamp = 0
  ) {
    self.oldest = oldest
    self.ended = ended
    self.raw = raw
  }

  /// Those that may answer.
  var units: [RollupUnit] { ended.union(oldest.keys).sorted() }

  func oldest(_ unit: RollupUnit) -> Timestamp {
    oldest[unit] ?? (ended.contains(unit) ? 0 : .max)
  }

  /// The first time that is kept in any way.
  var first: Timestamp { ended.isEmpty ? oldest.values.reduce(raw, min) : 0 }

  /// Those that may answer where `fits`, and all others.
  func split(_ fits: (RollupUnit) -> Bool) -> (fitting: RollupBounds, others: RollupBounds) {
    (
      RollupBounds(oldest: oldest.filter { fits($0.key) }, ended: ended.filter(fits), raw: raw),
      RollupBounds(
        oldest: oldest.filter { !fits($0.key) },
        ended: ended.filter { !fits($0) },
        raw: raw
      )
    )
  }

  /// The first time of which raw rows are read in a partition: rows stay in sight until they are
  /// in every rollup.
  func rawFloor(_ state: RollupState) -> Timestamp {
    // No row waits for a rollup that is not made any more, but for changes of what there is of it.
    let made = oldest.isEmpty ? Int64.max : state.foldedUntil(Array(oldest.keys))
    let days = min(made, ended.isEmpty ? .max : state.firstChanged(ended))
    let (folded, overflowed) = days.multipliedReportingOverflow(by: RollupUnit.nanosecondsPerDay)
    return overflowed ? raw : min(raw, folded)
  }
}
