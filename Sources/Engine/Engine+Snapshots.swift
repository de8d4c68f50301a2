internal import Blocks
internal import Model
internal import Platform
internal import Queue
internal import Synchronization

extension Engine {
  /// Makes a consistent copy of the data directory in its folder `snapshots`, with hard links,
  /// while everything goes on: all that was acknowledged before the call is in it.
  ///
  /// The log's open segment is finished first, so that what is linked does not grow; then each
  /// worker links the blocks of the manifest that it has, which covers at least what the log does
  /// not; the catalog comes last and knows all their names.
  public func snapshot() async throws(EngineError) -> SnapshotReport {
    let running = try running()
    let snapshots = Snapshots(
      disk: disk,
      directory: directory,
      unwanted: running.parts.cold.unwanted
    )
    let isManual = threading == .manual
    if isManual { return try running.snapshot(snapshots, isManual: true) }
    let outcome: Result<SnapshotReport, EngineError> = await withCheckedContinuation {
      continuation in
      do throws(SystemError) {
        _ = try WorkerThread(name: "snapshot") {
          continuation.resume(
            returning: Result { () throws(EngineError) in
              try running.snapshot(snapshots, isManual: false)
            }
          )
        }
      } catch {
        continuation.resume(returning: .failure(.system(error)))
      }
    }
    return try outcome.get()
  }

  /// The names of the snapshots, oldest first.
  public func snapshotNames() throws(EngineError) -> [String] {
    let snapshots = Snapshots(disk: disk, directory: directory)
    return try wrap { () throws(SystemError) in try snapshots.names() }
  }

  /// Removes a snapshot. Blocks, also while one is being made.
  ///
  /// - Returns: `false` when there is none of that name.
  /// - Throws: ``EngineError/inUse(path:)`` when somebody serves it.
  public func removeSnapshot(_ name: String) throws(EngineError) -> Bool {
    var snapshots = Snapshots(disk: disk, directory: directory)
    guard let running = try? running() else { return try remove(name, snapshots) }
    snapshots.unwanted = running.parts.cold.unwanted
    return try running.snapshotting.withLock { [snapshots] (_) throws(EngineError) in
      try remove(name, snapshots)
    }
  }

  private func remove(_ name: String, _ snapshots: Snapshots) throws(EngineError) -> Bool {
    let names = try wrap { () throws(SystemError) in try snapshots.names() }
    guard Snapshots.isName(name), names.contains(name) else { return false }
    // Who serves it would go on writing into files without names.
    let lock = try Self.takeLock(DataDirectory(snapshots.path(of: name)), disk)
    defer { lock.release() }
    try wrap { () throws(SystemError) in try snapshots.remove(name) }
    return true
  }
}

extension RunningEngine {
  /// How long a worker or the committer may take to answer.
  private static let answerNanoseconds: Int64 = 25_000_000_000

  func snapshot(
    _ snapshots: Snapshots,
    isManual: Bool
  ) throws(EngineError) -> SnapshotReport {
    // One at a time: the next one would take this one's folder for a leftover.
    try snapshotting.withLock { (_) throws(EngineError) in
      try wrap { () throws(SystemError) in try makeSnapshot(snapshots, isManual: isManual) }
    }
  }

  private func makeSnapshot(
    _ snapshots: Snapshots,
    isManual: Bool
  ) throws(SystemError) -> SnapshotReport {
    let start = parts.clock.monotonic()
    var report = SnapshotReport()
    report.name = Snapshots.name(at: parts.clock.now(), salt: start)
    report.path = snapshots.path(of: report.name)
    let partitionCount = workerOfPartition.count
    let target = try snapshots.begin(report.name, partitionCount: partitionCount)
    do throws(SystemError) {
      report.linkCount += try linkSegments(target, isManual: isManual)
      let replies = workers.map { worker in
        let reply = Promise<Result<[PartitionCopy], SystemError>>()
        worker.mailbox.send(.snapshot(target, reply: reply))
        return reply
      }
      for (worker, reply) in zip(workers, replies) {
        if isManual { _ = worker.step(monotonic: parts.clock.monotonic()) }
        for copy in try Self.answer(reply, "worker") {
          report.linkCount += copy.linkCount
          try ManifestStore(
            disk: parts.disk,
            directory: target.partition(Int(copy.manifest.partition.rawValue)),
            partition: copy.manifest.partition
          ).commit(copy.manifest)
        }
      }
      try snapshots.copyNames(into: target)
      try snapshots.finish(target, report.name, partitionCount: partitionCount)
    } catch {
      snapshots.abandon()
      throw error
    }
    report.nanoseconds = parts.clock.monotonic() &- start
    return report
  }

  private func linkSegments(
    _ target: DataDirectory,
    isManual: Bool
  ) throws(SystemError) -> Int {
    let reply = Promise<Result<Int, SystemError>>()
    committer.linkSegments(into: target.queue) { reply.fulfil($0) }
    if isManual { _ = committer.step(monotonic: parts.clock.monotonic()) }
    return try Self.answer(reply, "log")
  }

  private static func answer<Value: Sendable>(
    _ reply: Promise<Result<Value, SystemError>>,
    _ who: String
  ) throws(SystemError) -> Value {
    guard let result = reply.wait(timeoutNanoseconds: answerNanoseconds) else {
      throw SystemError(code: SystemError.Code.timedOut, operation: "snapshot", path: who)
    }
    return try result.get()
  }
}

/// A partition's part of a snapshot.
struct PartitionCopy: Sendable {
  var manifest: Manifest
  var linkCount = 0
}
