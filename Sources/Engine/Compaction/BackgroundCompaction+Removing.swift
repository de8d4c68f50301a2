internal import Blocks
internal import Model
internal import Platform
internal import Synchronization

/// Rollups and retention, and files that nobody needs any more.
extension BackgroundCompaction {
  /// The blocks of every partition, and whose they are.
  private func blockLists() -> (
    lists: [(partition: PartitionID, list: BlockList)], owners: [PartitionID: PartitionWorker]
  ) {
    var lists: [(partition: PartitionID, list: BlockList)] = []
    var owners: [PartitionID: PartitionWorker] = [:]
    for worker in workers {
      for (partition, _) in worker.counters {
        guard let list = worker.blockList(of: partition, parts) else { continue }
        lists.append((partition, list))
        owners[partition] = worker
      }
    }
    return (lists, owners)
  }

  func makeRollups(monotonic: UInt64) {
    let (lists, owners) = blockLists()
    pace.begin(percent: parts.configuration.compaction.processorPercent)
    retiredRollups += rollupRun.run(lists, monotonic: monotonic) { [parts] partition, made in
      owners[partition]?.replaceRollups(of: partition, made, parts)
    } pause: { [pace] () throws(CompactionError) in
      try pace.pause()
    }
  }

  func removeExpired(monotonic: UInt64) {
    var (lists, owners) = blockLists()
    let gone = retentionRun.run(
      lists,
      monotonic: monotonic,
      foldedUntil: rollupRun.foldedUntil
    ) { [parts] partition, removal in
      owners[partition]?.removeBlocks(of: partition, removal, parts)
    }
    retired += gone.compactMap(\.reader)
    removeFiles(of: gone.filter { $0.reader == nil }.map(\.summary))
    // The lists go first, so that files that nobody else reads can go at once.
    lists = []
  }

  /// Removes the inputs that nobody reads any more. One that cannot be removed is what the next
  /// start removes.
  func removeRetired() {
    var kept: [BlockReader] = []
    var unread: [BlockSummary] = []
    while var reader = retired.popLast() {
      if isKnownUniquelyReferenced(&reader) {
        unread.append(reader.summary)
      } else {
        kept.append(reader)
      }
    }
    retired = kept
    removeFiles(of: unread)
    removeRetiredRollups()
    objects.retry(monotonic: parts.clock.monotonic(), unlessNamed: namedObjects)
  }

  /// Objects that are removed while moves wait.
  private static let objectCountMax = 100

  /// Removes objects that only a snapshot had, which is gone now, and those that a process before
  /// this one has left.
  func removeUnwanted() {
    guard let unwanted = parts.cold.unwanted else { return }
    while !pace.isStopped {
      let keys = unwanted.next(Self.objectCountMax)
      let now = parts.clock.monotonic()
      // Without all manifests nobody knows what is named: the next look does.
      guard !keys.isEmpty, objects.remove(keys, monotonic: now, unlessNamed: namedObjects) else {
        break
      }
      unwanted.tried(keys.count)
    }
    try? unwanted.write()
  }

  /// The objects that the manifests name; `nil` when a worker does not answer.
  private func namedObjects() -> Set<String>? {
    let (lists, _) = blockLists()
    guard lists.count == parts.configuration.partitionCount else { return nil }
    return Set(lists.flatMap { $0.list.summaries.compactMap(\.objectKey) })
  }

  private func removeRetiredRollups() {
    var kept: [RollupReader] = []
    while var reader = retiredRollups.popLast() {
      guard isKnownUniquelyReferenced(&reader) else {
        kept.append(reader)
        continue
      }
      try? parts.disk.remove(reader.path)
    }
    retiredRollups = kept
  }

  /// Removes blocks; those that lie in the cold store from there, and their stubs behind them: a
  /// stub that no manifest names tells the next start of an object that may still be there.
  private func removeFiles(of blocks: [BlockSummary]) {
    let keys = blocks.compactMap(\.objectKey)
    if !keys.isEmpty {
      let now = parts.clock.monotonic()
      if !objects.remove(keys, monotonic: now, unlessNamed: namedObjects) {
        try? parts.cold.unwanted?.remember(keys)
        parts.cold.unwanted?.release(keys)
      }
    }
    for block in blocks {
      let folder = directory.blocks(Int(block.identity.partition.rawValue))
      try? parts.disk.remove(Path.join(folder, block.storedName))
      CrashPoint.compactionRemoving.reach()
    }
  }
}
