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
/// Rows that retention has taken, that cannot be read, or that are gone for no reason that the
/// directory knows of, are lost to it and not to the export; rows that were deleted leave it. A day
/// knows how many points each of its hours has: where rows were deleted and retention has taken
/// some since the earlier run, days up to the oldest that is whole in the directory stay.
struct ExportKeeping {
  enum Reason {
    /// Retention has taken rows.
    case expired
    /// Rows are there and cannot be read.
    case unreadable
    /// Rows are gone and were neither deleted nor too old: a restored directory, a damaged log.
    case gone
  }

  /// What has left the directory, by the folder of the measurement.
  let removals: [String: ExportRemovals]
  private let earlier: [String: ExportRemovals]
  private let prunes: Bool
  private let isRollup: Bool
  /// The first day that rollup files of all partitions may have.
  private let rollupStart: Substring
  /// Folders of the measurements that there are.
  private let folders: Set<String>
  /// Whether rows of the log cannot be read: nobody knows of which days.
  private let isLogDamaged: Bool
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
    folders = Set(snapshot.measurements(of: options.tenant).map { Self.folder(of: $0.name) })
    let start = options.rollup.flatMap { unit in
      snapshot.partitions.compactMap { $0.manifest.rollups.coverage[unit]?.from }.max()
    }
    rollupStart = start.map { Self.date($0 * 24 * Nanoseconds.perHour) } ?? ""
    let queue = snapshot.directory.queue
    isLogDamaged =
      snapshot.unreadableRowCount > 0
      || snapshot.findings.contains { $0.severity != .note && $0.path.hasPrefix(queue) }
    var removals: [String: ExportRemovals] = [:]
    var lost: [TimeRange] = []
    var oldestEnd = Timestamp.max
    for partition in snapshot.partitions {
      for (key, points) in partition.manifest.removals.counts where key.tenant == options.tenant {
        let name = key.measurement.flatMap { snapshot.catalog.measurement($0)?.name }
        let folder = name.map(Self.folder) ?? Self.anyFolder
        switch key.cause {
        case .age, .bytes: removals[folder, default: .init()].expired += points
        case .deleted: removals[folder, default: .init()].deleted += points
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

  /// Whether an earlier version wrote the folder under another name than it would have now.
  func isOutdated(_ folder: String) -> Bool {
    let measurement = Self.measurement(of: folder)
    return measurement.contains("~") && !folders.contains(measurement)
  }

  /// Why a day of an earlier run stays, if it does.
  ///
  /// - Parameters:
  ///   - hours: how many points of each hour the directory has now.
  ///   - gaps: times of rows that could not be read.
  func reason(
    toKeep day: ExportManifest.Day,
    over hours: [Int],
    gaps: some Sequence<TimeRange>
  ) -> Reason? {
    let date = Self.date(of: day.folder)
    let isUnreadable = { (range: TimeRange) in
      Self.date(range.start) <= date && date <= Self.date(max(range.start, range.end - 1))
    }
    let hasMore = day.hasMore(than: hours)
    // Of a day that was whole nobody knows what it lacks now, whatever it has gained.
    if hasMore || !day.inputs.isEmpty,
      lost.contains(where: isUnreadable) || gaps.contains(where: isUnreadable)
    {
      return .unreadable
    }
    guard hasMore else { return nil }
    if isLogDamaged { return .unreadable }
    if prunes { return nil }
    if day.isKept { return .expired }
    let folder = Self.measurement(of: day.folder)
    let (now, then) = (Self.counts(removals, folder), Self.counts(earlier, folder))
    // Counts that have gone back are those of a restored directory, or of a manifest made anew.
    if now.expired < then.expired || now.deleted < then.deleted { return .expired }
    let hasExpired = now.expired > then.expired || isRollup && date < rollupStart
    guard hasDeletes || now.deleted > then.deleted else { return hasExpired ? .expired : .gone }
    guard hasExpired else { return nil }
    let first = firstDates[folder] ?? "9999"
    let edge = isRollup ? max(first, rollupStart) : max(first, Self.date(oldestEnd))
    return date <= edge ? .expired : nil
  }

  /// Of blocks of which nobody could tell whose rows they had.
  private static let anyFolder = ""

  private static func counts(_ all: [String: ExportRemovals], _ folder: String) -> ExportRemovals {
    let (own, any) = (all[folder] ?? .init(), all[anyFolder] ?? .init())
    return ExportRemovals(
      expired: own.expired &+ any.expired,
      deleted: own.deleted &+ any.deleted
    )
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
