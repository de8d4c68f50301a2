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
  /// Those whose removal has failed, by their keys.
  private var left: [String: BlockSummary] = [:]

  init(_ tier: ColdTier, disk: any Disk, directory: DataDirectory) {
    self.tier = tier
    snapshots = Snapshots(disk: disk, directory: directory)
  }

  /// - Parameter block: one that lies here has no object.
  mutating func remove(_ block: BlockSummary, monotonic: UInt64) {
    guard tier.ownsObjects, let key = block.objectKey, let store = tier.reader?.store else {
      return
    }
    left[key] = block
    tier.underWay.whileNoneBegins { [snapshots, left] moving in
      removal.remove(key, from: store, monotonic: monotonic) { key in
        Self.isKept(left[key], moving, snapshots)
      }
    }
    forget()
  }

  /// Tries again what failed.
  mutating func retry(monotonic: UInt64) {
    guard !removal.left.isEmpty, let store = tier.reader?.store else { return }
    tier.underWay.whileNoneBegins { [snapshots, left] moving in
      removal.retry(in: store, monotonic: monotonic) { key in
        Self.isKept(left[key], moving, snapshots)
      }
    }
    forget()
  }

  /// Where nobody can say whether an object is shared, it stays.
  private static func isKept(
    _ block: BlockSummary?,
    _ moving: Set<String>,
    _ snapshots: Snapshots
  ) -> Bool {
    guard let block, !moving.contains(block.identity.qualifiedName) else { return true }
    guard let isPinned = try? snapshots.pins(block) else { return true }
    return isPinned
  }

  private mutating func forget() {
    guard left.count > removal.left.count else { return }
    let names = Set(removal.left)
    left = left.filter { names.contains($0.key) }
  }
}
