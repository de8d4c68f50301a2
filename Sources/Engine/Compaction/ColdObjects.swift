internal import Blocks
internal import Cold
internal import Platform

/// Removes the objects of cold blocks that the manifests name no more.
///
/// One that a snapshot shares stays: its stub in the snapshot pins it until the snapshot is
/// removed. A directory that is a snapshot itself removes none: they are the original's. Belongs
/// to one thread.
struct ColdObjects {
  private let tier: ColdTier
  private let snapshots: Snapshots
  private var removal = ObjectRemoval()

  init(_ tier: ColdTier, disk: any Disk, directory: DataDirectory) {
    self.tier = tier
    snapshots = Snapshots(disk: disk, directory: directory)
  }

  /// - Parameter block: one that lies here has no object.
  mutating func remove(_ block: BlockSummary, monotonic: UInt64) {
    guard tier.ownsObjects, let key = block.objectKey, let store = tier.reader?.store else {
      return
    }
    // Where nobody can say whether it is shared, it stays.
    guard let isPinned = try? snapshots.pins(block), !isPinned else { return }
    removal.remove(key, from: store, monotonic: monotonic)
  }

  /// Tries again what failed.
  mutating func retry(monotonic: UInt64) {
    guard let store = tier.reader?.store else { return }
    removal.retry(in: store, monotonic: monotonic)
  }
}
