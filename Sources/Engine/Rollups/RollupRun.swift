internal import Blocks
internal import Catalog
internal import Logging
internal import Model
internal import Platform

/// Makes rollups of days that are over and of those that have got rows since, and removes what is
/// too old.
///
/// Belongs to the compaction's thread, so that no block goes while it is being folded.
final class RollupRun {
  private let parts: EngineParts
  private let catalog: Catalog
  private let retention: Retention
  private let cache: BlockContentsCache
  private let counters: RollupCounters
  private let directory: DataDirectory
  private let files: BlockFiles
  private let fieldSets: FieldSets
  private var troubles: TroubleLog
  private var nextLookAt: UInt64 = 0

  init(
    parts: EngineParts,
    catalog: Catalog,
    retention: Retention,
    cache: BlockContentsCache,
    counters: RollupCounters,
    files: BlockFiles
  ) {
    self.parts = parts
    self.catalog = catalog
    self.retention = retention
    self.cache = cache
    self.counters = counters
    self.files = files
    directory = DataDirectory(parts.configuration.dataDirectory)
    fieldSets = FieldSets(catalog: catalog)
    troubles = TroubleLog(
      parts.logger,
      .rollupFailed,
      end: (.rollupsSucceed, "rollups are made again")
    )
  }

  /// Whether it is time to look.
  func isDue(monotonic: UInt64) -> Bool {
    !retention.rollups.units.isEmpty && monotonic >= nextLookAt
  }

  /// Folds one file of hours of each partition.
  ///
  /// - Parameters:
  ///   - replace: asks a partition to commit what was made.
  ///   - pause: waits; throws when the server stops.
  /// - Returns: readers of files that no manifest names any more.
  func run(
    _ lists: [(partition: PartitionID, list: BlockList)],
    monotonic: UInt64,
    replace: (PartitionID, RollupReplacement) -> BlockSwap?,
    pause: @escaping () throws(CompactionError) -> Void
  ) -> [RollupReader] {
    nextLookAt = monotonic &+ RetentionRun.lookNanoseconds
    var retired: [RollupReader] = []
    let floors = floors(lists.flatMap(\.list.rollups.state.files))
    for (partition, list) in lists {
      do throws(CompactionError) {
        let worked = try fold(partition, list, floors, replace, pause, &retired)
        if worked { nextLookAt = monotonic }
        troubles.clear(at: monotonic)
      } catch {
        if case .stopped = error { return retired }
        counters.failed()
        nextLookAt = monotonic &+ RetentionRun.retryNanoseconds
        troubles.note(
          "rollups of partition \(partition.rawValue) were not made and will be tried again: "
            + error.text,
          at: monotonic
        )
      }
    }
    return retired
  }

  /// - Returns: whether there may be more to do.
  private func fold(
    _ partition: PartitionID,
    _ list: BlockList,
    _ floors: [RollupUnit: Int64],
    _ replace: (PartitionID, RollupReplacement) -> BlockSwap?,
    _ pause: @escaping () throws(CompactionError) -> Void,
    _ retired: inout [RollupReader]
  ) throws(CompactionError) -> Bool {
    let units = retention.rollups.units
    let now = retention.now(parts.clock.now())
    var replacement = RollupReplacement(
      cut: list.cut,
      end: list.nextOffset,
      coverage: list.rollups.state.coverage,
      deleteCount: list.deleteCount
    )
    replacement.removed = expired(list, floors)
    let plan = RollupPlan(list, units, now: now)
    if let plan { try make(plan, partition, list, pause, &replacement) }
    guard plan != nil || !replacement.removed.isEmpty else { return false }
    // What is gone is not covered, should it be kept for longer some day.
    for (unit, days) in replacement.coverage {
      let oldest = retention.oldestOfRollups(unit, tenant: nil, now: parts.clock.now())
      let day = max(oldest / RollupUnit.nanosecondsPerDay, floors[unit] ?? 0)
      replacement.coverage[unit]?.from = min(days.until, max(days.from, day))
    }
    CrashPoint.rollupWritten.reach()
    switch replace(partition, replacement) {
    case .done: break
    case .failed(let failure): throw .system(failure)
    case .refused, nil: return false
    }
    let gone = Set(replacement.removed.map(\.fileName))
    retired += list.rollups.readers.filter { gone.contains($0.file.fileName) }
    counters.made(
      days: plan?.days.count ?? 0,
      files: replacement.added.count,
      bytes: replacement.added.reduce(0) { $0 + $1.byteCount },
      windows: replacement.added.reduce(0) { $0 + $1.windowCount }
    )
    return plan != nil
  }

  /// Files of which nothing is kept.
  private func expired(_ list: BlockList, _ floors: [RollupUnit: Int64]) -> [RollupFile] {
    let now = parts.clock.now()
    return list.rollups.state.files.filter { file in
      let unit = file.identity.unit
      let oldest = max(oldestDay(unit, file.identity.tenant, now), floors[unit] ?? 0)
      return file.identity.days.upperBound <= oldest
    }
  }

  /// The first day that is kept of each unit that has more bytes than it may: the oldest files of
  /// all partitions and tenants go, until the rest is small enough. The newest stay.
  private func floors(_ files: [RollupFile]) -> [RollupUnit: Int64] {
    var floors: [RollupUnit: Int64] = [:]
    for unit in RollupUnit.allCases {
      let most = retention.rollups.rules(of: unit).byteCount
      let own = files.filter { $0.identity.unit == unit }
      var byteCount = own.reduce(0) { $0 + $1.byteCount }
      guard most > 0, byteCount > most else { continue }
      let bySpan = Dictionary(grouping: own, by: \.identity.days.upperBound)
      for (end, files) in bySpan.sorted(by: { $0.key < $1.key }).dropLast()
      where byteCount > most {
        byteCount -= files.reduce(0) { $0 + $1.byteCount }
        floors[unit] = end
      }
    }
    return floors
  }

  /// The first day of which anything is kept of a tenant.
  private func oldestDay(_ unit: RollupUnit, _ tenant: TenantID, _ now: Timestamp) -> Int64 {
    let name = Retention.text(catalog.tenant(tenant)?.name ?? [])
    return retention.oldestOfRollups(unit, tenant: name, now: now) / RollupUnit.nanosecondsPerDay
  }

  private func make(
    _ plan: RollupPlan,
    _ partition: PartitionID,
    _ list: BlockList,
    _ pause: @escaping () throws(CompactionError) -> Void,
    _ replacement: inout RollupReplacement
  ) throws(CompactionError) {
    replacement.coverage = plan.coverage
    replacement.days = plan.days
    guard !plan.days.isEmpty else { return }
    try checkReadable(plan, list)
    let folder = directory.rollups(Int(partition.rawValue))
    do throws(SystemError) { try parts.disk.createDirectory(folder) } catch { throw .system(error) }
    let now = parts.clock.now()
    var revision = list.rollups.state.revision
    let tenants = Set(list.summaries.map(\.identity.tenant))
      .union(list.rollups.state.files.map(\.identity.tenant))
    var added: [RollupFile] = []
    do throws(CompactionError) {
      for tenant in tenants.sorted() {
        var maker = RollupMaker(
          disk: parts.disk,
          directory: folder,
          partition: partition,
          tenant: tenant,
          list: list,
          plan: plan,
          catalog: catalog,
          fieldSets: fieldSets,
          revision: revision,
          measurementOf: { [cache] in cache.measurement(of: $0) },
          oldestDay: { [self] unit in oldestDay(unit, tenant, now) },
          pause: pause
        )
        try maker.make()
        revision = maker.revision
        added += maker.added
        replacement.removed += maker.removed.filter { !replacement.removed.contains($0) }
        if maker.damagedGroupCount > 0 { counters.damaged(maker.damagedGroupCount) }
      }
      for file in added {
        replacement.readers.append(try open(Path.join(folder, file.fileName)))
      }
    } catch {
      for file in added { try? parts.disk.remove(Path.join(folder, file.fileName)) }
      throw error
    }
    replacement.added = added
  }

  /// Rows of a block that cannot be opened now are not lost: the day waits for them.
  private func checkReadable(_ plan: RollupPlan, _ list: BlockList) throws(CompactionError) {
    let readable = Set(list.readers.map(\.summary.fileName))
    let perDay = RollupUnit.nanosecondsPerDay
    for block in list.summaries where !readable.contains(block.fileName) {
      let isMet = plan.days.contains { day in
        block.meets(TimeRange(start: day * perDay, end: (day + 1) * perDay))
      }
      guard isMet else { continue }
      throw .system(
        SystemError(
          code: SystemError.Code.inputOutput,
          operation: "fold a block that is not open",
          path: block.fileName
        )
      )
    }
  }

  private func open(_ path: String) throws(CompactionError) -> RollupReader {
    do throws(BlockError) {
      return try RollupReader.open(files, path: path)
    } catch {
      throw .block(error)
    }
  }
}
