internal import Blocks
public import Model

/// Whose points a ledger line counts.
struct LedgerKey: Hashable {
  var tenant: TenantID
  var measurement: MeasurementID?
}

/// What arrived in one generation of open rows, by ledger slot; joins the ledger when the
/// generation's cut commits, and is built again by replay until then.
struct LedgerTally {
  struct Refused {
    var lines: UInt64 = 0
    var points: UInt64 = 0
  }

  /// Points of applied rows.
  var received: [UInt64] = []
  var refused: [Int: [RefusalReason: Refused]] = [:]
}

/// What a cut made of a generation's points, by ledger slot.
struct CutCounts {
  var stored: UInt64 = 0
  var duplicate: UInt64 = 0
  var replaced: UInt64 = 0
  var late: UInt64 = 0

  static func += (left: inout CutCounts, right: CutCounts) {
    left.stored += right.stored
    left.duplicate += right.duplicate
    left.replaced += right.replaced
    left.late += right.late
  }
}

/// The ledger of one partition: the committed entries, and the slots that name them.
struct LedgerBook {
  private(set) var entries: [LedgerEntry] = []
  private var slots: [LedgerKey: Int] = [:]

  init(_ committed: [LedgerEntry]) {
    for entry in committed {
      let slot = slot(LedgerKey(tenant: entry.tenant, measurement: entry.measurement))
      entries[slot] = entry
    }
  }

  mutating func slot(_ key: LedgerKey) -> Int {
    if let slot = slots[key] { return slot }
    let slot = entries.count
    slots[key] = slot
    entries.append(LedgerEntry(tenant: key.tenant, measurement: key.measurement))
    return slot
  }

  /// Tells of points that have left.
  mutating func remove(_ points: UInt64, _ key: Removals.Key) {
    let slot = slot(LedgerKey(tenant: key.tenant, measurement: key.measurement))
    switch key.cause {
    case .age, .bytes: entries[slot].expired += points
    case .deleted: entries[slot].deleted += points
    }
  }

  /// The ledger as it will be once a cut of `tally` commits with `counts`.
  func adding(_ tally: LedgerTally, _ counts: [Int: CutCounts]) -> LedgerBook {
    var result = self
    for (slot, points) in tally.received.enumerated() { result.entries[slot].received += points }
    for (slot, reasons) in tally.refused {
      for (reason, refused) in reasons {
        if reason.countsLines {
          result.entries[slot].linesRejected[reason, default: 0] += refused.lines
        } else {
          result.entries[slot].rejected[reason, default: 0] += refused.points
          result.entries[slot].received += refused.points
        }
      }
    }
    for (slot, count) in counts {
      result.entries[slot].stored += count.stored
      result.entries[slot].duplicate += count.duplicate
      result.entries[slot].replaced += count.replaced
      result.entries[slot].late += count.late
    }
    return result
  }
}

extension LedgerBook {
  /// A committed entry whose points are not all accounted for, if there is one: rows that are not
  /// cut yet are in none of its counts.
  var unbalanced: LedgerEntry? { entries.first { !$0.isBalanced(pending: 0) } }
}

extension LedgerEntry {
  /// Whether every point is accounted for.
  ///
  /// - Parameter pending: points that were received and not cut yet.
  func isBalanced(pending: UInt64) -> Bool {
    received == stored + duplicate + replaced + rejectedPoints + pending
  }
}

/// One line of the ledger as operators see it.
public struct LedgerRow: Sendable {
  /// Names, as bytes of the client.
  public var tenant: [UInt8]
  /// `nil` for lines whose measurement nobody could read.
  public var measurement: [UInt8]?
  public var entry: LedgerEntry
  /// Points applied and not yet cut.
  public var pending: UInt64

  public init(tenant: [UInt8], measurement: [UInt8]?, entry: LedgerEntry, pending: UInt64) {
    self.tenant = tenant
    self.measurement = measurement
    self.entry = entry
    self.pending = pending
  }

  /// Whether every point is accounted for.
  public var isBalanced: Bool { entry.isBalanced(pending: pending) }
}
