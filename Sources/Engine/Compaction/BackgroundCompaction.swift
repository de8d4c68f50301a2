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
/// When much waits, merges of several partitions are made at once, each on a thread for itself
/// (``make(_:_:)``); everything before and after is done here. Once a second, also in the middle of
/// a merge, ``DebtControl`` is told what waits.
///
/// Belongs to its thread, or to the caller of ``step(monotonic:)`` in a simulation.
final class BackgroundCompaction: @unchecked Sendable {
  // @unchecked: the variables below are touched by one thread only; `paces`, `counters` and `gate`
  // are safe, and merges on other threads touch nothing else that changes.

  /// How often it looks for something to do.
  static let lookNanoseconds: UInt64 = 1_000_000_000
  /// A failed merge is tried again after this, then after twice as long and so on.
  static let retryNanosecondsMin: UInt64 = 5_000_000_000
  static let retryNanosecondsMax: UInt64 = 600_000_000_000
  /// Rows have come as they like for so long when that is told.
  private static let calmNanoseconds: UInt64 = 30_000_000_000
  /// More than a block without rows and a manifest take.
  static let smallByteCount = 32 << 10

  let counters = CompactionCounters()
  let parts: EngineParts
  let workers: [PartitionWorker]
  let files: BlockFiles
  private let gate: IngestGate
  /// One for each thread that may merge; the first one is this thread's own.
  private let paces: [CompactionPace]
  let directory: DataDirectory
  let catalog: Catalog
  let retention: Retention
  let retentionRun: RetentionRun
  let retentionCounters = RetentionCounters()
  let rollupRun: RollupRun
  let rollupCounters = RollupCounters()
  var troubles: TroubleLog
  /// Inputs that the manifests do not name any more.
  var retired: [BlockReader] = []
  var retiredRollups: [RollupReader] = []
  var objects: ColdObjects
  /// Files that are not merged until the next start, for they are damaged.
  var barred: Set<String> = []
  /// Partitions of which the manifest on the disk may be either of two.
  var doubtful: Set<PartitionID> = []
  private var nextLookAt: UInt64 = 0
  private var control: DebtControl
  private var nextControlAt: UInt64 = 0
  private var slowness: TroubleLog
  /// Bytes of inputs of merges that are over.
  private var mergedByteCount: UInt64 = 0
  /// When partitions whose last merge failed have their next turn, and how long they waited.
  var retries: [PartitionID: (at: UInt64, waited: UInt64)] = [:]

  /// A step and the partition that it is of.
  struct Work: Sendable {
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
    retention: Retention,
    gate: IngestGate
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
    self.gate = gate
    let options = parts.configuration.compaction
    let threadCount = parts.threading == .manual ? 1 : options.threadCountMax
    paces = (0..<threadCount).map { _ in CompactionPace(clock: parts.clock) }
    control = DebtControl(
      limit: max(1, options.debtByteCountMax),
      partitionCount: parts.configuration.partitionCount,
      processorPercent: options.processorPercent,
      threadCountMax: threadCount
    )
    directory = DataDirectory(parts.configuration.dataDirectory)
    objects = ColdObjects(parts.cold, disk: parts.disk, directory: directory)
    troubles = TroubleLog(
      parts.logger,
      .mergeFailed,
      end: (.mergesSucceed, "compaction succeeds again")
    )
    slowness = TroubleLog(
      parts.logger,
      .ingestSlowed,
      end: (.ingestFree, "rows are taken as they come again"),
      calmNanoseconds: Self.calmNanoseconds
    )
  }

  /// Whether there is ever anything to do.
  var isNeeded: Bool {
    parts.configuration.compaction.mode == .background || retention.rules.isActive
      || !retention.rollups.units.isEmpty || !retention.formerUnits.isEmpty
      || parts.cold.reader != nil
  }

  /// This thread's own.
  var pace: CompactionPace { paces[0] }

  /// The thread's life.
  func work() {
    while !pace.isStopped {
      let wait = step(monotonic: parts.clock.monotonic())
      if wait > 0 { pace.wait(nanoseconds: min(wait, Self.lookNanoseconds)) }
    }
    gate.limit(bytesPerSecond: nil)
  }

  /// Ends the thread soon, in the middle of a merge if need be.
  func stop() { for pace in paces { pace.stop() } }

  /// Makes one merge, or one of each of several partitions, if there is one to make.
  ///
  /// - Returns: nanoseconds to wait before the next call; 0 after a merge.
  func step(monotonic: UInt64) -> UInt64 {
    guard monotonic >= nextLookAt else { return nextLookAt - monotonic }
    removeRetired()
    removeUnwanted()
    nextLookAt = monotonic &+ Self.lookNanoseconds
    // Rollups first: raw rows go when they are in all of them.
    if rollupRun.isDue(monotonic: monotonic) { makeRollups(monotonic: monotonic) }
    if retentionRun.isDue(monotonic: monotonic) { removeExpired(monotonic: monotonic) }
    guard parts.configuration.compaction.mode == .background else { return Self.lookNanoseconds }
    let works = look(monotonic: monotonic)
    guard !works.isEmpty, perform(Array(works.prefix(control.decision.threadCount))) else {
      return Self.lookNanoseconds
    }
    if retries.isEmpty { troubles.clear(at: parts.clock.monotonic()) }
    nextLookAt = monotonic
    return 0
  }

  /// Makes merges, each of another partition, the first one on this thread.
  ///
  /// - Returns: whether all of them were made.
  private func perform(_ works: [Work]) -> Bool {
    let percent = control.decision.processorPercent
    let made = Mutex<[Int: Merge]>([:])
    let isDone = Signal()
    var threads: [WorkerThread] = []
    for (index, work) in works.enumerated().dropFirst() {
      let pace = paces[index]
      let thread = try? WorkerThread(name: "merge-\(index)") { [self] in
        pace.begin(percent: percent)
        let merge = make(work) { byteCount throws(CompactionError) in try pace.pause(byteCount) }
        made.withLock { $0[index] = merge }
        isDone.set()
      }
      // Without a thread it waits for its turn.
      guard let thread else { break }
      threads.append(thread)
    }
    pace.begin(percent: percent)
    let first = make(works[0]) { [self] byteCount throws(CompactionError) in
      if try pace.pause(byteCount) { lookBetween() }
    }
    while made.withLock({ $0.count }) < threads.count {
      isDone.wait(timeoutNanoseconds: Self.lookNanoseconds)
      lookBetween()
    }
    for thread in threads { thread.join() }
    let merges = made.withLock { $0 }
    var isMade = finish(first, of: works[0])
    for (index, merge) in merges.sorted(by: { $0.key < $1.key }) {
      isMade = finish(merge, of: works[index]) && isMade
    }
    for (index, pace) in paces.enumerated() {
      mergedByteCount &+= UInt64(pace.workedByteCount)
      if index <= threads.count { pace.end() }
    }
    return isMade
  }

  // MARK: Finding

  /// Looks in the middle of a merge for what has come to wait meanwhile.
  private func lookBetween() {
    let now = parts.clock.monotonic()
    guard now >= nextControlAt else { return }
    _ = look(monotonic: now)
    for pace in paces { pace.share(percent: control.decision.processorPercent) }
  }

  /// Looks for what waits, says so, and decides on the pace of merging and of rows.
  ///
  /// - Returns: the oldest merge of each partition that has one to make, of that with most bytes
  ///   first.
  private func look(monotonic: UInt64) -> [Work] {
    nextControlAt = monotonic &+ Self.lookNanoseconds
    var works: [(work: Work, byteCount: Int)] = []
    var debt = (merges: 0, bytes: 0)
    var possible = (merges: 0, bytes: 0)
    for worker in workers {
      for (partition, _) in worker.counters {
        guard let list = worker.blockList(of: partition, parts) else { continue }
        let steps = steps(of: list)
        let byteCount = steps.reduce(0) { $0 + $1.step.inputByteCount }
        debt.merges += steps.count
        debt.bytes += byteCount
        // Where the last merge failed nobody knows whether the next one will do.
        if retries[partition] == nil {
          possible.merges += steps.count
          possible.bytes += byteCount
        }
        guard let (step, policy) = steps.first, monotonic >= retries[partition]?.at ?? 0 else {
          continue
        }
        let names = Set(step.inputs.map(\.fileName))
        let work = Work(
          partition: partition,
          worker: worker,
          step: step,
          policy: policy,
          readers: list.readers.filter { names.contains($0.summary.fileName) },
          deletesEnd: list.deletes.last?.offset.advanced(by: 1) ?? .zero,
          foldedUntil: rollupRun.foldedUntil(list)
        )
        works.append((work, byteCount))
      }
    }
    let worked = paces.reduce(0) { $0 + $1.workedByteCount }
    possible.bytes = max(0, possible.bytes - worked)
    decide(possible, monotonic)
    counters.publish(
      debt: (debt.merges, max(0, debt.bytes - worked)),
      retired: retired.count,
      barred: barred.count,
      control.decision
    )
    return works.sorted { $0.byteCount > $1.byteCount }.map(\.work)
  }

  private func decide(_ waiting: (merges: Int, bytes: Int), _ monotonic: UInt64) {
    let worked = paces.reduce(0) { $0 + $1.workedByteCount }
    let cut = workers.flatMap(\.counters).reduce(UInt64(0)) { sum, store in
      sum &+ store.counters.read(store.partition).cutByteCount
    }
    control.note(
      DebtControl.Look(
        monotonic: monotonic,
        waitingByteCount: waiting.bytes,
        mergeCount: waiting.merges,
        mergedByteCount: mergedByteCount &+ UInt64(worked),
        cutByteCount: cut,
        receivedByteCount: gate.receivedByteCount
      )
    )
    let decision = control.decision
    gate.limit(bytesPerSecond: decision.bytesPerSecond)
    guard decision.isSlowing else { return slowness.clear(at: monotonic) }
    slowness.note(
      "rows are taken more slowly: \(waiting.bytes >> 20) MiB of blocks wait to be merged, of the "
        + "\(control.limit >> 20) that compaction.debt-max allows",
      at: monotonic
    )
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
}
