internal import Model

/// Counts refused lines and points until they ride in the log.
struct RefusalTally {
  private struct Key: Hashable {
    var tenant: TenantID
    var measurement: MeasurementID?
    var reason: RefusalReason
  }

  /// Distinct entries before further measurements count as unknown.
  private static let entriesMax = 10_000

  private var counts: [Key: (lines: UInt64, points: UInt64)] = [:]

  /// When the first line was counted.
  private(set) var openedAt: Timestamp?

  var isEmpty: Bool { counts.isEmpty }

  mutating func add(
    tenant: TenantID,
    measurement: MeasurementID?,
    reason: RefusalReason,
    points: Int,
    arrival: Timestamp
  ) {
    if openedAt == nil { openedAt = arrival }
    var key = Key(tenant: tenant, measurement: measurement, reason: reason)
    if counts.count >= Self.entriesMax, counts[key] == nil { key.measurement = nil }
    let points = reason.countsLines ? 0 : UInt64(points)
    counts[key, default: (0, 0)].lines += 1
    counts[key, default: (0, 0)].points += points
  }

  /// What was counted, by tenant, in a stable order; counting starts anew.
  mutating func take() -> [(tenant: TenantID, counts: [RefusalCount])] {
    let sorted = counts.sorted { left, right in
      if left.key.tenant != right.key.tenant { return left.key.tenant < right.key.tenant }
      let names = [left, right].map { Int($0.key.measurement?.rawValue ?? 0) }
      if names[0] != names[1] { return names[0] < names[1] }
      if (left.key.measurement == nil) != (right.key.measurement == nil) {
        return left.key.measurement == nil
      }
      return left.key.reason.rawValue < right.key.reason.rawValue
    }
    counts.removeAll(keepingCapacity: true)
    openedAt = nil
    var result: [(tenant: TenantID, counts: [RefusalCount])] = []
    for (key, count) in sorted {
      if result.last?.tenant != key.tenant { result.append((key.tenant, [])) }
      result[result.count - 1].counts.append(
        RefusalCount(
          measurement: key.measurement,
          reason: key.reason,
          lines: count.lines,
          points: count.points
        )
      )
    }
    return result
  }
}
