internal import Blocks
public import Model

/// Up to when a measurement's rows and rollups are gone.
public struct RollupBounds: Hashable, Sendable {
  /// The first time that a rollup keeps, by unit; those that the measurement has not are missing.
  public var oldest: [RollupUnit: Timestamp]
  /// The first time of which raw rows are kept.
  public var raw: Timestamp

  public init(oldest: [RollupUnit: Timestamp] = [:], raw: Timestamp = 0) {
    self.oldest = oldest
    self.raw = raw
  }

  var units: [RollupUnit] { oldest.keys.sorted() }

  func oldest(_ unit: RollupUnit) -> Timestamp { oldest[unit] ?? .max }

  /// The first time of which raw rows are read in a partition: rows stay in sight until they are
  /// in every rollup.
  func rawFloor(_ state: RollupState) -> Timestamp {
    let days = state.foldedUntil(units)
    let (folded, overflowed) = days.multipliedReportingOverflow(by: RollupUnit.nanosecondsPerDay)
    return overflowed ? raw : min(raw, folded)
  }
}
