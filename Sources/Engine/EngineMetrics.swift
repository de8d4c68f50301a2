internal import Catalog
public import Model
internal import Platform
internal import Queue
internal import Synchronization

/// Numbers of an engine for `/metrics`, as of a moment. Cheap to take; sums over partitions.
public struct EngineMetrics: Sendable {
  public struct Partition: Sendable {
    public var partition: PartitionID
    /// The first offset that is not applied.
    public var appliedOffset: UInt64 = 0
    /// The first offset that is in no block.
    public var cutOffset: UInt64 = 0
    public var openByteCount = 0
    public var openRowCount = 0
    /// Log bytes that a recovery would replay.
    public var openLogByteCount = 0
    public var blockCount = 0
    public var blockByteCount: UInt64 = 0
    public var cutCount: UInt64 = 0
    /// Rows whose layout nobody knows or that did not decode.
    public var unreadableRowCount = 0
  }

  public var partitions: [Partition] = []
  public var receivedByteCount: UInt64 = 0
  public var refusedLineCount: UInt64 = 0
  public var appendedBatchCount: UInt64 = 0
  public var appendedRowCount: UInt64 = 0
  public var appendedPointCount: UInt64 = 0
  public var appendedByteCount: UInt64 = 0
  public var failedBatchCount: UInt64 = 0
  /// Batches in flight from the log to the workers.
  public var inFlightByteCount = 0
  public var logByteCount = 0
  public var segmentCount = 0
  /// Syncs of the log: upper bounds of buckets in nanoseconds (`nil` is the last) with their
  /// counts, and the total time.
  public var syncBuckets: [(upTo: UInt64?, count: UInt64)] = []
  public var syncNanoseconds: UInt64 = 0
  public var isRefusing = false
  public var refusal: String?
  public var cutFailureCount: UInt64 = 0
  public var seriesCount = 0
  public var catalogByteCount = 0
  public var deadLetterCount: UInt64 = 0

  public init() {}
}

extension Engine {
  /// Takes the numbers; zeros until replay is done.
  public func metrics() -> EngineMetrics {
    guard let running = try? running() else { return EngineMetrics() }
    return running.metrics()
  }
}

extension RunningEngine {
  func metrics() -> EngineMetrics {
    var result = EngineMetrics()
    for worker in workers {
      let gauges = worker.gauges.read()
      result.partitions += gauges.partitions
      result.cutFailureCount += gauges.cutFailures
      result.inFlightByteCount += worker.port.inFlightByteCount
    }
    result.partitions.sort { $0.partition < $1.partition }
    for statistics in statistics.withLock({ $0 }) {
      result.receivedByteCount += statistics.bytes.load(ordering: .relaxed)
      result.refusedLineCount += statistics.refused.load(ordering: .relaxed)
    }
    let commits = committer.statistics
    result.appendedBatchCount = commits.batches
    result.appendedRowCount = commits.rows
    result.appendedPointCount = commits.points
    result.appendedByteCount = commits.byteCount
    result.failedBatchCount = commits.failedBatches
    result.logByteCount = commits.logByteCount
    result.segmentCount = commits.segmentCount
    result.syncBuckets = commits.syncs.counts.enumerated().map {
      (LatencyHistogram.bound(ofBucket: $0.offset), $0.element)
    }
    result.syncNanoseconds = commits.syncs.sumNanoseconds
    result.isRefusing = committer.isRefusing
    result.refusal = commits.refusal
    let names = catalog.statistics()
    result.seriesCount = names.series
    result.catalogByteCount = names.byteCount
    result.deadLetterCount = deadLetters.statistics.letters
    return result
  }
}

/// Numbers that an event loop counts: relaxed atomics, one set per receiver.
final class ReceiverStatistics: Sendable {
  let bytes = Atomic<UInt64>(0)
  let refused = Atomic<UInt64>(0)

  func count(bytes count: Int) { bytes.wrappingAdd(UInt64(count), ordering: .relaxed) }
  func count(refused count: Int) { refused.wrappingAdd(UInt64(count), ordering: .relaxed) }
}

/// Numbers that a worker publishes after each step.
final class WorkerGauges: Sendable {
  private struct State {
    var partitions: [EngineMetrics.Partition]
    var cutFailures: UInt64 = 0
  }

  private let state: Mutex<State>

  init(partitions: [PartitionID]) {
    state = Mutex(State(partitions: partitions.map { .init(partition: $0) }))
  }

  func publish(_ partitions: [EngineMetrics.Partition]) {
    state.withLock { $0.partitions = partitions }
  }

  func cutFailed() { state.withLock { $0.cutFailures += 1 } }

  func read() -> (partitions: [EngineMetrics.Partition], cutFailures: UInt64) {
    state.withLock { ($0.partitions, $0.cutFailures) }
  }
}
