internal import Blocks
internal import Logging
internal import Model
public import Platform

/// Compacts a data directory that no server uses: applies what the log still holds, cuts, and
/// merges each partition's blocks into large cold ones.
public struct OfflineCompaction {
  /// What is to be done, known before anything is written.
  public struct Plan: Sendable {
    public var stepCount = 0
    public var pointCount: UInt64 = 0
    public var byteCount = 0
    /// The most that is on the disk twice at a time.
    public var scratchByteCount = 0
  }

  /// What is done so far.
  public struct Progress: Sendable {
    public var stepsDone = 0
    public var pointsDone: UInt64 = 0
    public var bytesRead = 0
    public var bytesWritten = 0

    func adding(_ other: CompactionProgress) -> Progress {
      var sum = self
      sum.stepsDone += other.stepsDone
      sum.pointsDone += other.pointsDone
      sum.bytesRead += other.bytesRead
      sum.bytesWritten += other.bytesWritten
      return sum
    }
  }

  /// Why a partition was left as it was.
  public struct Fault: Sendable {
    public var partition: Int
    public var text: String
  }

  private let configuration: EngineConfiguration
  private let disk: any Disk
  private let clock: any Clock
  private let threading: Engine.Threading

  public init(
    _ configuration: EngineConfiguration,
    disk: any Disk,
    clock: any Clock,
    threading: Engine.Threading = .threads
  ) {
    self.configuration = configuration
    self.disk = disk
    self.clock = clock
    self.threading = threading
  }

  /// Opens the directory as a server would and closes it again, which leaves everything in blocks.
  ///
  /// - Throws: ``EngineError/inUse(path:)`` beside a live server.
  public func applyLog() throws(EngineError) {
    let logger = Logger(label: "varve.compact") { _ in SwiftLogNoOpLogHandler() }
    var configuration = configuration
    // The server's own limits hold from its next start on.
    configuration.queueRetainByteCount = .max
    configuration.queueRetainNanoseconds = .max
    let engine = try Engine(
      configuration,
      disk: disk,
      clock: clock,
      logger: logger,
      threading: threading
    )
    _ = try engine.start()
    try engine.stop()
  }

  /// Looks at the manifests.
  public func plan() throws(EngineError) -> Plan {
    try locked { compactors throws(EngineError) in
      var plan = Plan()
      for compactor in compactors {
        for step in try wrap({ () throws(SystemError) in try compactor.plan() }) {
          plan.stepCount += 1
          plan.pointCount += step.pointCount
          plan.byteCount += step.inputByteCount
          plan.scratchByteCount = max(plan.scratchByteCount, step.inputByteCount)
        }
      }
      return plan
    }
  }

  /// Compacts partition after partition.
  ///
  /// - Parameter report: called after each step with what is done in all.
  /// - Returns: what was done, and the partitions that a damaged block stopped.
  public func run(
    _ report: (Progress) -> Void
  ) throws(EngineError) -> (Progress, [Fault]) {
    try locked { compactors throws(EngineError) in
      var total = Progress()
      var faults: [Fault] = []
      for (index, compactor) in compactors.enumerated() {
        let before = total
        do throws(CompactionError) {
          total = before.adding(try compactor.run { report(before.adding($0)) })
        } catch {
          if case .system(let failure) = error { throw .system(failure) }
          faults.append(Fault(partition: index, text: error.text))
        }
      }
      return (total, faults)
    }
  }

  /// Runs `body` on every partition while the directory is held.
  private func locked<Result>(
    _ body: ([PartitionCompactor]) throws(EngineError) -> Result
  ) throws(EngineError) -> Result {
    let directory = DataDirectory(configuration.dataDirectory)
    let lock: any FileLock
    do throws(SystemError) { lock = try disk.lock(directory.lock) } catch {
      throw .inUse(path: directory.path)
    }
    defer { lock.release() }
    var damages: [Damage] = []
    let count = try directory.open(
      disk: disk,
      partitionCount: configuration.partitionCount,
      clock: clock,
      damages: &damages
    )
    return try body(
      (0..<count).map { index in
        PartitionCompactor(
          disk: disk,
          directory: directory.partition(index),
          partition: PartitionID(UInt16(index)),
          policy: .offline
        )
      }
    )
  }
}
