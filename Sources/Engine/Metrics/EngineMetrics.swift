internal import Catalog
internal import Cold
public import Model
public import Platform
internal import Queue
internal import Synchronization

/// Numbers of an engine for `/metrics`, as of a moment. Cheap to take; sums over threads.
public struct EngineMetrics: Sendable {
  public struct Partition: Sendable {
    public var partition: PartitionID
    public var appliedBatchCount: UInt64 = 0
    public var appliedRowCount: UInt64 = 0
    public var appliedPointCount: UInt64 = 0
    /// The first offset that is not applied.
    public var appliedOffset: UInt64 = 0
    /// The first offset that is in no block.
    public var cutOffset: UInt64 = 0
    /// Durable rows that are not applied, and how long the oldest waits.
    public var lagRowCount: UInt64 = 0
    public var lagNanoseconds: Int64 = 0
    public var openByteCount = 0
    public var openRowCount = 0
    /// Log bytes that a recovery would replay.
    public var openLogByteCount = 0
    /// Cuts since the directory was made.
    public var cutCount: UInt64 = 0
    /// Since the start, as all that follows.
    public var cuts: [CutCause: UInt64] = [:]
    public var cutFailureCount: UInt64 = 0
    public var cutRowCount: UInt64 = 0
    public var cutByteCount: UInt64 = 0
    public var cutDurations = DurationHistogram.Counts()
    public var restatedWindowCount: UInt64 = 0
    /// Rows whose layout nobody knows or that did not decode.
    public var unreadableRowCount = 0
    public var blockCount = 0
    public var blockByteCount = 0
    public var blockPointCount: UInt64 = 0
    /// Blocks that lie in the cold store; those above lie here.
    public var coldBlockCount = 0
    public var coldByteCount = 0
    public var coldPointCount: UInt64 = 0
    public var minuteRollups = RollupFiles()
    public var hourRollups = RollupFiles()
    public var freezeFailureCount: UInt64 = 0
    public var ring = Ring()
  }

  /// Hours of one partition that answer from windows, and their bytes.
  public struct Ring: Sendable {
    public var openHourCount = 0
    public var frozenHourCount = 0
    public var openByteCount = 0
    public var frozenByteCount = 0
    /// Rows that came for frozen hours.
    public var patchByteCount = 0
  }

  /// Merges of blocks in the background, since the start.
  public struct Compaction: Sendable {
    public var mergeCount: UInt64 = 0
    public var failureCount: UInt64 = 0
    public var pointCount: UInt64 = 0
    public var bytesRead: UInt64 = 0
    public var bytesWritten: UInt64 = 0
    /// Of blocks that wait to be merged, and in how many merges.
    public var debtByteCount = 0
    public var debtMergeCount = 0
    /// Merged already, but still read by somebody.
    public var retiredFileCount = 0
    /// Left alone until the next start, because a block is damaged.
    public var barredFileCount = 0
    /// Threads that may merge now.
    public var threadCount = 1
    /// Bytes of line protocol a second that are taken because of what waits; any number mostly.
    public var ingestByteRateMax = Double.infinity
    /// What is not taken of the rate before rows were slowed: 0 ... 0.9.
    public var ingestSlowedRatio = 0.0

    public init() {}
  }

  /// The cold store, since the start.
  public struct Cold: Sendable {
    /// `nil` when there is none.
    public var location: String?
    public var moveCount: UInt64 = 0
    public var failureCount: UInt64 = 0
    public var movedByteCount: UInt64 = 0
    public var movingNanoseconds: UInt64 = 0
    /// Blocks that are to be moved.
    public var waitingBlockCount = 0
    public var waitingByteCount = 0
    /// Left here until the next start, because they are damaged.
    public var barredBlockCount = 0
    public var requestCount: UInt64 = 0
    public var readByteCount: UInt64 = 0
    public var readFailureCount: UInt64 = 0
    public var cacheHitCount: UInt64 = 0
    public var cacheByteCount = 0
    /// Objects that could not be read when they were last asked for: path and reason, some of them.
    public var troubles: [(object: String, reason: String)] = []

    public init() {}
  }

  /// What retention has removed since the start.
  public struct Retention: Sendable {
    public struct Removed: Sendable {
      public var blockCount: UInt64 = 0
      public var pointCount: UInt64 = 0
      public var byteCount: UInt64 = 0

      public init() {}
    }

    /// By cause.
    public var removed: [String: Removed] = [:]
    /// Removals that the disk refused.
    public var failureCount: UInt64 = 0
  }

  /// The rollups of one unit.
  public struct RollupFiles: Sendable {
    public var fileCount: UInt64 = 0
    public var byteCount: UInt64 = 0
    public var windowCount: UInt64 = 0
  }

  /// What was made of rollups since the start.
  public struct Rollups: Sendable {
    public var foldedDayCount: UInt64 = 0
    public var fileCount: UInt64 = 0
    public var byteCount: UInt64 = 0
    public var windowCount: UInt64 = 0
    /// Groups that could not be read, of blocks or of rollups.
    public var damagedGroupCount: UInt64 = 0
    public var failureCount: UInt64 = 0
  }

  public struct Queries: Sendable {
    public var runningCount = 0
    public var waitingCount = 0
    /// Memory that running queries hold.
    public var byteCount = 0
    /// Answers with warnings.
    public var partialAnswerCount: UInt64 = 0
    public var durations: [(kind: QueryKind, outcome: String, counts: DurationHistogram.Counts)] =
      []
  }

  public struct Names: Sendable {
    public var tenants = 0
    public var measurements = 0
    public var fields = 0
    public var fieldSets = 0
    public var series = 0
    public var layouts = 0
    public var byteCount = 0
  }

  public struct Damages: Sendable {
    /// Found when the data was opened.
    public var notes = 0
    public var damages = 0
    public var unreadable = 0
    /// Files in `quarantine/`.
    public var quarantinedFileCount = 0
  }

  public var partitions: [Partition] = []
  public var receivedByteCount: UInt64 = 0
  public var parsedRowCount: UInt64 = 0
  public var parsedPointCount: UInt64 = 0
  public var refusedLines: [RefusalReason: UInt64] = [:]
  /// From the end of the loop round that asked until the answer.
  public var acknowledgementDurations = DurationHistogram.Counts()
  public var appendedBatchCount: UInt64 = 0
  public var appendedRowCount: UInt64 = 0
  public var appendedPointCount: UInt64 = 0
  public var appendedByteCount: UInt64 = 0
  public var failedBatchCount: UInt64 = 0
  public var removedSegmentCount: UInt64 = 0
  /// Batches in flight from the log to the workers.
  public var inFlightByteCount = 0
  public var logByteCount = 0
  public var segmentCount = 0
  /// How far back the log reaches: what has come since then can be read again.
  public var logNanoseconds: Int64 = 0
  public var syncDurations = DurationHistogram.Counts()
  public var roundDurations = DurationHistogram.Counts()
  public var isRefusing = false
  /// Space that is kept for cuts, and how often one needed it.
  public var diskReserveByteCount = 0
  public var diskReserveReleaseCount: UInt64 = 0
  public var refusal: String?
  public var names = Names()
  public var compaction = Compaction()
  public var cold = Cold()
  public var retention = Retention()
  public var rollups = Rollups()
  public var queries = Queries()
  public var deadLetterCount: UInt64 = 0
  public var droppedDeadLetterCount: UInt64 = 0
  public var damages = Damages()
  public var recoverySeconds: Double = 0
  public var replayedRowCount = 0
  /// Of the file system that holds the data directory; `nil` when it does not tell.
  public var disk: (free: Int, total: Int)?

  public init() {}
}

extension Engine {
  /// Takes the numbers; those of the data are zeros until replay is done.
  public func metrics() -> EngineMetrics {
    var result = (try? running())?.metrics() ?? EngineMetrics()
    result.queries = queries.read()
    result.queries.waitingCount = pool.waitingCount
    let report = recovered.withLock { $0 }
    for damage in report.damages {
      switch damage.severity {
      case .note: result.damages.notes += 1
      case .damage: result.damages.damages += 1
      case .unreadable: result.damages.unreadable += 1
      }
    }
    result.recoverySeconds = report.seconds
    result.replayedRowCount = report.replayedRows
    result.damages.quarantinedFileCount = (try? disk.list(directory.quarantine))?.count ?? 0
    result.disk = try? disk.space(at: directory.path)
    return result
  }
}

extension RunningEngine {
  func metrics() -> EngineMetrics {
    var result = EngineMetrics()
    let now = parts.clock.now()
    for worker in workers {
      for store in worker.counters {
        var partition = store.counters.read(store.partition)
        let lag = worker.port.lag(of: store.partition, now: now)
        partition.lagRowCount = lag.rows
        partition.lagNanoseconds = lag.nanoseconds
        result.partitions.append(partition)
      }
      result.inFlightByteCount += worker.port.inFlightByteCount
    }
    result.partitions.sort { $0.partition < $1.partition }
    for statistics in statistics.withLock({ $0 }) { statistics.add(to: &result) }
    addQueue(to: &result, now: now)
    let names = catalog.statistics()
    result.names.tenants = names.tenants
    result.names.measurements = names.measurements
    result.names.fields = names.fields
    result.names.fieldSets = names.fieldSets
    result.names.series = names.series
    result.names.layouts = names.layouts
    result.names.byteCount = names.byteCount
    result.compaction = compaction.counters.metrics
    addCold(to: &result.cold)
    result.retention = compaction.retentionCounters.metrics
    result.rollups = compaction.rollupCounters.metrics
    let letters = deadLetters.statistics
    result.deadLetterCount = letters.letters
    result.droppedDeadLetterCount = letters.dropped
    return result
  }

  private func addCold(to result: inout EngineMetrics.Cold) {
    tiering.counters.add(to: &result)
    guard let reader = parts.cold.reader else { return }
    result.location = reader.store.location
    let read = reader.statistics
    result.requestCount = read.requestCount
    result.readByteCount = read.byteCount
    result.readFailureCount = read.failureCount
    result.cacheHitCount = read.hitCount
    result.cacheByteCount = read.cacheByteCount
    result.troubles = reader.troubles.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private func addQueue(to result: inout EngineMetrics, now: Timestamp) {
    let commits = committer.statistics
    result.appendedBatchCount = commits.batches
    result.appendedRowCount = commits.rows
    result.appendedPointCount = commits.points
    result.appendedByteCount = commits.byteCount
    result.failedBatchCount = commits.failedBatches
    result.removedSegmentCount = commits.removedSegments
    result.logByteCount = commits.logByteCount
    result.segmentCount = commits.segmentCount
    result.logNanoseconds = commits.logBeginning.map { max(0, now - $0) } ?? 0
    result.syncDurations = committer.syncDurations.counts
    result.roundDurations = committer.roundDurations.counts
    result.isRefusing = committer.isRefusing
    result.diskReserveByteCount = reserve.heldByteCount
    result.diskReserveReleaseCount = reserve.releases
    result.refusal = commits.refusal
  }
}
