internal import Blocks
internal import Catalog
internal import Model
internal import Platform
internal import Query
internal import Synchronization

/// Up to which time points are gone, now: the one place that says so to receivers, queries,
/// partitions and compaction.
///
/// Now is the wall clock or the newest point in blocks, whichever is earlier, so that a clock that
/// runs ahead removes nothing. A bound is a whole hour: what lies before it is gone to everybody at
/// once, wherever it still lies. Thread-safe; reading costs an atomic load.
final class Retention: Sendable {
  let rules: RetentionRules
  let rollups: RollupRules
  private let newest = Atomic<Int64>(0)
  /// Bits of the units of which there are files.
  private let filed = Atomic<UInt8>(0)
  /// Of all tenants and measurements.
  private let shortestAge: Int64
  private let longestAge: Int64
  /// Where cuts never come by themselves, this is taken for their interval.
  private static let openNanosecondsMax: Int64 = 10 * 24 * Nanoseconds.perHour
  /// How much longer than rows are taken they are on the disk where there are rollups.
  private let margin: Int64

  /// - Parameter openNanoseconds: how long a row may be in no block.
  init(_ rules: RetentionRules, rollups: RollupRules = RollupRules(), openNanoseconds: Int64 = 0) {
    self.rules = rules
    self.rollups = rollups
    // When a row is taken the newest point in blocks may be as old as a row may be open, and when
    // the row is cut it may be the latest one; a cut takes a while itself.
    let open = min(openNanoseconds, Self.openNanosecondsMax)
    margin = max(Nanoseconds.perHour, 2 * open + Nanoseconds.perHour / 2)
    (shortestAge, longestAge) = rules.ages(tenant: nil)
  }

  static let none = Retention(RetentionRules())

  /// Notes the newest point of a block.
  func observe(_ timestamp: Timestamp) { newest.max(timestamp, ordering: .relaxed) }

  /// The now of ages.
  func now(_ wallClock: Timestamp) -> Timestamp { min(wallClock, newest.load(ordering: .relaxed)) }

  /// The first time that is kept; 0 when nothing is removed.
  ///
  /// A whole day where the measurement has rollups: these hold days.
  func oldest(tenant: String, measurement: String, now wallClock: Timestamp) -> Timestamp {
    let oldest = bound(rules.age(tenant: tenant, measurement: measurement), wallClock)
    let units = rollups.units(tenant: tenant, measurement: measurement)
    return units.isEmpty ? oldest : Self.day(oldest)
  }

  /// The first time that is in sight and on the disk: an hour behind that of rows that come, or
  /// more where cuts are rarer, as far as there are rollups, so that what was taken in time is in
  /// blocks, and in them, before.
  func oldestStored(tenant: String, measurement: String, now wallClock: Timestamp) -> Timestamp {
    let units = rollups.units(tenant: tenant, measurement: measurement)
    guard !units.isEmpty else {
      return oldest(tenant: tenant, measurement: measurement, now: wallClock)
    }
    let oldest = bound(rules.age(tenant: tenant, measurement: measurement), wallClock)
    return Self.day(max(0, oldest - margin))
  }

  /// Notes the rollups that a partition has.
  func observe(_ state: RollupState) {
    for unit in Set(state.files.map(\.identity.unit)) {
      filed.bitwiseOr(1 << unit.rawValue, ordering: .relaxed)
    }
  }

  /// Whether there were files of a unit at the start, or have been since it was on.
  private func hasFiles(_ unit: RollupUnit) -> Bool {
    filed.load(ordering: .relaxed) & (1 << unit.rawValue) != 0
  }

  /// Units of which there are files and none are made any more, for any tenant.
  var formerUnits: [RollupUnit] {
    RollupUnit.allCases.filter { hasFiles($0) && !rollups.units.contains($0) }
  }

  /// Whether no windows of a unit are made of a tenant: those that are there stay and answer.
  func isOff(_ unit: RollupUnit, tenant: String?) -> Bool {
    rollups.rules(of: unit).ages(tenant: tenant).longest == 0
  }

  /// What is kept of a measurement, rows and windows.
  func bounds(tenant: String, measurement: String, now wallClock: Timestamp) -> RollupBounds {
    var oldest: [RollupUnit: Timestamp] = [:]
    for unit in rollups.units(tenant: tenant, measurement: measurement) {
      let age = rollups.rules(of: unit).age(tenant: tenant, measurement: measurement)
      oldest[unit] = Self.day(bound(age, wallClock))
    }
    let ended = RollupUnit.allCases.filter { unit in
      oldest[unit] == nil && hasFiles(unit) && isOff(unit, tenant: tenant)
    }
    return RollupBounds(
      oldest: oldest,
      ended: Set(ended),
      raw: oldestStored(tenant: tenant, measurement: measurement, now: wallClock)
    )
  }

  /// Windows before it are gone, whosever of a tenant they are; a whole day. 0 where none are made.
  ///
  /// - Parameter tenant: `nil` for any.
  func oldestOfRollups(
    _ unit: RollupUnit,
    tenant: String?,
    now wallClock: Timestamp
  ) -> Timestamp {
    guard !isOff(unit, tenant: tenant) else { return 0 }
    return Self.day(bound(rollups.rules(of: unit).ages(tenant: tenant).longest, wallClock))
  }

  private static func day(_ time: Timestamp) -> Timestamp {
    time / RollupUnit.nanosecondsPerDay * RollupUnit.nanosecondsPerDay
  }

  /// The same by the catalog's names.
  func oldest(
    tenant: TenantID,
    measurement: [UInt8],
    _ catalog: Catalog,
    now wallClock: Timestamp
  ) -> Timestamp {
    guard rules.isActive else { return 0 }
    return oldest(
      tenant: Self.text(catalog.tenant(tenant)?.name ?? []),
      measurement: Self.text(measurement),
      now: wallClock
    )
  }

  /// A name as rules write it.
  static func text(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }

  /// Points at or behind it are kept, whosever they are.
  func oldestOfShortest(now wallClock: Timestamp) -> Timestamp { bound(shortestAge, wallClock) }

  /// Points before it are gone, whosever they are.
  func oldestOfLongest(now wallClock: Timestamp) -> Timestamp { bound(longestAge, wallClock) }

  /// The same two for one tenant.
  func bounds(tenant: String, now wallClock: Timestamp) -> (all: Timestamp, some: Timestamp) {
    let (shortest, longest) = rules.ages(tenant: tenant)
    let all = bound(longest, wallClock)
    guard !rollups.units.isEmpty else { return (all, bound(shortest, wallClock)) }
    return (Self.day(max(0, all - margin)), bound(shortest, wallClock))
  }

  private func bound(_ age: Int64, _ wallClock: Timestamp) -> Timestamp {
    guard age < .max else { return 0 }
    return max(0, now(wallClock) - age) / Nanoseconds.perHour * Nanoseconds.perHour
  }
}
