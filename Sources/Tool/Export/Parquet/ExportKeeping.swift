internal import Blocks
internal import Catalog
internal import Cold
internal import Engine
internal import Model

/// Points of a measurement that have left a data directory, as its ledger counts them.
package struct ExportRemovals: Sendable, Hashable {
  /// By retention.
  package var expired: UInt64 = 0
  package var deleted: UInt64 = 0
}

/// Decides which days of an earlier run stay as they are though the directory has less of them now.
///
/// Rows that retention has taken, or that cannot be read, are lost to the directory and not to the
/// export; rows that were deleted leave it. A day knows only how many points it has: where both
/// have happened since the earlier run, days up to the oldest that is whole in the directory stay.
struct ExportKeeping {
  enum Reason {
    /// Retention has taken rows.
    case expired
    /// Rows are there and cannot be read.
    case unreadable
  }

  /// What has left the directory, by the folder of the measurement.
  let removals: [String: ExportRemovals]
  private let earlier: [String: ExportRemovals]
  private let prunes: Bool
  private let isRollup: Bool
  /// Whether the rows of some deletes are not counted among those that have left.
  private let hasDeletes: Bool
  /// Behind it no block of the tenant can have lost rows to retention.
  private let oldestEnd: Timestamp
  /// Times of blocks that cannot be read.
  private let lost: [TimeRange]
  /// The first day of which a measurement has rows, by its folder.
  private var firstDates: [String: Substring] = [:]

  /// - Parameters:
  ///   - earlier: what had left when the earlier run was made.
  ///   - prunes: whether what retention has taken leaves the export too.
  init(
    _ snapshot: DirectorySnapshot,
    _ options: ParquetOptions,
    earlier: [String: ExportRemovals],
    prunes: Bool
  ) {
    self.earlier = earlier
    self.prunes = prunes
    isRollup = options.rollup != nil
    var removals: [String: ExportRemovals] = [:]
    var lost: [TimeRange] = []
    var oldestEnd = Timestamp.max
    for partition in snapshot.partitions {
      for (key, points) in partition.manifest.removals.counts where key.tenant == options.tenant {
        guard let name = key.measurement.flatMap({ snapshot.catalog.measurement($0)?.name }) else {
          continue
        }
        switch key.cause {
        case .age, .bytes: removals[Self.folder(of: name), default: .init()].expired += points
        case .deleted: removals[Self.folder(of: name), default: .init()].deleted += points
        }
      }
      let readable = Set(partition.blocks.map(\.summary.identity))
      for block in partition.manifest.blocks where block.identity.tenant == options.tenant {
        oldestEnd = min(oldestEnd, block.lastTimestamp)
        if !readable.contains(block.identity) {
          let end = block.lastTimestamp.addingReportingOverflow(1)
          lost.append(
            TimeRange(start: block.firstTimestamp, end: end.overflow ? .max : end.partialValue)
          )
        }
      }
    }
    self.removals = removals
    self.lost = lost
    hasDeletes = snapshot.partitions.contains { $0.hasDeletes(of: options.tenant) }
    self.oldestEnd = oldestEnd
  }

  static func folder(of measurement: [UInt8]) -> String {
    "measurement=\(HiveName.escape(measurement))"
  }

  /// Times of which something cannot be read.
  func isLost(_ range: TimeRange) -> Bool {
    lost.contains { $0.start < range.end && range.start < $0.end }
  }

  /// Takes note of the first day of which a measurement has rows.
  mutating func note(first plan: ParquetPlan) {
    firstDates[Self.measurement(of: plan.folder)] = Self.date(of: plan.folder)
  }

  /// Why a day of an earlier run stays, if it does.
  ///
  /// - Parameters:
  ///   - pointCount: what the directory has of it now.
  ///   - gaps: times of rows that could not be read.
  func reason(
    toKeep day: ExportManifest.Day,
    over pointCount: Int,
    gaps: some Sequence<TimeRange>
  ) -> Reason? {
    guard pointCount < day.pointCount else { return nil }
    let date = Self.date(of: day.folder)
    let isUnreadable = { (range: TimeRange) in
      Self.date(range.start) <= date && date <= Self.date(max(range.start, range.end - 1))
    }
    if lost.contains(where: isUnreadable) || gaps.contains(where: isUnreadable) {
      return .unreadable
    }
    if prunes { return nil }
    if day.isKept { return .expired }
    let folder = Self.measurement(of: day.folder)
    let (now, then) = (removals[folder] ?? .init(), earlier[folder] ?? .init())
    guard isRollup || now.expired > then.expired else { return nil }
    guard hasDeletes || now.deleted > then.deleted else { return .expired }
    let first = firstDates[folder] ?? "9999"
    let edge = isRollup ? first : max(first, Self.date(oldestEnd))
    return date <= edge ? .expired : nil
  }

  private static func measurement(of folder: String) -> String {
    String(folder.prefix { $0 != "/" })
  }

  /// `2026-11-25`, which compares as days do.
  private static func date(of folder: String) -> Substring { folder.suffix(10) }

  private static func date(_ time: Timestamp) -> Substring {
    CivilTime(nanoseconds: time).rfc3339(decimals: 0).prefix(10)[...]
  }
}
