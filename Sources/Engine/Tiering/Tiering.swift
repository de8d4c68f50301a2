internal import Blocks
internal import Catalog
internal import Cold
internal import Logging
internal import Model
internal import Platform

/// Moves blocks into the cold store while the server runs.
///
/// It copies and compares on a thread of its own, which alone waits for the store. A worker only
/// swaps the reader and renames its manifest; the block's file goes when no view holds it any more.
/// A move that fails harms nothing: it is tried again after a while.
///
/// Belongs to its thread, or to the caller of ``step(monotonic:)`` in a simulation.
final class Tiering: @unchecked Sendable {
  // @unchecked: the variables below are touched by one thread only; `pace` and `counters` are safe.

  /// How often it looks for something to do.
  static let lookNanoseconds: UInt64 = 1_000_000_000
  /// A failed move is tried again after this, then after twice as long and so on.
  static let retryNanosecondsMin: UInt64 = 5_000_000_000
  static let retryNanosecondsMax: UInt64 = 600_000_000_000
  /// Percent of a processor: a tenth of two. A fifth of one copies some 40 MB/s, which is what
  /// compaction makes of 100 M points a second.
  private static let processorPercent = 20

  let counters = TieringCounters()
  private let parts: EngineParts
  private let workers: [PartitionWorker]
  private let files: BlockFiles
  private let tier: ColdTier
  private let reserve: DiskReserve
  private let policy: ColdPolicy
  private let ages: RetentionRules
  private let catalog: Catalog
  private let cache: BlockContentsCache
  private let pace: CompactionPace
  private let directory: DataDirectory
  private var troubles: TroubleLog
  /// Blocks that the manifests have in the cold store.
  private var retired: [BlockReader] = []
  /// Blocks that are not moved until the next start, for they are damaged.
  private var barred: Set<String> = []
  /// Whether there may be blocks in the store without their stubs.
  private var restoresStubs: Bool
  private var isMarked: Bool
  /// Those of them that were tried in vain since all were.
  private var passedOver: Set<String> = []
  private var nextLookAt: UInt64 = 0
  /// How long the last failure made it wait.
  private var waited: UInt64 = 0

  init(
    parts: EngineParts,
    catalog: Catalog,
    workers: [PartitionWorker],
    files: BlockFiles,
    tier: ColdTier,
    reserve: DiskReserve,
    restoresStubs: Bool
  ) {
    self.reserve = reserve
    self.restoresStubs = restoresStubs
    isMarked = tier.wasMarked
    self.parts = parts
    self.workers = workers
    self.files = files
    self.tier = tier
    policy = parts.configuration.cold.policy
    ages = parts.configuration.cold.ages
    self.catalog = catalog
    cache = BlockContentsCache(catalog)
    pace = CompactionPace(clock: parts.clock)
    directory = DataDirectory(parts.configuration.dataDirectory)
    troubles = TroubleLog(
      parts.logger,
      .moveFailed,
      end: (.movesSucceed, "blocks move into the cold store again")
    )
  }

  /// Whether there can ever be something to do.
  var isOn: Bool {
    (parts.configuration.cold.movesBlocks || restoresStubs) && tier.reader != nil
  }

  /// The thread's life.
  func work() {
    while !pace.isStopped {
      let wait = step(monotonic: parts.clock.monotonic())
      if wait > 0 { pace.wait(nanoseconds: min(wait, Self.lookNanoseconds)) }
    }
  }

  /// Ends the thread soon, in the middle of a move if need be.
  func stop() { pace.stop() }

  /// Makes one move, if there is one to make.
  ///
  /// - Returns: nanoseconds to wait before the next call; 0 after a move.
  func step(monotonic: UInt64) -> UInt64 {
    guard monotonic >= nextLookAt else { return nextLookAt - monotonic }
    removeRetired()
    nextLookAt = monotonic &+ Self.lookNanoseconds
    guard let store = tier.reader?.store else { return Self.lookNanoseconds }
    guard parts.configuration.cold.movesBlocks, let work = lookForWork() else {
      if restoresStubs { restore(store, monotonic) }
      return Self.lookNanoseconds
    }
    do throws(BlockMoveError) {
      pace.begin(percent: Self.processorPercent)
      try move(work, into: store)
      waited = 0
      troubles.clear(at: parts.clock.monotonic())
      nextLookAt = monotonic
      return 0
    } catch {
      note(error, work, monotonic)
      // A store that takes nothing may well be read.
      if restoresStubs {
        let (next, wait) = (nextLookAt, waited)
        restore(store, monotonic)
        (nextLookAt, waited) = (next, wait)
      }
      return Self.lookNanoseconds
    }
  }

  private struct Work {
    var worker: PartitionWorker
    var block: BlockSummary
    var reader: BlockReader
    /// Some objects that are in the store.
    var objects: [String]
  }

  /// Opens a block that nobody could read at the start, or writes one of the stubs that are lost,
  /// if there is any such.
  private func restore(_ store: any ObjectStore, _ monotonic: UInt64) {
    var lost: (worker: PartitionWorker, block: BlockSummary, reader: BlockReader?)?
    for worker in workers {
      for (partition, _) in worker.counters {
        // Who does not answer now is asked at the next look.
        guard let list = worker.blockList(of: partition, parts) else { return }
        guard lost == nil else { continue }
        var readers: [String: BlockReader] = [:]
        for reader in list.readers { readers[reader.summary.fileName] = reader }
        for block in list.summaries
        where block.cold != nil && !barred.contains(block.identity.qualifiedName) {
          if passedOver.contains(block.identity.qualifiedName) { continue }
          let reader = readers[block.fileName]
          guard reader?.lacksStub != false else { continue }
          lost = (worker, block, reader)
          break
        }
      }
    }
    guard let lost else {
      restoresStubs = !passedOver.isEmpty
      passedOver = []
      return
    }
    let path = Path.join(
      directory.blocks(Int(lost.block.identity.partition.rawValue)),
      lost.block.storedName
    )
    pace.begin(percent: Self.processorPercent)
    do throws(BlockMoveError) {
      if let reader = lost.reader {
        try BlockMove(disk: parts.disk, store: store).restoreStub(
          lost.block,
          reader,
          stubFolder: Path.directory(of: path)
        ) { [pace] () throws(CompactionError) in try pace.pause() }
      }
      let reader: BlockReader
      do throws(BlockError) {
        reader = try BlockReader.open(cold: lost.block, files, stubPath: path, source: tier.source)
      } catch {
        throw .block(.block(error))
      }
      let swap = BlockReplacement(inputs: [lost.block], outputs: [lost.block], readers: [reader])
      _ = lost.worker.replaceBlocks(of: lost.block.identity.partition, swap, parts)
      if lost.reader != nil {
        parts.logger.log(.stubRestored, .notice, "a stub was written again", ["path": "\(path)"])
      }
      waited = 0
      nextLookAt = monotonic
    } catch {
      if case .block(.stopped) = error { return }
      let name = lost.block.identity.qualifiedName
      // Queries say what is wrong with it; the next start tries again.
      if error.isOfBlock, lost.reader != nil { barred.insert(name) }
      passedOver.insert(name)
      waited = waited == 0 ? Self.retryNanosecondsMin : min(2 * waited, Self.retryNanosecondsMax)
      nextLookAt = monotonic &+ waited
    }
  }

  private static let knownObjectCountMax = 4

  /// The block that is to be moved next.
  private func lookForWork() -> Work? {
    var summaries: [BlockSummary] = []
    var found: [String: Work] = [:]
    var left = barred
    let isCleaned = parts.configuration.compaction.mode == .background
    for worker in workers {
      for (partition, _) in worker.counters {
        guard let list = worker.blockList(of: partition, parts) else { continue }
        summaries += list.summaries
        var readers: [String: BlockReader] = [:]
        for reader in list.readers { readers[reader.summary.fileName] = reader }
        for block in list.summaries {
          let name = block.identity.qualifiedName
          // Deleted rows are left behind: in the cold store they would take their space for good.
          if isCleaned, CompactionPlan.awaitsCleaning(block, among: list.summaries, list.deletes) {
            left.insert(name)
            continue
          }
          if let reader = readers[block.fileName] {
            found[name] = Work(worker: worker, block: block, reader: reader, objects: [])
          } else {
            left.insert(name)
          }
        }
      }
    }
    let now = parts.clock.now()
    cache.keep(Set(found.values.map(\.reader.path)))
    let moves = ColdPlan.moves(of: summaries, policy, now: now, without: left) { [self] block in
      isOld(block, found[block.identity.qualifiedName]?.reader, now)
    } byteCountMax: { [ages, catalog] tenant in
      ages.byteCountMax(tenant: Retention.text(catalog.tenant(tenant)?.name ?? []))
    }
    counters.publish(
      waiting: (moves.count, moves.reduce(0) { $0 + $1.byteCount }),
      barred: barred.count
    )
    guard let first = moves.first, var work = found[first.identity.qualifiedName] else {
      return nil
    }
    work.objects = Array(
      summaries.lazy.compactMap(\.objectKey).prefix(Self.knownObjectCountMax)
    )
    return work
  }

  /// Whether all that a block holds has the age at which it moves.
  private func isOld(_ block: BlockSummary, _ reader: BlockReader?, _ now: Timestamp) -> Bool {
    let tenant = Retention.text(catalog.tenant(block.identity.tenant)?.name ?? [])
    func isOld(_ time: Timestamp, _ age: Int64) -> Bool { age < now && time < now - age }
    let (shortest, longest) = ages.ages(tenant: tenant)
    if isOld(block.lastTimestamp, longest) { return true }
    guard isOld(block.lastTimestamp, shortest), let reader,
      let contents = cache.contents(of: reader)
    else { return false }
    return contents.parts.allSatisfy { measurement, part in
      guard let name = catalog.measurement(measurement)?.name else { return false }
      return isOld(
        part.lastTimestamp,
        ages.age(tenant: tenant, measurement: Retention.text(name))
      )
    }
  }

  /// Remembers that the store has its mark, so that an empty folder is never taken for it. Where
  /// that fails the next move tries it again.
  private func rememberMark() {
    guard var location = (try? ColdLocation.read(parts.disk, directory.coldStore)) ?? nil else {
      return
    }
    location.isMarked = true
    isMarked = (try? parts.disk.replace(directory.coldStore, with: location.encoded)) != nil
  }

  private func move(_ work: Work, into store: any ObjectStore) throws(BlockMoveError) {
    let folder = directory.blocks(Int(work.block.identity.partition.rawValue))
    let began = parts.clock.monotonic()
    do throws(ObjectError) {
      try StoreMark.check(store, has: work.objects, wasMarked: isMarked)
    } catch {
      throw .object(error)
    }
    if !isMarked { rememberMark() }
    // Its object may be there already, and somebody about to remove it.
    let name = work.block.identity.qualifiedName
    tier.underWay.begin(name)
    defer { tier.underWay.end(name) }
    var key: String?
    let (cold, isNew) = try BlockMove(disk: parts.disk, store: store).copy(
      work.block,
      work.reader,
      stubFolder: folder,
      willStore: { [tier] new in
        // Until the manifest names it a kill would leave it behind.
        key = new
        try? tier.unwanted?.remember([new])
      }
    ) { [pace] () throws(CompactionError) in try pace.pause() }
    let reader: BlockReader
    do throws(BlockError) {
      reader = try BlockReader.open(
        cold: cold,
        files,
        stubPath: Path.join(folder, cold.storedName),
        source: tier.source
      )
    } catch {
      throw .block(.block(error))
    }
    let replacement = BlockReplacement(inputs: [work.block], outputs: [cold], readers: [reader])
    switch work.worker.replaceBlocks(of: cold.identity.partition, replacement, parts) {
    case .done:
      if let key {
        tier.unwanted?.forget([key])
        try? tier.unwanted?.write()
      }
    case .failed(let failure): throw .block(.system(failure))
    case .refused:
      // It was merged or removed meanwhile: nobody will ever ask for the copy.
      // One that was there before somebody else may name.
      tier.underWay.end(name)
      if isNew, let key = cold.objectKey {
        try? tier.unwanted?.remember([key])
        tier.unwanted?.release([key])
      }
      try? parts.disk.remove(Path.join(folder, cold.storedName))
      throw .block(.stopped)
    // Nobody knows whether it comes to be: both copies stay, the next look tells.
    case nil: throw .block(.stopped)
    }
    retired.append(work.reader)
    counters.moved(cold.byteCount, nanoseconds: parts.clock.monotonic() &- began)
  }

  private func note(_ error: BlockMoveError, _ work: Work, _ monotonic: UInt64) {
    switch error {
    case .block(.stopped): return
    case .block(.system(let failure)) where failure.isDiskFull && reserve.release():
      // The stub finds room now, and the block leaves more than that behind.
      return
    case .block(.damaged), .block(.block): barred.insert(work.block.identity.qualifiedName)
    case .block(.system), .object:
      waited = waited == 0 ? Self.retryNanosecondsMin : min(2 * waited, Self.retryNanosecondsMax)
      nextLookAt = monotonic &+ waited
    }
    counters.failed()
    troubles.note(
      "block \(work.block.identity.qualifiedName) was not moved into the cold store and stays "
        + "where it is: \(error.text)",
      at: parts.clock.monotonic()
    )
  }

  /// Removes the files of moved blocks that nobody reads any more. One that cannot be removed is
  /// what the next start removes.
  private func removeRetired() {
    var kept: [BlockReader] = []
    while var reader = retired.popLast() {
      guard isKnownUniquelyReferenced(&reader) else {
        kept.append(reader)
        continue
      }
      try? parts.disk.remove(reader.path)
    }
    retired = kept
  }
}
