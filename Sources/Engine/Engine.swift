internal import Blocks
internal import Catalog
public import Cold
internal import LineProtocol
public import Logging
internal import Model
public import Platform
internal import Query
internal import Queue
internal import Synchronization

/// The storage engine: opens and recovers a data directory, owns its threads, takes batches from
/// receivers and answers queries. The only type that knows every module.
///
/// Life: ``init(_:disk:clock:logger:authorizer:threading:objectStore:)`` takes the directory,
/// ``start()`` replays, ``stop()`` drains, cuts and closes. Safe from any thread in between.
public final class Engine: Sendable {
  /// Who runs the committer and the workers.
  public enum Threading: Sendable {
    case threads
    /// Nobody: the caller calls ``step()``. For simulations, where one seed decides everything.
    case manual
  }

  public let configuration: EngineConfiguration
  let directory: DataDirectory
  let disk: any Disk
  let clock: any Clock
  let logger: Logger
  let authorizer: any Authorizer
  let threading: Threading
  private let lock: any FileLock
  private let objectStore: (any ObjectStore)?
  private let identityDamages: [Damage]
  private let state = Mutex<State>(.replaying(ReplayProgress()))
  let pool: QueryPool
  let queries = QueryCounters()
  let prompt = PromptQueries()
  private let flushing = SharedCall<Result<Void, EngineError>>(name: "flush")
  let readingLedger = SharedCall<[LedgerRow]>(name: "ledger")
  /// What the last start found; empty before it is done.
  let recovered = Mutex(RecoveryReport())

  enum State {
    case replaying(ReplayProgress)
    case running(RunningEngine)
    case stopping(RunningEngine)
    case stopped
    case failed(String)
  }

  /// Takes the data directory, creating it when it is not there. Quick: nothing is replayed.
  ///
  /// - Parameter objectStore: the cold store, in place of the one that the configuration names.
  /// - Throws: ``EngineError/inUse(path:)`` when another process holds the directory,
  ///   ``EngineError/foreignDirectory(path:found:)`` when it is not ours.
  public init(
    _ configuration: EngineConfiguration,
    disk: any Disk,
    clock: any Clock,
    logger: Logger,
    authorizer: any Authorizer = OpenAuthorizer(),
    threading: Threading = .threads,
    objectStore: (any ObjectStore)? = nil
  ) throws(EngineError) {
    var configuration = configuration
    let directory = DataDirectory(configuration.dataDirectory)
    var damages: [Damage] = []
    try wrap { () throws(SystemError) in try disk.createDirectory(directory.path) }
    lock = try Self.takeLock(directory, disk)
    configuration.partitionCount = try directory.open(
      disk: disk,
      partitionCount: configuration.partitionCount,
      clock: clock,
      damages: &damages
    )
    self.configuration = configuration
    self.directory = directory
    self.disk = disk
    self.clock = clock
    self.logger = logger
    self.authorizer = authorizer
    self.threading = threading
    self.objectStore = objectStore
    identityDamages = damages
    pool = QueryPool(waitingMax: configuration.queryWaitingMax)
  }

  static func takeLock(
    _ directory: DataDirectory,
    _ disk: any Disk
  ) throws(EngineError) -> any FileLock {
    do throws(SystemError) {
      return try disk.lock(directory.lock)
    } catch {
      throw error.isHeld ? .inUse(path: directory.path) : .system(error)
    }
  }

  /// Opens everything and applies what the log holds beyond the last cuts. Blocks; the readiness
  /// tells how far it is. A damaged file never stops it: it is set aside and reported.
  public func start() throws(EngineError) -> RecoveryReport {
    do throws(EngineError) {
      var parts = EngineParts(
        configuration: configuration,
        disk: disk,
        clock: clock,
        logger: logger,
        authorizer: authorizer,
        pool: pool,
        threading: threading
      )
      parts.cold = try ColdTier.open(parts, directory, store: objectStore)
      let snapshots = Snapshots(disk: disk, directory: directory, unwanted: parts.cold.unwanted)
      // What cannot go now goes before the next snapshot is made.
      try? snapshots.removeUnfinished()
      var recovery = Recovery(parts: parts, damages: identityDamages)
      let running = try recovery.run { progress in
        state.withLock { $0 = .replaying(progress) }
      }
      if threading == .threads {
        try wrap { () throws(SystemError) in
          try running.startThreads()
          try pool.start(threadCount: configuration.queryThreadCount)
        }
      }
      recovered.withLock { $0 = recovery.report }
      state.withLock { $0 = .running(running) }
      return recovery.report
    } catch {
      state.withLock { $0 = .failed("\(error)") }
      throw error
    }
  }

  public var readiness: Readiness {
    state.withLock { state in
      switch state {
      case .replaying(let progress):
        .replaying(fraction: progress.fraction, secondsLeft: progress.secondsLeft)
      case .running: .ready
      case .stopping, .stopped: .stopping
      case .failed(let reason): .failed(reason)
      }
    }
  }

  /// Places where the start found that stored bytes are not what was written; notes do not count.
  public var damageCount: Int {
    recovered.withLock { report in report.damages.count { $0.severity != .note } }
  }

  /// The parts that exist once replay is done.
  func running() throws(EngineError) -> RunningEngine {
    let found: Result<RunningEngine, EngineError> = state.withLock { state in
      switch state {
      case .running(let running), .stopping(let running): .success(running)
      case .replaying, .failed: .failure(.notReady)
      case .stopped: .failure(.stopped)
      }
    }
    return try found.get()
  }

  // MARK: Input

  /// A receiver for one event loop.
  ///
  /// - Parameter onSettled: called on the committer's thread when acknowledgements may be answered;
  ///   hop to the loop and call ``Receiver/settle()`` there.
  public func makeReceiver(
    onSettled: @escaping @Sendable () -> Void
  ) throws(EngineError) -> Receiver {
    try running().makeReceiver(onSettled: onSettled)
  }

  /// What holds listeners back while merges are behind; `nil` until replay is done.
  package var ingestGate: IngestGate? { (try? running())?.gate }

  // MARK: Control

  /// Cuts every partition up to all that was acknowledged when it was called.
  public func flush() async throws(EngineError) {
    let running = try running()
    if threading == .manual { return try running.flushInline() }
    let outcome = await flushing.run {
      Result { () throws(EngineError) in try running.flushAndWait() }
    } failed: {
      .failure(.system($0))
    }
    try outcome.get()
  }

  /// Ends the engine: commits what receivers have handed over, cuts every partition and closes the
  /// files. Receivers must be idle. A cut that fails (a full disk) or takes too long loses nothing:
  /// the log has it.
  ///
  /// - Parameter cutNanoseconds: how long the last cuts may take.
  public func stop(
    cutNanoseconds: Int64 = 25_000_000_000
  ) throws(EngineError) {
    let running = try running()
    state.withLock { $0 = .stopping(running) }
    running.feed.stop(reason: "the server is stopping")
    pool.close()
    queries.cancelAll()
    do throws(EngineError) {
      if threading == .manual {
        try running.flushInline()
      } else {
        try running.flushAndWait(nanoseconds: cutNanoseconds)
      }
    } catch {
      logger.log(
        .lastCutFailed,
        .error,
        "the last cut failed, the next start replays the log instead: \(error)"
      )
    }
    running.stopThreads()
    // Queries that waited for a worker have been refused by now.
    pool.join()
    state.withLock { $0 = .stopped }
    lock.release()
  }

  /// Runs the committer and every worker once; only with ``Threading/manual``.
  ///
  /// - Returns: whether anything was done.
  @discardableResult
  public func step() throws(EngineError) -> Bool {
    precondition(threading == .manual)
    return try running().step()
  }
}

/// How far replay is.
struct ReplayProgress {
  var bytesDone = 0
  var bytesTotal = 0
  var secondsSpent: Double = 0

  var fraction: Double { bytesTotal == 0 ? 0 : Double(bytesDone) / Double(bytesTotal) }
  var secondsLeft: Double? {
    fraction > 0.01 ? secondsSpent * (1 - fraction) / fraction : nil
  }
}
