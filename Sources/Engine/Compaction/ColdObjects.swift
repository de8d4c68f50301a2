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

  /// Removes objects, unless a manifest or a snapshot names them or a move is about to. What the
  /// store does not remove now is remembered when this returns, as far as the disk takes it, and
  /// tried again by ``retry(monotonic:unlessNamed:)``.
  ///
  /// - Parameter named: the keys that manifests name; `nil` when nobody can tell now.
  /// - Returns: `false` in that case: nothing was done.
  @discardableResult
  mutating func remove(
    _ keys: [String],
    monotonic: UInt64,
    unlessNamed named: () -> Set<String>?
  ) -> Bool {
    guard !keys.isEmpty, tier.ownsObjects, let store = tier.reader?.store else { return true }
    var done: [String]? = nil
    // No move commits meanwhile: what is not named, and not under way, is not about to be named.
    tier.underWay.whileNoneBegins { [snapshots] moving in
      guard let named = named() else { return }
      done = keys.filter { key in
        removal.remove(key, from: store, monotonic: monotonic) { key in
          named.contains(key) || Self.isKept(key, moving, snapshots)
        }
      }
    }
    guard let done else { return false }
    tier.unwanted?.forget(done)
    if done.count < keys.count { try? tier.unwanted?.remember(removal.left) }
    return true
  }

  /// Tries again what failed.
  mutating func retry(monotonic: UInt64, unlessNamed named: () -> Set<String>?) {
    guard removal.isDue(monotonic: monotonic), let store = tier.reader?.store else { return }
    var done: [String] = []
    tier.underWay.whileNoneBegins { [snapshots] moving in
      guard let named = named() else { return }
      done = removal.retry(in: store, monotonic: monotonic) { key in
        named.contains(key) || Self.isKept(key, moving, snapshots)
      }
    }
    tier.unwanted?.forget(done)
  }

  /// Where nobody can say whether an object is shared, it stays.
  private static func isKept(
    _ key: String,
    _ moving: Set<String>,
    _ snapshots: Snapshots
  ) -> Bool {
    guard let name = ColdObjectName(key: key), !moving.contains(name.qualifiedName) else {
      return true
    }
    guard let isPinned = try? snapshots.pins(name) else { return true }
    return isPinned
  }
}
