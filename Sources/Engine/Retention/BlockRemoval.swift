internal import Blocks
internal import Model

/// Blocks of a partition that are to go, and whose points they held.
struct BlockRemoval: Sendable {
  var blocks: [BlockSummary]
  var points: [Removals.Key: UInt64]
  /// The first days of which raw rows are left; matters where the partition has rollups.
  var rawFrom: [MeasurementID: Int64] = [:]
}

extension PartitionStore {
  /// Takes blocks out of the manifest, and the hours of the ring that had windows of them: one
  /// rename commits it all. Whoever reads the blocks now goes on doing so.
  func removeBlocks(_ removal: BlockRemoval) -> BlockSwap {
    // A cut commits the ring with its own manifest.
    guard cut == nil else { return .refused }
    let names = Set(removal.blocks.map(\.fileName))
    // As they were when they were chosen: one that has moved into the cold store since leaves
    // other files behind.
    let chosen = Set(removal.blocks)
    let gone = manifest.blocks.filter { chosen.contains($0) }
    guard gone.count == names.count else { return .refused }
    var next = manifest
    next.blocks.removeAll { names.contains($0.fileName) }
    for block in gone {
      next.removals.add(
        Removals.Range(tenant: block.identity.tenant, a: block.identity.a, b: block.identity.b)
      )
    }
    next.removals.add(removal.points)
    for (measurement, day) in removal.rawFrom {
      next.rollups.noteRawGone(measurement, before: day)
    }
    next.deletes.replace(gone, with: [], before: Offset(.max))
    return commit(next, blocks: blocks.filter { !names.contains($0.summary.fileName) }) { hour in
      gone.contains { $0.meets(TimeRange.hour(hour)) }
    }
  }
}
