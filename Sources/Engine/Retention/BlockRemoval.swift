internal import Blocks
internal import Model

/// Blocks of a partition that are to go, and whose points they held.
struct BlockRemoval: Sendable {
  var blocks: [BlockSummary]
  var points: [Removals.Key: UInt64]
}

extension PartitionStore {
  /// Takes blocks out of the manifest, and the hours of the ring that had windows of them: one
  /// rename commits it all. Whoever reads the blocks now goes on doing so.
  func removeBlocks(_ removal: BlockRemoval) -> BlockSwap {
    // A cut commits the ring with its own manifest.
    guard cut == nil else { return .refused }
    let names = Set(removal.blocks.map(\.fileName))
    let gone = manifest.blocks.filter { names.contains($0.fileName) }
    guard gone.count == names.count else { return .refused }
    var next = manifest
    next.blocks.removeAll { names.contains($0.fileName) }
    for block in gone {
      next.removals.add(
        Removals.Range(tenant: block.identity.tenant, a: block.identity.a, b: block.identity.b)
      )
    }
    next.removals.add(removal.points)
    next.deletes.replace(gone, with: [], before: Offset(.max))
    return commit(next, blocks: blocks.filter { !names.contains($0.summary.fileName) }) { hour in
      gone.contains { $0.meets(TimeRange.hour(hour)) }
    }
  }

  /// Notes a delete and the blocks that it acts on. The log repeats it after a crash, which changes
  /// nothing: rows that came later have greater offsets, and are in no block yet.
  func delete(_ record: DeleteRecord, _ header: BatchHeader) -> BlockSwap {
    precondition(isSealed)
    guard !manifest.deletes.contains(where: { $0.offset == header.offset }) else { return .done }
    let readers = Dictionary(uniqueKeysWithValues: blocks.map { ($0.summary.fileName, $0) })
    let hit = manifest.blocks.filter { block in
      block.identity.tenant == header.tenant && block.meets(record.range)
        && mayHold(record, readers[block.fileName])
    }
    guard !hit.isEmpty else { return .done }
    let delete = BlockDelete(
      tenant: header.tenant,
      offset: header.offset,
      record: record,
      pending: hit.map(\.identity.a)
    )
    var next = manifest
    next.deletes.append(delete)
    let outcome = commit(next, blocks: blocks) { hour in
      let range = TimeRange.hour(hour)
      return range.start < record.range.end && record.range.start < range.end
    }
    if case .done = outcome {
      for block in blocks { leaveOutDeleted(from: block) }
    }
    return outcome
  }

  /// Series that are looked up in an index; for more of them a block is taken to hold one.
  private static let lookedUpMax = 16

  /// Whether a block has rows of a delete.
  private func mayHold(_ record: DeleteRecord, _ block: BlockReader?) -> Bool {
    guard let block, record.series.count <= Self.lookedUpMax else { return true }
    return record.series.contains { series in
      guard let entries = try? block.groups(series: series) else { return true }
      return entries.contains {
        record.range.meets(first: $0.firstTimestamp, last: $0.lastTimestamp)
      }
    }
  }
}
