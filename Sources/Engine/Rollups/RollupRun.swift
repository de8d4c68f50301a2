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
  /// Days that could not be read, and when they are tried again.
  private var unreadable: [PartitionID: [Int64: (at: UInt64, waited: UInt64)]] = [:]
  /// Days that tenants have rows of and no file, though rules ask for one: others held when they
  /// were folded. Found once, for rules change with a start; not there before.
  private var unmade: [PartitionID: Set<Int64>] = [:]
  /// The first days that bounds in bytes have left of each unit.
  private var byteFloors: [RollupUnit: Int64] = [:]
  /// Units that have half of their bytes or more: no older days are made of them.
  private var full: Set<RollupUnit> = []

  /// A day that cannot be read is tried again after this, then after twice as long and so on.
  private static let waitNanosecondsMin: UInt64 = 5_000_000_000
  private static let waitNanosecondsMax: UInt64 = 600_000_000_000

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
    let isOn = !retention.rollups.units.isEmpty || !retention.formerUnits.isEmpty
    return isOn && monotonic >= nextLookAt
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
    var haveAllSucceeded = true
    for (partition, list) in lists {
      if unmade[partition] == nil { unmade[partition] = unmadeDays(list) }
      do throws(CompactionError) {
        let worked = try fold(partition, list, floors, monotonic, replace, pause, &retired)
        if worked { nextLookAt = monotonic }
      } catch {
        if case .stopped = error { return retired }
        haveAllSucceeded = false
        counters.failed()
        nextLookAt = min(nextLookAt, monotonic &+ RetentionRun.retryNanoseconds)
        troubles.note(
          "rollups of partition \(partition.rawValue) were not made and will be tried again: "
            + error.text,
          at: monotonic
        )
      }
    }
    let retries = unreadable.values.flatMap { $0.values.map(\.at) }
    if let first = retries.min() { nextLookAt = min(nextLookAt, max(first, monotonic)) }
    if haveAllSucceeded, retries.isEmpty { troubles.clear(at: monotonic) }
    return retired
  }

  /// The first time of which rows may not be in every rollup yet: they stay. `.max` when none are
  /// made.
  func foldedUntil(_ list: BlockList) -> Timestamp {
    let state = list.rollups.state
    guard !retention.rollups.units.isEmpty, let first = list.summaries.first else { return .max }
    // Nobody has looked yet.
    guard let unmade = unmade[first.identity.partition] else { return 0 }
    let waiting = unmade.filter { day in
      state.coverage.values.contains { $0.from <= day && day < $0.until }
    }
    let made = waiting.min().map { $0 * perDay } ?? .max
    return retention.rollups.units.reduce(
      min(made, retention.rollups.foldedUntil(state))
    ) { time, unit in
      guard let days = state.coverage[unit],
        let missing = RollupPlan.missing(list.summaries, days, oldest(unit, days))
      else { return time }
      return min(time, missing.lowerBound * RollupUnit.nanosecondsPerDay)
    }
  }

  private func unmadeDays(_ list: BlockList) -> Set<Int64> {
    let now = parts.clock.now()
    var days: Set<Int64> = []
    for block in list.summaries where block.rowCount > 0 {
      let tenant = block.identity.tenant
      for unit in retention.rollups.units where !isOff(unit, tenant) {
        guard let covered = list.rollups.state.coverage[unit] else { continue }
        let times = block.firstTimestamp / perDay..<block.lastTimestamp / perDay + 1
        let first = max(covered.from, oldestDay(unit, tenant, now))
        for day in times.clamped(to: first..<max(first, covered.until))
        where list.rollups.reader(unit, tenant, span: unit.span(ofDay: day)) == nil {
          days.insert(day)
        }
      }
    }
    return days
  }

  private var perDay: Int64 { RollupUnit.nanosecondsPerDay }

  /// The first day of a unit that is worth to be made: windows before it would go at once.
  private func oldest(_ unit: RollupUnit, _ covered: RollupState.Coverage) -> Int64 {
    let kept = retention.oldestOfRollups(unit, tenant: nil, now: parts.clock.now())
    return max(
      kept / RollupUnit.nanosecondsPerDay,
      byteFloors[unit] ?? 0,
      full.contains(unit) ? covered.from : 0
    )
  }

  /// - Returns: whether there may be more to do.
  private func fold(
    _ partition: PartitionID,
    _ list: BlockList,
    _ floors: [RollupUnit: Int64],
    _ monotonic: UInt64,
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
    let waiting = unreadable[partition, default: [:]].filter { $0.value.at > monotonic }
    var plan = RollupPlan(
      list,
      units,
      now: now,
      oldest: { unit in
        list.rollups.state.coverage[unit].map { oldest(unit, $0) } ?? 0
      },
      unmade: unmade[partition] ?? [],
      without: Set(waiting.keys)
    )
    // Days that are due and are not asked for any more are none to wait for.
    if plan == nil { unreadable[partition] = waiting }
    while let tried = plan {
      let failed = try make(tried, partition, list, pause, &replacement)
      if failed.isEmpty { break }
      wait(for: failed, partition, monotonic)
      plan?.leaveOut(Set(failed.keys))
    }
    guard plan != nil || !replacement.removed.isEmpty else { return false }
    // What is gone is not covered, should it be kept for longer some day.
    for (unit, days) in replacement.coverage {
      let oldest = retention.oldestOfRollups(unit, tenant: nil, now: parts.clock.now())
      let day = max(oldest / RollupUnit.nanosecondsPerDay, floors[unit] ?? 0)
      replacement.coverage[unit]?.from = min(days.until, max(days.from, day))
    }
    let isNews =
      replacement.coverage != list.rollups.state.coverage || !replacement.days.isEmpty
      || !replacement.removed.isEmpty
    guard isNews else { return true }
    CrashPoint.rollupWritten.reach()
    switch replace(partition, replacement) {
    case .done: break
    case .failed(let failure): throw .system(failure)
    case .refused, nil: return false
    }
    for day in replacement.days { unreadable[partition]?[day] = nil }
    // Those that were left out count as changed from now on.
    unmade[partition]?.subtract(replacement.leftOut.union(replacement.days))
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

  /// Notes days that cannot be read.
  private func wait(for failed: [Int64: String], _ partition: PartitionID, _ monotonic: UInt64) {
    counters.failed()
    for day in failed.keys {
      let waited = unreadable[partition]?[day]?.waited ?? Self.waitNanosecondsMin / 2
      let wait = min(2 * waited, Self.waitNanosecondsMax)
      unreadable[partition, default: [:]][day] = (monotonic &+ wait, wait)
    }
    guard let (day, why) = failed.min(by: { $0.key < $1.key }) else { return }
    let time = CivilTime(nanoseconds: day * RollupUnit.nanosecondsPerDay)
    let others = failed.count > 1 ? " and \(failed.count - 1) other days" : ""
    troubles.note(
      "rollups of partition \(partition.rawValue) stay as they are on "
        + "\(time.rfc3339(decimals: 0).prefix(10))\(others), with their rows, and will be tried "
        + "again: \(why)",
      at: monotonic
    )
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
      full.remove(unit)
      if most > 0, byteCount > most / 2 { full.insert(unit) }
      guard most > 0, byteCount > most else { continue }
      let bySpan = Dictionary(grouping: own, by: \.identity.days.upperBound)
      for (end, files) in bySpan.sorted(by: { $0.key < $1.key }).dropLast()
      where byteCount > most {
        byteCount -= files.reduce(0) { $0 + $1.byteCount }
        floors[unit] = end
      }
    }
    for (unit, floor) in floors { byteFloors[unit] = max(byteFloors[unit] ?? 0, floor) }
    return floors
  }

  private func isOff(_ unit: RollupUnit, _ tenant: TenantID) -> Bool {
    retention.isOff(unit, tenant: Retention.text(catalog.tenant(tenant)?.name ?? []))
  }

  /// The first day of which anything is kept of a tenant.
  private func oldestDay(_ unit: RollupUnit, _ tenant: TenantID, _ now: Timestamp) -> Int64 {
    let name = Retention.text(catalog.tenant(tenant)?.name ?? [])
    return retention.oldestOfRollups(unit, tenant: name, now: now) / RollupUnit.nanosecondsPerDay
  }

  /// - Returns: days that could not be read, and why; nothing was made then.
  private func make(
    _ plan: RollupPlan,
    _ partition: PartitionID,
    _ list: BlockList,
    _ pause: @escaping () throws(CompactionError) -> Void,
    _ replacement: inout RollupReplacement
  ) throws(CompactionError) -> [Int64: String] {
    replacement.coverage = plan.coverage
    replacement.days = plan.days
    replacement.leftOut = plan.leftOut
    guard !plan.days.isEmpty else { return [:] }
    let folder = directory.rollups(Int(partition.rawValue))
    do throws(SystemError) { try parts.disk.createDirectory(folder) } catch { throw .system(error) }
    let now = parts.clock.now()
    var revision = list.rollups.state.revision
    let tenants = Set(list.summaries.map(\.identity.tenant))
      .union(list.rollups.state.files.map(\.identity.tenant))
    var added: [RollupFile] = []
    var removed: [RollupFile] = []
    var failed: [Int64: String] = [:]
    replacement.rawFrom = [:]
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
          oldestDay: { [self] unit in isOff(unit, tenant) ? nil : oldestDay(unit, tenant, now) },
          pause: pause
        )
        try maker.make()
        revision = maker.revision
        added += maker.added
        removed += maker.removed
        if maker.damagedGroupCount > 0 { counters.damaged(maker.damagedGroupCount) }
        failed.merge(maker.unreadable) { first, _ in first }
        replacement.rawFrom.merge(maker.rawFrom, uniquingKeysWith: max)
      }
      if failed.isEmpty {
        for file in added {
          replacement.readers.append(try open(Path.join(folder, file.fileName)))
        }
      }
    } catch {
      for file in added { try? parts.disk.remove(Path.join(folder, file.fileName)) }
      throw error
    }
    guard failed.isEmpty else {
      for file in added { try? parts.disk.remove(Path.join(folder, file.fileName)) }
      return failed
    }
    replacement.added = added
    replacement.removed += removed.filter { !replacement.removed.contains($0) }
    return [:]
  }

  private func open(_ path: String) throws(CompactionError) -> RollupReader {
    do throws(BlockError) {
      return try RollupReader.open(files, path: path)
    } catch {
      throw .block(error)
    }
  }
}
