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
    for block in gone {
      if let reader = block.reader {
        retired.append(reader)
      } else {
        removeFiles(of: block.summary)
      }
    }
    // The lists go first, so that files that nobody else reads can go at once.
    lists = []
  }

  /// Removes the inputs that nobody reads any more. One that cannot be removed is what the next
  /// start removes.
  func removeRetired() {
    var kept: [BlockReader] = []
    while var reader = retired.popLast() {
      guard isKnownUniquelyReferenced(&reader) else {
        kept.append(reader)
        continue
      }
      removeFiles(of: reader.summary)
      CrashPoint.compactionRemoving.reach()
    }
    retired = kept
    removeRetiredRollups()
    objects.retry(monotonic: parts.clock.monotonic())
  }

  /// Removes objects that only a snapshot had, which is gone now.
  func removeUnpinned() {
    let blocks = unpinned.withLock { $0 }
    guard !blocks.isEmpty else { return }
    let (lists, _) = blockLists()
    // Without all manifests nobody knows what is named: the next look does.
    guard lists.count == parts.configuration.partitionCount else { return }
    unpinned.withLock { $0.removeFirst(blocks.count) }
    let named = Set(lists.flatMap { $0.list.summaries.compactMap(\.objectKey) })
    var asked: Set<String> = []
    for block in blocks {
      guard let key = block.objectKey, !named.contains(key), asked.insert(key).inserted else {
        continue
      }
      objects.remove(block, monotonic: parts.clock.monotonic())
    }
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

  /// Removes a block; one that lies in the cold store from there, with its stub.
  private func removeFiles(of block: BlockSummary) {
    let folder = directory.blocks(Int(block.identity.partition.rawValue))
    try? parts.disk.remove(Path.join(folder, block.storedName))
    objects.remove(block, monotonic: parts.clock.monotonic())
  }
}
