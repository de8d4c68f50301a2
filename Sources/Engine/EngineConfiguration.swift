/// When an acknowledgement may be sent.
public enum DurabilityMode: String, Sendable, CaseIterable {
  /// After the batch is on the disk. Loses nothing acknowledged, whatever stops.
  case fsync
  /// After the batch is with the operating system, which is synced once a second. A power failure
  /// may lose the last second; a killed process loses nothing.
  case interval
  /// After the batch is with the operating system, which writes when it likes. A power failure may
  /// lose half a minute or so; a killed process loses nothing.
  case os

  /// What an operator risks, in a few words.
  public var risk: String {
    switch self {
    case .fsync: "nothing acknowledged is lost"
    case .interval: "a power failure may lose the last second"
    case .os: "a power failure may lose what the kernel had not written, about 30 s"
    }
  }
}

/// Whether blocks are merged while the server runs.
public enum CompactionMode: String, Sendable, CaseIterable {
  case background
  case none
}

/// Numbers of compaction in the background.
public struct CompactionConfiguration: Sendable {
  public var mode = CompactionMode.background
  /// Neighbouring cuts that are merged into one block.
  public var cutCount = 20
  /// Percent of one processor, while there is little to do.
  public var processorPercent = 50
  /// Bytes of the inputs of one merge: the most that is on the disk twice.
  public var scratchByteCountMax = 256 << 20
  /// Bytes of blocks that may wait to be merged: from half of it on rows are taken more slowly.
  public var debtByteCountMax = 4 << 30
  /// Threads that merge at most, each another partition.
  public var threadCountMax = 1
  /// Age of rows that are merged into cold blocks.
  public var coldAfterNanoseconds: Int64 = 172_800_000_000_000

  public init() {}
}

/// All numbers that bound and pace an ``Engine``. Bytes, nanoseconds and counts; surfaces that take
/// units convert before.
public struct EngineConfiguration: Sendable {
  public var dataDirectory: String
  public var durability = DurabilityMode.fsync
  /// Fixed when the directory is created; an existing directory keeps its own.
  public var partitionCount = 8
  /// Threads that own partitions.
  public var workerCount = 2
  public var seriesMax = 1_000_000
  /// Different sets of fields over all series; a line that needs one more is refused.
  public var fieldSetsMax = 1_000_000
  /// Memory of open rows over all partitions. Reaching it makes partitions cut.
  public var openRowByteCountMax = 1 << 30
  /// Open rows of one series that a cut or a query works on at once.
  public var stretchRowCount = 1 << 17
  public var lineByteCountMax = 1 << 20
  /// Memory of one query's answer and of what it merges.
  public var queryByteCountMax = 256 << 20
  public var queryThreadCount = 2
  /// Queries that may wait for a thread; one more is refused as unavailable.
  public var queryWaitingMax = 256
  /// How long a query may take from its arrival; beyond it it is ended.
  public var queryTimeoutNanoseconds: Int64 = 120_000_000_000
  /// How long a query waits for acknowledged rows to be applied.
  public var queryWaitNanoseconds: Int64 = 10_000_000_000
  /// How long a batch may wait for others before it is committed.
  public var commitDelayNanoseconds: Int64 = 10_000_000
  /// A round of commits is not grown beyond this.
  public var commitByteCountMax = 8 << 20
  /// Time between syncs in ``DurabilityMode/interval``.
  public var syncIntervalNanoseconds: Int64 = 1_000_000_000
  /// Refused lines that are kept to be read back; the older half goes when they are more.
  public var deadLetterByteCountMax = 16 << 20
  public var segmentByteCountMax = 128 << 20
  public var queueRetainByteCount = 1 << 30
  public var queueRetainNanoseconds: Int64 = 3_600_000_000_000
  /// A partition with rows is cut after this time at the latest, so that no slow series pins the
  /// log.
  public var cutIntervalNanoseconds: Int64 = 600_000_000_000
  /// Log bytes of all partitions since their last cuts; beyond it the oldest is cut.
  public var cutLogByteCountMax = 4 << 30
  /// Space on the disk that is kept for cuts, for a disk that is full; 0 for none.
  public var diskReserveByteCount = 0
  public var ringExtentByteCount = 1 << 20
  /// Batches on their way from the log to the workers; beyond it sockets stop being read.
  public var inFlightByteCountMax = 128 << 20
  /// Descriptors that all blocks share.
  public var blockOpenFileCountMax = 256
  public var compaction = CompactionConfiguration()
  public var cold = ColdConfiguration()
  /// What is removed, and when; nothing by default.
  public var retention = RetentionRules()
  /// Windows that live longer than rows; none by default.
  public var rollups = RollupRules()
  /// The feed of closed and restated windows.
  public var feed = FeedConfiguration()

  public init(dataDirectory: String) { self.dataDirectory = dataDirectory }

  /// Numbers that fit the machine: a 64 MiB disk and a small container work too.
  ///
  /// - Parameters:
  ///   - machineMemory: bytes that the process may use.
  ///   - disk: size of the file system in bytes.
  ///   - cores: processors that it may use.
  public static func scaled(
    dataDirectory: String,
    machineMemory: Int,
    disk: Int,
    cores: Int
  ) -> EngineConfiguration {
    var result = EngineConfiguration(dataDirectory: dataDirectory)
    result.workerCount = max(1, min(8, cores))
    result.queryThreadCount = max(1, min(8, cores))
    result.openRowByteCountMax = part(of: machineMemory, 12, 16 << 20...1 << 30)
    result.inFlightByteCountMax = part(of: machineMemory, 64, 8 << 20...128 << 20)
    result.queryByteCountMax = part(of: machineMemory, 32, 16 << 20...256 << 20)
    result.segmentByteCountMax = part(of: disk, 64, 1 << 20...128 << 20)
    result.queueRetainByteCount = part(of: disk, 32, 0...1 << 30)
    result.cutLogByteCountMax = part(of: disk, 8, 4 << 20...4 << 30)
    result.diskReserveByteCount = min(
      result.openRowByteCountMax,
      part(of: disk, 8, 1 << 20...256 << 20)
    )
    result.compaction.scratchByteCountMax = part(of: disk, 32, 1 << 20...256 << 20)
    result.compaction.debtByteCountMax = part(of: disk, 8, 16 << 20...4 << 30)
    result.compaction.threadCountMax = max(1, cores / 2)
    result.cold.cacheByteCount = part(of: machineMemory, 64, 4 << 20...256 << 20)
    result.feed.readersByteCountMax = part(of: machineMemory, 32, 16 << 20...256 << 20)
    result.ringExtentByteCount = disk < 1 << 30 ? 64 << 10 : 1 << 20
    return result
  }

  /// A part of a resource in whole MiB, which people can read, within bounds.
  private static func part(of total: Int, _ divisor: Int, _ bounds: ClosedRange<Int>) -> Int {
    let whole = total / divisor / (1 << 20) * (1 << 20)
    return min(bounds.upperBound, max(bounds.lowerBound, whole))
  }
}
