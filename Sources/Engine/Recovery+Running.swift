internal import Blocks
internal import Catalog
internal import Platform
internal import Queue

/// The last step of a start: what serves from then on.
extension Recovery {
  func makeRunning(
    _ catalog: Catalog,
    _ log: Log,
    _ workers: [PartitionWorker],
    _ reserve: DiskReserve
  ) -> RunningEngine {
    let workerOfPartition = (0..<parts.configuration.partitionCount).map { $0 % workers.count }
    var options = CommitOptions()
    options.mode = parts.configuration.durability.commitMode
    options.lingerNanosecondsMax = UInt64(parts.configuration.commitDelayNanoseconds)
    options.lingerNanosecondsMin = options.lingerNanosecondsMax / 5
    options.byteCountMax = parts.configuration.commitByteCountMax
    options.syncNanoseconds = UInt64(parts.configuration.syncIntervalNanoseconds)
    var letters = DeadLetterLog.Options()
    letters.fileByteCountMax = parts.configuration.deadLetterByteCountMax / letters.fileCountMax
    let committer = Committer(
      log: log,
      workers: workers.map(\.port),
      workerOfPartition: workerOfPartition,
      prepare: { version throws(SystemError) in
        try reserve.check()
        try catalog.sync(upTo: version)
      },
      prepareDeletes: { version throws(SystemError) in
        _ = reserve.release()
        try catalog.sync(upTo: version)
      },
      makeRoom: {
        for worker in workers {
          worker.mailbox.send(.flush(applied: [:], completion: Completion()))
        }
      },
      options: options,
      clock: parts.clock
    )
    return RunningEngine(
      parts: parts,
      catalog: catalog,
      committer: committer,
      workers: workers,
      workerOfPartition: workerOfPartition,
      reserve: reserve,
      deadLetters: DeadLetterLog(
        disk: disk,
        directory: directory.deadLetters,
        clock: parts.clock,
        options: letters
      ),
      blockFiles: blockFiles,
      retention: retention,
      epoch: log.epoch
    )
  }
}
