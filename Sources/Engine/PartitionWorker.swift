internal import Blocks
internal import Model
internal import Platform
internal import Queue
internal import Synchronization

/// One thread's share of the work: applies durable batches to the partitions it owns, cuts them,
/// and hands views to queries.
///
/// ``step(now:)`` does a bounded piece of it, so that a thread can run it for ever and a simulation
/// one step at a time.
final class PartitionWorker: @unchecked Sendable {
  // @unchecked: `stores` and the fields below are touched by whoever holds `turn`: the worker's
  // thread in its steps, and between them a query that takes a view. Other requests come in through
  // the mailbox, numbers go out through `counters`.

  /// Batches applied before requests and cuts get their turn.
  static let batchesPerStep = 64
  /// A failed cut is tried again after this.
  static let cutRetryNanoseconds: UInt64 = 1_000_000_000

  let port: WorkerPort
  let mailbox: Mailbox
  /// The counters of each partition, for anybody.
  let counters: [(partition: PartitionID, counters: PartitionCounters)]
  private(set) var stores: [PartitionStore]
  private let limits: CutLimits
  private let reserve: DiskReserve
  private let clock: any Clock
  /// Whose turn it is; says whether the worker has ended.
  private let turn = Mutex(false)
  private var waiting: [Mailbox.Request] = []
  private var flushing: [Flush] = []
  private var cutRetryAt: UInt64 = 0
  private var cutOutcome: Result<Void, SystemError>?
  private var unbalanced: LedgerEntry?
  /// After a cut failed during replay: the open bytes that are worth another attempt.
  private var replayCutAbove = 0
  /// A delete that waits until all rows before it are in blocks; nothing is applied meanwhile.
  private var stalled: RowBatch?
  private var deleteRetryAt: UInt64 = 0
  /// Where changes are announced; set before the worker runs.
  var feed: FeedPort?
  private var scanning = 0
  private var nextScanAt: UInt64 = 0
  private var freezeRetryAt: UInt64 = 0
  /// While rows come in, a freeze waits until then.
  private var freezePausedUntil: UInt64 = 0
  private var freezeLookAt: UInt64 = 0
  private var settleAt: UInt64 = 0

  private struct Flush {
    /// The offsets that must be in blocks, by index into `stores`.
    var targets: [Offset]
    var completion: Completion
  }

  init(
    port: WorkerPort,
    stores: [PartitionStore],
    limits: CutLimits,
    reserve: DiskReserve,
    clock: any Clock
  ) {
    self.port = port
    self.reserve = reserve
    self.clock = clock
    mailbox = Mailbox(signal: port.signal)
    self.stores = stores
    self.limits = limits
    counters = stores.map { ($0.partition, $0.counters) }
  }

  /// Applies what has come, answers requests, advances cuts.
  ///
  /// - Parameter monotonic: the clock of waits and retries, nanoseconds.
  /// - Returns: whether anything was done; if not, the thread may sleep.
  func step(monotonic: UInt64) -> Bool {
    turn.withLock { _ in work(monotonic: monotonic) }
  }

  /// A view of a partition on the caller's thread, while the worker's own sleeps and all that was
  /// acknowledged is applied: no thread has to be woken. `nil` otherwise: ask by the mailbox.
  func viewAtOnce(of partition: PartitionID, series: [SeriesID]) -> StoreView? {
    let applied = port.durableOffset(of: partition)
    let view: StoreView?? = turn.withLockIfAvailable { hasEnded in
      guard !hasEnded, let store = store(of: partition), store.nextOffset >= applied else {
        return nil
      }
      return store.view(of: series)
    }
    return view ?? nil
  }

  private func work(monotonic: UInt64) -> Bool {
    var worked = applyBatches(monotonic: monotonic)
    worked = answerRequests() || worked
    worked = advanceCuts(monotonic: monotonic) || worked
    worked = advanceFreezes(monotonic: monotonic, isBusy: worked) || worked
    settleMemory(monotonic: monotonic)
    scanChanges(monotonic: monotonic)
    for store in stores { store.counters.publish(store) }
    return worked
  }

  private func applyBatches(monotonic: UInt64) -> Bool {
    var count = 0
    if let batch = stalled {
      guard applyDelete(batch, monotonic: monotonic) else { return false }
      stalled = nil
      count += 1
    }
    // Open rows beyond twice the budget wait for their cut: the port fills, the committer stops
    // taking, sockets stop being read.
    while count < Self.batchesPerStep, openByteCount < 2 * limits.openByteCount,
      let batch = port.pop()
    {
      count += 1
      guard batch.header.kind == .delete else {
        store(of: batch.header.partition)?.apply(batch)
        continue
      }
      guard applyDelete(batch, monotonic: monotonic) else {
        stalled = batch
        break
      }
    }
    return count > 0
  }

  /// Applies a delete once what came before it is in blocks.
  ///
  /// - Returns: whether it is done.
  private func applyDelete(_ batch: RowBatch, monotonic: UInt64) -> Bool {
    guard let store = store(of: batch.header.partition),
      batch.header.offset >= store.nextOffset
    else { return true }
    guard store.isSealed else {
      if monotonic >= cutRetryAt { store.beginCut(.delete) }
      return false
    }
    guard monotonic >= deleteRetryAt else { return false }
    guard let failure = store.applyDelete(batch) else { return true }
    if failure.isDiskFull, reserve.release() { return false }
    deleteRetryAt = monotonic &+ Self.cutRetryNanoseconds
    cutOutcome = .failure(failure)
    store.counters.cutFailed()
    return false
  }

  /// Applies a batch that the log gives back at a start, and cuts when the budget is spent, so that
  /// a restart needs no more memory than running.
  ///
  /// - Throws: when a delete cannot be applied (a full disk): what it deletes must not come back.
  func replay(_ batch: RowBatch) throws(SystemError) {
    if batch.header.kind == .delete { return try replayDelete(batch) }
    store(of: batch.header.partition)?.apply(batch)
    guard openByteCount > max(limits.openByteCount, replayCutAbove),
      let largest = stores.max(by: { $0.openByteCount < $1.openByteCount })
    else { return }
    largest.beginCut(.replay)
    while true {
      switch largest.stepCut() {
      case .goesOn: continue
      case .done: return
      case .failed(let failure):
        if failure.isDiskFull, reserve.release() { continue }
        // A full disk, perhaps: not again for every batch.
        replayCutAbove = openByteCount + limits.openByteCount / 8
        return
      }
    }
  }

  private func replayDelete(_ batch: RowBatch) throws(SystemError) {
    guard let store = store(of: batch.header.partition),
      batch.header.offset >= store.nextOffset
    else { return }
    while !store.isSealed {
      store.beginCut(.delete)
      guard case .failed(let failure) = store.stepCut() else { continue }
      guard failure.isDiskFull, reserve.release() else { throw failure }
    }
    guard let failure = store.applyDelete(batch) else { return }
    guard failure.isDiskFull, reserve.release() else { throw failure }
    if let failure = store.applyDelete(batch) { throw failure }
  }

  private var openByteCount: Int { stores.reduce(0) { $0 + $1.openByteCount } }

  private func store(of partition: PartitionID) -> PartitionStore? {
    stores.first { $0.partition == partition }
  }

  // MARK: Requests

  private func answerRequests() -> Bool {
    waiting.append(contentsOf: mailbox.takeAll())
    guard !waiting.isEmpty else { return false }
    var later: [Mailbox.Request] = []
    var answered = 0
    for request in waiting where !request.isAbandoned {
      if answer(request) { answered += 1 } else { later.append(request) }
    }
    waiting = later
    return answered > 0
  }

  /// Answers `request`, unless it waits for offsets that are not applied yet.
  private func answer(_ request: Mailbox.Request) -> Bool {
    switch request {
    case .view(let partition, let series, let applied, let reply):
      guard let store = store(of: partition) else {
        reply.fulfil(nil)
        return true
      }
      guard store.nextOffset >= applied else { return false }
      reply.fulfil(store.view(of: series))
    case .closed(let partition, let pairs, let reply):
      reply.fulfil(store(of: partition)?.areClosed(pairs) ?? pairs.map { _ in true })
    case .ledger(let reply):
      reply.fulfil(stores.map { ($0.partition, $0.liveLedger()) }.flatMap(\.1))
    case .snapshot(let target, let reply):
      reply.fulfil(
        Result { () throws(SystemError) in
          try stores.map { store throws(SystemError) in try store.link(into: target) }
        }
      )
    case .flush(let applied, let completion):
      for store in stores {
        guard let offset = applied[store.partition] else { continue }
        guard store.nextOffset >= offset else { return false }
      }
      flushing.append(Flush(targets: stores.map(\.nextOffset), completion: completion))
      // Whoever asks wants to know how it is now.
      cutRetryAt = 0
    case .replaceRollups(let partition, let replacement, let reply):
      reply.fulfil(store(of: partition)?.replaceRollups(replacement))
    case .blocks(let partition, let reply):
      reply.fulfil(store(of: partition)?.blockList)
    case .replaceBlocks(let partition, let replacement, let reply):
      reply.fulfil(
        store(of: partition).map { store in committing { store.replaceBlocks(replacement) } }
      )
    case .removeBlocks(let partition, let removal, let reply):
      reply.fulfil(
        store(of: partition).map { store in committing { store.removeBlocks(removal) } }
      )
    }
    return true
  }

  /// Commits what makes room afterwards: on a full disk with the space that is kept for cuts.
  private func committing(_ commit: () -> BlockSwap) -> BlockSwap {
    let swap = commit()
    guard case .failed(let failure) = swap, failure.isDiskFull, reserve.release() else {
      return swap
    }
    return commit()
  }

  /// Refuses whatever still waits, and all that comes: the thread has ended.
  func close() {
    turn.withLock { $0 = true }
    for request in waiting + mailbox.close() { request.refuse() }
    waiting = []
    finishFlushes(failure: Mailbox.closed)
    // What is durable and not applied waits in the log for the next start.
    discardBatches()
  }

  /// Makes room for the committer once nothing is applied any more.
  func discardBatches() { while port.pop() != nil {} }

  // MARK: Cuts

  private func advanceCuts(monotonic: UInt64) -> Bool {
    if monotonic >= cutRetryAt { chooseCuts(monotonic: monotonic) }
    var worked = false
    for store in stores where store.cut != nil && monotonic >= cutRetryAt {
      switch store.stepCut() {
      case .goesOn: break
      case .done:
        cutOutcome = .success(())
        unbalanced = unbalanced ?? store.ledger.unbalanced
      case .failed(let failure):
        // Again, with what was kept for it.
        if failure.isDiskFull, reserve.release() { break }
        cutRetryAt = monotonic &+ Self.cutRetryNanoseconds
        store.counters.cutFailed()
        cutOutcome = .failure(failure)
        finishFlushes(failure: failure)
      }
      worked = true
    }
    finishFlushes(failure: nil)
    return worked
  }

  private func chooseCuts(monotonic: UInt64) {
    let isOneUnderWay = stores.contains { $0.cut != nil }
    for (index, store) in stores.enumerated() where store.cut == nil && !store.current.isEmpty {
      let isWanted = flushing.contains { store.manifest.nextOffset < $0.targets[index] }
      // Staggered: the share of the budget at which a partition cuts differs by its place, so that
      // the cuts of a fleet's minute do not fall together.
      let share = limits.openByteCount / max(1, stores.count)
      let threshold = share / 2 + share * (index + 1) / (2 * stores.count)
      let isFull = store.openByteCount >= threshold && !isOneUnderWay
      // Batches of this very step were applied after `monotonic` was taken.
      let first = store.current.firstAppliedAt ?? monotonic
      let age = monotonic > first ? monotonic - first : 0
      let isOld = age >= UInt64(limits.intervalNanoseconds)
      let isLong = store.openLogByteCount >= limits.logByteCount / max(1, limits.partitionCount)
      if isWanted {
        store.beginCut(.flush)
      } else if isFull {
        store.beginCut(.budget)
      } else if isOld {
        store.beginCut(.age)
      } else if isLong {
        store.beginCut(.log)
      }
    }
  }

  /// How the last cut since the call before ended, if one did.
  func takeCutOutcome() -> Result<Void, SystemError>? {
    defer { cutOutcome = nil }
    return cutOutcome
  }

  /// An entry of the ledger that did not balance after a cut since the call before.
  func takeUnbalanced() -> LedgerEntry? {
    defer { unbalanced = nil }
    return unbalanced
  }

  /// Memory of cut rows that no newer ones took for so long goes back to the system.
  static let settleNanoseconds: UInt64 = 60_000_000_000

  private func settleMemory(monotonic: UInt64) {
    guard monotonic >= settleAt else { return }
    settleAt = monotonic &+ Self.settleNanoseconds
    for store in stores { store.slabs.settle() }
  }

  // MARK: Freezing

  /// Advances one freeze a little: while rows come in for a quarter of the time, so that they do
  /// not wait, else all the time.
  private func advanceFreezes(monotonic: UInt64, isBusy: Bool) -> Bool {
    guard monotonic >= freezeRetryAt, !isBusy || monotonic >= freezePausedUntil else {
      return false
    }
    if monotonic >= freezeLookAt {
      freezeLookAt = monotonic &+ Self.freezeLookNanoseconds
      if !stores.contains(where: { $0.freezer != nil }) {
        for store in stores where store.freezer == nil {
          store.beginFreeze()
          if store.freezer != nil { break }
        }
      }
    }
    guard let store = stores.first(where: { $0.isFreezing && $0.cut == nil }) else { return false }
    let isDone = store.stepFreeze()
    if !isDone {
      freezeRetryAt = monotonic &+ Self.freezeRetryNanoseconds
      store.counters.freezeFailed()
    }
    if store.freezer == nil { freezeLookAt = monotonic }
    let after = clock.monotonic()
    freezePausedUntil = after &+ 3 &* (after &- monotonic)
    return isDone
  }

  /// A failed freeze is tried again after this; until then the hour is answered as before.
  static let freezeRetryNanoseconds: UInt64 = 10_000_000_000
  /// How often a worker looks for hours to freeze.
  static let freezeLookNanoseconds: UInt64 = 1_000_000_000

  private func finishFlushes(failure: SystemError?) {
    flushing.removeAll { flush in
      if let failure {
        flush.completion.fulfil(failure)
        return true
      }
      let isDone = stores.indices.allSatisfy {
        stores[$0].manifest.nextOffset >= flush.targets[$0]
      }
      if isDone { flush.completion.fulfil(nil) }
      return isDone
    }
  }

  // MARK: Changes

  /// Looks for windows to announce, once a second while anybody listens.
  private func scanChanges(monotonic: UInt64) {
    guard let feed else { return }
    let session = feed.session
    if session != scanning {
      for store in stores { store.endScans() }
      scanning = session
      nextScanAt = 0
    }
    // A feed that has not announced the last ones yet gets none: they wait in the trackers.
    guard session > 0, monotonic >= nextScanAt, feed.isReady else { return }
    nextScanAt = monotonic &+ feed.configuration.scanNanoseconds
    feed.publish(
      stores.map { store in
        var scan = store.scan(
          wantsGrowth: feed.wantsGrowth,
          pendingCountMax: feed.configuration.pendingCountMax
        )
        scan.session = session
        return scan
      }
    )
  }
}

/// When a worker cuts.
struct CutLimits: Sendable {
  /// Open-row memory of the worker's partitions together.
  var openByteCount: Int
  var intervalNanoseconds: Int64
  /// Log bytes of all partitions since their last cuts.
  var logByteCount: Int
  var partitionCount: Int
}
