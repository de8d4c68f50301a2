internal import Blocks
public import Model

/// Which rollups are made, and how long they are kept, by whose they are. None by default.
public struct RollupRules: Hashable, Sendable {
  public var minute = RollupRules.off
  public var hour = RollupRules.off

  /// What no rule is about has no rollup.
  private static var off: RetentionRules {
    var rules = RetentionRules()
    rules.isOffByDefault = true
    return rules
  }

  public init() {}

  public func rules(of unit: RollupUnit) -> RetentionRules {
    switch unit {
    case .minute: minute
    case .hour: hour
    }
  }

  /// The units of which anything is made.
  public var units: [RollupUnit] { RollupUnit.allCases.filter { rules(of: $0).isActive } }

  /// The first time that is not in all rollups of a partition; `.max` when none are made.
  func foldedUntil(_ state: RollupState) -> Timestamp {
    let units = units
    guard !units.isEmpty else { return .max }
    let days = state.foldedUntil(units)
    let (time, overflowed) = days.multipliedReportingOverflow(by: RollupUnit.nanosecondsPerDay)
    return overflowed ? .max : time
  }

  /// Those that are kept of a measurement.
  func units(tenant: String, measurement: String) -> [RollupUnit] {
    units.filter { rules(of: $0).age(tenant: tenant, measurement: measurement) > 0 }
  }
}
