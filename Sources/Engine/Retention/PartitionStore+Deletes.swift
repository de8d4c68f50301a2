internal import Blocks
internal import Model

extension PartitionStore {
  /// Whether a delete can be applied: all rows of smaller offsets are in blocks.
  var isSealed: Bool { cut == nil && current.isEmpty }

  /// Notes a delete, the blocks that it acts on and the days whose rollups it changes. The log
  /// repeats it after a crash, which changes nothing: rows that came later have greater offsets,
  /// and are in no block yet.
  func delete(_ record: DeleteRecord, _ header: BatchHeader) -> BlockSwap {
    precondition(isSealed)
    guard !record.range.isEmpty,
      !manifest.deletes.contains(where: { $0.offset == header.offset })
    else { return .done }
    let readers = Dictionary(uniqueKeysWithValues: blocks.map { ($0.summary.fileName, $0) })
    let hit = manifest.blocks.filter { block in
      block.identity.tenant == header.tenant && block.meets(record.range)
        && mayHold(record, readers[block.fileName])
    }
    var next = manifest
    if !hit.isEmpty {
      let delete = BlockDelete(
        tenant: header.tenant,
        offset: header.offset,
        record: record,
        pending: hit.map(\.identity.a)
      )
      // One that was carried out before a crash comes again behind later ones.
      let place = next.deletes.firstIndex { $0.offset > header.offset } ?? next.deletes.count
      next.deletes.insert(delete, at: place)
    }
    // Raw rows may be gone of days that rollups have windows of.
    next.rollups.delete(record, of: header.tenant, cut: next.cut)
    guard next != manifest else { return .done }
    let outcome = commit(next, blocks: blocks) { hour in
      let range = TimeRange.hour(hour)
      return !hit.isEmpty && range.start < record.range.end && record.range.start < range.end
    }
    if case .done = outcome {
      for block in blocks { manifest.deletes.leaveOutRows(of: block) }
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
