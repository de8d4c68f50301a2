internal import Blocks
internal import Catalog
internal import Cold
internal import Logging
internal import Model
internal import Platform
internal import Synchronization

/// Merges blocks while the server runs: cuts into young blocks, young ones into cold ones.
///
/// It reads and writes on a thread of its own. A worker only swaps the finished blocks in and
/// renames its manifest; the inputs go when no view holds them any more. A merge that fails harms
/// nothing: it is tried again after a while, without the block if one is damaged.
///
/// Belongs to its thread, or to the caller of ``step(monotonic:)`` in a simulation.
final class BackgroundCompaction: @unchecked Sendable {
  // @unchecked: the variables below are touched by one thread only; `pace` and `counters` are safe.

  /// How often it looks for something to do.
  static let lookNanoseconds: UInt64 = 1_000_000_000
  /// A failed merge is tried again after this, then after twice as long and so on.
  static let retryNanosecondsMin: UInt64 = 5_000_000_000
  static let retryNanosecondsMax: UInt64 = 600_000_000_000
  /// More than a block without rows and a manifest take.
  private static let smallByteCount = 32 << 10

  let counters = CompactionCounters()
  private let parts: EngineParts
  private let workers: [PartitionWorker]
  private let files: BlockFiles
  private let pace: CompactionPace
  private let directory: DataDirectory
  private let catalog: Catalog
  private let retention: Retention
  private let retentionRun: RetentionRun
  let retentionCounters = RetentionCounters()
  private let rollupRun: RollupRun
  let rollupCounters = RollupCounters()
  private var troubles: TroubleLog
  /// Inputs that the manifests do not name any more.
  private var retired: [BlockReader] = []
  private var retiredRollups: [RollupReader] = []
  private var objects: ColdObjects
  /// Cold blocks of snapshots that were removed: whoever removes one puts them here.
  let unpinned = Mutex<[BlockSummary]>([])
  /// Files that are not merged until the next start, for they are damaged.
  private var barred: Set<String> = []
  /// Partitions of which the manifest on the disk may be either of two.
  private var doubtful: Set<PartitionID> = []
  private var nextLookAt: UInt64 = 0
  /// When partitions whose last merge failed have their next turn, and how long they waited.
  private var retries: [PartitionID: (at: UInt64, waited: UInt64)] = [:]

  /// A step and the partition that it is of.
  private struct Work {
    var partition: PartitionID
    var worker: PartitionWorker
    var step: CompactionStep
    var policy: CompactionPolicy
    var readers: [BlockReader]
    /// Deletes before it are carried out.
    var deletesEnd: Offset
    /// Rows from here on are not in rollups yet.
    var foldedUntil: Timestamp
  }

  init(
    parts: EngineParts,
    catalog: Catalog,
    workers: [PartitionWorker],
    files: BlockFiles,
    retention: Retention
  ) {
    self.parts = parts
    self.catalog = catalog
    self.retention = retention
    retentionRun = RetentionRun(
      parts: parts,
      catalog: catalog,
      retention: retention,
      counters: retentionCounters
    )
    rollupRun = RollupRun(
      parts: parts,
      catalog: catalog,
      retention: retention,
      cache: retentionRun.cache,
      counters: rollupCounters,
      files: files
    )
    self.workers = workers
    self.files = files
    pace = CompactionPace(clock: parts.clock)
    directory = DataDirectory(parts.configuration.dataDirectory)
    objects = ColdObjects(parts.cold, disk: parts.disk, directory: directory)
    troubles = TroubleLog(
      parts.logger,
      .mergeFailed,
      end: (.mergesSucceed, "compaction succeeds again")
    )
  }

  /// Whether there is ever anything to do.
  var isNeeded: Bool {
    parts.configuration.compaction.mode == .background || retention.rules.isActive
      || !retention.rollups.units.isEmpty || parts.cold.reader != nil
  }

  /// The thread's life.
  func work() {
    while !pace.isStopped {
      let wait = step(monotonic: parts.clock.monotonic())
      if wait > 0 { pace.wait(nanoseconds: min(wait, Self.lookNanoseconds)) }
    }
  }

  /// Ends the thread soon, in the middle of a merge if need be.
  func stop() { pace.stop() }

  /// Makes one merge, if there is one to make.
  ///
  /// - Returns: nanoseconds to wait before the next call; 0 after a merge.
  func step(monotonic: UInt64) -> UInt64 {
    guard monotonic >= nextLookAt else { return nextLookAt - monotonic }
    removeRetired()
    removeUnpinned()
    nextLookAt = monotonic &+ Self.lookNanoseconds
    // Rollups first: raw rows go when they are in all of them.
    if rollupRun.isDue(monotonic: monotonic) { makeRollups(monotonic: monotonic) }
    if retentionRun.isDue(monotonic: monotonic) { removeExpired(monotonic: monotonic) }
    guard parts.configuration.compaction.mode == .background else { return Self.lookNanoseconds }
    let (found, debt) = lookForWork(monotonic: monotonic)
    counters.publish(debt: debt, retired: retired.count, barred: barred.count)
    guard let work = found else { return Self.lookNanoseconds }
    do throws(CompactionError) {
      // What waits makes it faster, so that it does not grow.
      let factor = max(1, 2 * debt.merges / parts.configuration.partitionCount)
      pace.begin(percent: min(100, parts.configuration.compaction.processorPercent * factor))
      try merge(work)
      retries[work.partition] = nil
      if retries.isEmpty { troubles.clear(at: parts.clock.monotonic()) }
      nextLookAt = monotonic
      return 0
    } catch {
      note(error, work)
      return Self.lookNanoseconds
    }
  }

  // MARK: Retention

  /// The blocks of every partition, and whose they are.
  private func blockLists() -> (
    lists: [(partition: PartitionID, list: BlockList)], owners: [PartitionID: PartitionWorker]
  ) {
    var lists: [(partition: PartitionID, list: BlockList)] = []
    var owners: [PartitionID: PartitionWorker] = [:]
    for worker in workers {
      for (partition, _) in worker.counters {
        guard let list = worker.blockList(of: partition, parts) else { continue }
        lists.append((partition, list))
        owners[partition] = worker
      }
    }
    return (lists, owners)
  }

  private func makeRollups(monotonic: UInt64) {
    let (lists, owners) = blockLists()
    pace.begin(percent: parts.configuration.compaction.processorPercent)
    retiredRollups += rollupRun.run(lists, monotonic: monotonic) { [parts] partition, made in
      owners[partition]?.replaceRollups(of: partition, made, parts)
    } pause: { [pace] () throws(CompactionError) in
      try pace.pause()
    }
  }

  private func removeExpired(monotonic: UInt64) {
    var (lists, owners) = blockLists()
    let gone = retentionRun.run(
      lists,
      monotonic: monotonic,
      foldedUntil: rollupRun.foldedUntil
    ) { [parts] partition, removal in
      owners[partition]?.removeBlocks(of: partition, removal, parts)
    }
    for block in gone {
      if let reader = block.reader {
        retired.append(reader)
      } else {
        removeFiles(of: block.summary)
      }
    }
    // The lists go first, so that files that nobody else reads can go at once.
    lists = []
  }

  /// What merges leave out, by the rules of retention.
  ///
  /// - Parameters:
  ///   - deletesEnd: deletes before it are carried out.
  ///   - foldedUntil: rows from here on are not in rollups yet, and stay.
  private func groupFilter(deletesEnd: Offset, foldedUntil: Timestamp) -> GroupFilter {
    guard retention.rules.isActive else { return GroupFilter(deletesEnd: deletesEnd) }
    let (catalog, retention, cache) = (catalog, retention, retentionRun.cache)
    let now = parts.clock.now()
    let shortest = retention.oldestOfShortest(now: now)
    var known: [MeasurementID: Timestamp] = [:]
    return GroupFilter(deletesEnd: deletesEnd) { series in
      guard shortest > 0, let measurement = cache.measurement(of: series) else { return .min }
      if let oldest = known[measurement] { return oldest }
      guard let definition = catalog.measurement(measurement) else { return .min }
      let oldest = min(
        retention.oldestStored(
          tenant: Retention.text(catalog.tenant(definition.tenant)?.name ?? []),
          measurement: Retention.text(definition.name),
          now: now
        ),
        foldedUntil
      )
      known[measurement] = oldest
      return oldest
    }
  }

  // MARK: Finding

  /// The merge that is to be made next: of the partition with most of them the oldest.
  private func lookForWork(
    monotonic: UInt64
  ) -> (Work?, debt: (merges: Int, bytes: Int)) {
    var best: Work?
    var mostBytes = 0
    var debt = (merges: 0, bytes: 0)
    for worker in workers {
      for (partition, _) in worker.counters {
        guard let list = worker.blockList(of: partition, parts) else { continue }
        let steps = steps(of: list)
        let byteCount = steps.reduce(0) { $0 + $1.step.inputByteCount }
        debt.merges += steps.count
        debt.bytes += byteCount
        guard let (step, policy) = steps.first, byteCount > mostBytes,
          monotonic >= retries[partition]?.at ?? 0
        else { continue }
        mostBytes = byteCount
        let names = Set(step.inputs.map(\.fileName))
        best = Work(
          partition: partition,
          worker: worker,
          step: step,
          policy: policy,
          readers: list.readers.filter { names.contains($0.summary.fileName) },
          deletesEnd: list.deletes.last?.offset.advanced(by: 1) ?? .zero,
          foldedUntil: rollupRun.foldedUntil(list)
        )
      }
    }
    return (best, debt)
  }

  /// The merges of one partition: young ones first, for they are behind what is asked most.
  private func steps(of list: BlockList) -> [(step: CompactionStep, policy: CompactionPolicy)] {
    let options = parts.configuration.compaction
    let readable = Set(list.readers.map(\.summary.fileName))
    let left = barred.union(list.summaries.map(\.fileName).filter { !readable.contains($0) })
    let policies = [
      CompactionPolicy.young(
        cutCountMin: options.cutCount,
        inputByteCountMax: options.scratchByteCountMax
      ),
      CompactionPolicy.cold(
        before: parts.clock.now() - options.coldAfterNanoseconds,
        cutCountMin: options.cutCount,
        inputByteCountMax: options.scratchByteCountMax
      ),
    ]
    for policy in policies {
      let steps = CompactionPlan.steps(for: list.summaries, policy, without: left)
      if !steps.isEmpty { return steps.map { ($0, policy) } }
    }
    if let found = CompactionPlan.cleaning(of: list.summaries, list.deletes, without: left) {
      return [(found.step, found.policy)]
    }
    return []
  }

  // MARK: Merging

  private func merge(_ work: Work) throws(CompactionError) {
    try checkSpace(for: work)
    let index = Int(work.partition.rawValue)
    let folder = directory.blocks(index)
    var outputs: [BlockSummary] = []
    let readers: [BlockReader]
    let filter = groupFilter(deletesEnd: work.deletesEnd, foldedUntil: work.foldedUntil)
    do throws(CompactionError) {
      let merger = StepMerger(
        disk: parts.disk,
        directory: folder,
        policy: work.policy,
        filter: filter
      ) { [pace] _ throws(CompactionError) in
        try pace.pause()
      }
      try merger.merge(work.step, work.readers, into: &outputs)
      readers = try open(outputs, in: folder)
    } catch {
      // Files of a partition in doubt may be those that its manifest names.
      if !doubtful.contains(work.partition) {
        for output in outputs { try? parts.disk.remove(Path.join(folder, output.fileName)) }
      }
      throw error
    }
    CrashPoint.compactionWritten.reach()
    let replacement = BlockReplacement(
      inputs: work.step.inputs,
      outputs: outputs,
      readers: readers,
      removed: filter.counts,
      deletesEnd: filter.deletesEnd,
      rawFrom: rawFrom(filter, work.foldedUntil)
    )
    try swap(replacement, in: work)
    retired += work.readers
    for cause in [Removals.Cause.age, .deleted] {
      let points = filter.counts.reduce(0) { $0 + ($1.key.cause == cause ? $1.value : 0) }
      if points > 0 { retentionCounters.removed(cause, blocks: 0, points: points, bytes: 0) }
    }
    counters.merged(
      points: work.step.pointCount,
      read: work.step.inputByteCount,
      written: outputs.reduce(0) { $0 + $1.byteCount }
    )
  }

  /// The first days of which rows are left of measurements that a merge has left old rows out of.
  private func rawFrom(_ filter: GroupFilter, _ foldedUntil: Timestamp) -> [MeasurementID: Int64] {
    var days: [MeasurementID: Int64] = [:]
    let perDay = RollupUnit.nanosecondsPerDay
    for key in filter.counts.keys where key.cause == .age {
      let whose =
        key.measurement.flatMap { catalog.measurement($0) }.map { [$0] }
        ?? catalog.measurements(of: key.tenant)
      for definition in whose {
        let oldest = retention.oldestStored(
          tenant: Retention.text(catalog.tenant(definition.tenant)?.name ?? []),
          measurement: Retention.text(definition.name),
          now: parts.clock.now()
        )
        // Without rollups the bound may lie within a day, which is not whole any more then.
        days[definition.id] = (min(oldest, foldedUntil) + perDay - 1) / perDay
      }
    }
    return days
  }

  private func open(
    _ outputs: [BlockSummary],
    in folder: String
  ) throws(CompactionError) -> [BlockReader] {
    var readers: [BlockReader] = []
    for output in outputs {
      let path = Path.join(folder, output.fileName)
      do throws(BlockError) {
        readers.append(try BlockReader.open(files, path: path))
      } catch {
        if case .system(let failure) = error { throw .system(failure) }
        // What was written a moment ago does not read back: the disk's fault, whatever it says.
        throw .system(
          SystemError(code: SystemError.Code.inputOutput, operation: "read back", path: path)
        )
      }
    }
    return readers
  }

  private func swap(
    _ replacement: BlockReplacement,
    in work: Work
  ) throws(CompactionError) {
    switch work.worker.replaceBlocks(of: work.partition, replacement, parts) {
    case .done: doubtful.remove(work.partition)
    case .failed(let failure):
      doubtful.insert(work.partition)
      throw .system(failure)
    case .refused, nil:
      // Nobody knows whether it comes to be: the next look tells.
      doubtful.insert(work.partition)
      throw .stopped
    }
  }

  /// A merge needs as much room as its inputs, and leaves some to those who write rows.
  private func checkSpace(for work: Work) throws(CompactionError) {
    let step = work.step
    guard let space = try? parts.disk.space(at: directory.path) else { return }
    guard
      space.free >= step.inputByteCount + space.total / 32 || makesRoom(work, space.free)
    else {
      throw .system(
        SystemError(
          code: SystemError.Code.noSpace,
          operation: "merge \(step.inputByteCount) bytes of blocks",
          path: directory.path
        )
      )
    }
  }

  /// Whether a merge leaves out so many deleted rows that a full disk is rather a reason for it.
  private func makesRoom(_ work: Work, _ free: Int) -> Bool {
    guard work.deletesEnd > .zero else { return false }
    var kept = Self.smallByteCount
    for reader in work.readers {
      guard let count = try? reader.keptByteCount() else { return false }
      kept += count
    }
    return 2 * kept <= max(work.step.inputByteCount, 2 * Self.smallByteCount) && 2 * kept <= free
  }

  private func note(_ error: CompactionError, _ work: Work) {
    switch error {
    case .stopped: return
    case .damaged(let damage): barred.insert(Path.name(of: damage.path))
    case .system, .block(.system):
      let waited = retries[work.partition]?.waited ?? Self.retryNanosecondsMin / 2
      let wait = min(2 * waited, Self.retryNanosecondsMax)
      retries[work.partition] = (parts.clock.monotonic() &+ wait, wait)
    case .block: barred.formUnion(work.step.inputs.map(\.fileName))
    }
    counters.failed()
    troubles.note(
      "blocks of partition \(work.partition.rawValue) were not merged and stay as they are: "
        + error.text,
      at: parts.clock.monotonic()
    )
  }

  // MARK: Removing

  /// Removes the inputs that nobody reads any more. One that cannot be removed is what the next
  /// start removes.
  func removeRetired() {
    var kept: [BlockReader] = []
    while var reader = retired.popLast() {
      guard isKnownUniquelyReferenced(&reader) else {
        kept.append(reader)
        continue
      }
      removeFiles(of: reader.summary)
      CrashPoint.compactionRemoving.reach()
    }
    retired = kept
    removeRetiredRollups()
    objects.retry(monotonic: parts.clock.monotonic())
  }

  /// Removes objects that only a snapshot had, which is gone now.
  private func removeUnpinned() {
    let blocks = unpinned.withLock { $0 }
    guard !blocks.isEmpty else { return }
    let (lists, _) = blockLists()
    // Without all manifests nobody knows what is named: the next look does.
    guard lists.count == parts.configuration.partitionCount else { return }
    unpinned.withLock { $0.removeFirst(blocks.count) }
    let named = Set(lists.flatMap { $0.list.summaries.compactMap(\.objectKey) })
    var asked: Set<String> = []
    for block in blocks {
      guard let key = block.objectKey, !named.contains(key), asked.insert(key).inserted else {
        continue
      }
      objects.remove(block, monotonic: parts.clock.monotonic())
    }
  }

  private func removeRetiredRollups() {
    var kept: [RollupReader] = []
    while var reader = retiredRollups.popLast() {
      guard isKnownUniquelyReferenced(&reader) else {
        kept.append(reader)
        continue
      }
      try? parts.disk.remove(reader.path)
    }
    retiredRollups = kept
  }

  /// Removes a block; one that lies in the cold store from there, with its stub.
  private func removeFiles(of block: BlockSummary) {
    let folder = directory.blocks(Int(block.identity.partition.rawValue))
    try? parts.disk.remove(Path.join(folder, block.storedName))
    objects.remove(block, monotonic: parts.clock.monotonic())
  }
}
