internal import Blocks
internal import Catalog
internal import LineProtocol
internal import Logging
internal import Model
internal import Platform
internal import Queue
internal import Synchronization

/// The live parts of an engine: catalog, committer, workers and their threads.
final class RunningEngine: Sendable {
  let parts: EngineParts
  let catalog: Catalog
  let committer: Committer
  let workers: [PartitionWorker]
  let workerOfPartition: [Int]
  let reserve: DiskReserve
  let deadLetters: DeadLetterLog
  let feed: ChangeFeed
  let compaction: BackgroundCompaction
  let gate = IngestGate()
  let tiering: Tiering
  let retention: Retention
  let ledgerWatch: LedgerWatch
  private let threads = Mutex<[WorkerThread]>([])
  /// Those that ask workers for blocks: merging and moving.
  private let blockThreads = Mutex<[WorkerThread]>([])
  private let isStopping = Atomic<Bool>(false)
  let statistics = Mutex<[ReceiverStatistics]>([])
  /// Held while a snapshot is made.
  let snapshotting = Mutex<Void>(())

  init(
    parts: EngineParts,
    catalog: Catalog,
    committer: Committer,
    workers: [PartitionWorker],
    workerOfPartition: [Int],
    reserve: DiskReserve,
    deadLetters: DeadLetterLog,
    blockFiles: BlockFiles,
    retention: Retention,
    epoch: Epoch
  ) {
    self.parts = parts
    self.catalog = catalog
    self.committer = committer
    self.workers = workers
    self.workerOfPartition = workerOfPartition
    self.reserve = reserve
    self.deadLetters = deadLetters
    self.retention = retention
    ledgerWatch = LedgerWatch(logger: parts.logger, clock: parts.clock)
    compaction = BackgroundCompaction(
      parts: parts,
      catalog: catalog,
      workers: workers,
      files: blockFiles,
      retention: retention,
      gate: gate
    )
    tiering = Tiering(
      parts: parts,
      catalog: catalog,
      workers: workers,
      files: blockFiles,
      tier: parts.cold,
      reserve: reserve,
      restoresStubs: workers.contains { worker in
        worker.stores.contains { store in
          store.blocks.contains(where: \.lacksStub) || store.unread.contains { $0.cold != nil }
        }
      }
    )
    feed = ChangeFeed(
      FeedSources(
        parts: parts,
        catalog: catalog,
        workers: workers,
        workerOfPartition: workerOfPartition,
        epoch: epoch.rawValue
      )
    )
  }

  func makeReceiver(onSettled: @escaping @Sendable () -> Void) throws(EngineError) -> Receiver {
    let statistics = ReceiverStatistics()
    self.statistics.withLock { $0.append(statistics) }
    let port = ReceiverPort(onSettled: onSettled)
    committer.register(port)
    let parser = LineParser(
      options: LineParserOptions(
        lineByteCountMax: parts.configuration.lineByteCountMax,
        verdictsMax: Receiver.refusalsPerLook
      ),
      partitionCount: parts.configuration.partitionCount,
      resolver: CatalogResolver(catalog: catalog, retention: retention)
    )
    return Receiver(
      parser: parser,
      catalog: catalog,
      port: port,
      deadLetters: deadLetters,
      authorizer: parts.authorizer,
      clock: parts.clock,
      defaultTenant: .default,
      statistics: statistics,
      gate: gate,
      refuses: { [committer] in committer.isRefusing }
    )
  }

  // MARK: Threads

  /// The committer and workers sleep at most this long, so that timers are looked at.
  private static let idleNanoseconds: UInt64 = 50_000_000

  func startThreads() throws(SystemError) {
    var started: [WorkerThread] = []
    started.append(
      try WorkerThread(name: "committer") { [self] in
        // A full disk gives way and fills again while cuts make room: one trouble.
        var refusals = TroubleLog(
          parts.logger,
          .writesRefused,
          end: (.writesTaken, "writes are taken again"),
          calmNanoseconds: 5_000_000_000
        )
        while !isStopping.load(ordering: .relaxed) {
          let wait = committer.step(monotonic: parts.clock.monotonic())
          if committer.isRefusing {
            refusals.note(
              "writes are refused: \(committer.statistics.refusal ?? "the log cannot go on")",
              at: parts.clock.monotonic()
            )
          } else {
            refusals.clear(at: parts.clock.monotonic())
          }
          if wait > 0 { _ = committer.signal.wait(timeoutNanoseconds: wait) }
        }
      }
    )
    for (index, worker) in workers.enumerated() {
      started.append(
        try WorkerThread(name: "worker-\(index)") { [self] in
          var failures = TroubleLog(
            parts.logger,
            .cutFailed,
            end: (.cutsSucceed, "cuts succeed again")
          )
          while !isStopping.load(ordering: .relaxed) {
            let worked = worker.step(monotonic: parts.clock.monotonic())
            releaseCommitted(worker)
            switch worker.takeCutOutcome() {
            case .failure(let failure):
              failures.note(
                "a cut failed and will be tried again, the log keeps its rows: \(failure)",
                at: parts.clock.monotonic()
              )
            case .success:
              failures.clear(at: parts.clock.monotonic())
              if let entry = worker.takeUnbalanced() {
                ledgerWatch.tell(named(entry, pending: 0))
              }
            case nil: break
            }
            if !worked {
              _ = worker.port.signal.wait(timeoutNanoseconds: Self.idleNanoseconds)
            }
          }
        }
      )
    }
    started.append(try WorkerThread(name: "feed") { [self] in feed.work() })
    if compaction.isNeeded {
      let thread = try WorkerThread(name: "compaction") { [self] in compaction.work() }
      blockThreads.withLock { $0.append(thread) }
    }
    if tiering.isOn {
      let thread = try WorkerThread(name: "tiering") { [self] in tiering.work() }
      blockThreads.withLock { $0.append(thread) }
    }
    threads.withLock { $0 = started }
  }

  /// Tells the log what the worker's manifests have committed, so that segments may go.
  private func releaseCommitted(_ worker: PartitionWorker) {
    for store in worker.stores {
      committer.release(store.partition, below: store.manifest.nextOffset)
    }
  }

  func stopThreads() {
    // They may wait for a worker, so that they end first.
    compaction.stop()
    tiering.stop()
    for thread in blockThreads.withLock({ $0 }) { thread.join() }
    isStopping.store(true, ordering: .relaxed)
    committer.signal.set()
    for worker in workers { worker.port.signal.set() }
    for thread in threads.withLock({ $0 }) { thread.join() }
    for worker in workers { worker.close() }
    // What receivers handed over last is committed; its rows wait in the log for the next start.
    while !committer.finish(monotonic: parts.clock.monotonic()) {
      for worker in workers { worker.discardBatches() }
    }
  }

  /// One turn of everything, on the caller's thread.
  func step() -> Bool {
    let monotonic = parts.clock.monotonic()
    var worked = committer.step(monotonic: monotonic) == 0
    for worker in workers {
      worked = worker.step(monotonic: monotonic) || worked
      releaseCommitted(worker)
    }
    feed.step(monotonic: monotonic)
    if compaction.isNeeded {
      worked = compaction.step(monotonic: monotonic) == 0 || worked
    }
    if tiering.isOn { worked = tiering.step(monotonic: monotonic) == 0 || worked }
    return worked
  }

  // MARK: Flush

  /// How long a flush may take before its caller is told that it failed.
  static let flushNanoseconds: Int64 = 25_000_000_000

  private var acknowledgedOffsets: [PartitionID: Offset] {
    var result: [PartitionID: Offset] = [:]
    for (index, worker) in workerOfPartition.enumerated() {
      let partition = PartitionID(UInt16(index))
      result[partition] = workers[worker].port.durableOffset(of: partition)
    }
    return result
  }

  private func sendFlush() -> [Completion] {
    let offsets = acknowledgedOffsets
    return workers.map { worker in
      let completion = Completion()
      worker.mailbox.send(.flush(applied: offsets, completion: completion))
      return completion
    }
  }

  func flushAndWait(nanoseconds: Int64 = flushNanoseconds) throws(EngineError) {
    let end = parts.clock.monotonic() &+ UInt64(nanoseconds)
    for completion in sendFlush() {
      let left = Int64(clamping: end) - Int64(clamping: parts.clock.monotonic())
      guard let outcome = completion.wait(timeoutNanoseconds: max(0, left)) else {
        throw .system(SystemError(code: SystemError.Code.timedOut, operation: "flush", path: "cut"))
      }
      if let failure = outcome { throw .system(failure) }
    }
  }

  /// The same on the caller's thread.
  func flushInline() throws(EngineError) {
    let completions = sendFlush()
    // Each step does some of the work; a cut that cannot finish fails its flush.
    var outcomes: [SystemError?] = []
    for (index, completion) in completions.enumerated() {
      while true {
        if let outcome = completion.wait(timeoutNanoseconds: 0) {
          outcomes.append(outcome)
          break
        }
        _ = workers[index].step(monotonic: parts.clock.monotonic())
      }
    }
    if let failure = outcomes.compactMap({ $0 }).first { throw .system(failure) }
  }
}
