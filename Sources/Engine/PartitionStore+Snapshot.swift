internal import Blocks
internal import Model
internal import Platform
internal import Ring

extension PartitionStore {
  /// Links the blocks and frozen hours that the manifest names into a snapshot. On the worker's
  /// thread, so that none of them goes meanwhile.
  ///
  /// - Returns: the snapshot's manifest, not yet written: without the ring's open slots, without
  ///   hours that have patches, and without blocks that are lost here already.
  func link(into target: DataDirectory) throws(SystemError) -> PartitionCopy {
    let index = Int(partition.rawValue)
    var copy = PartitionCopy(manifest: manifest)
    for block in manifest.blocks {
      // Of a cold block the stub: its object is shared.
      let goal = Path.join(target.blocks(index), block.storedName)
      do throws(SystemError) {
        try files.disk.link(files.manifests.path(of: block), to: goal)
        copy.linkCount += 1
      } catch  where error.isMissing {
        // Set aside as damaged: the snapshot's manifest tells of it as this one's does. An empty
        // stub pins the object, and whoever reads the block asks the store.
        if block.cold != nil { try files.disk.replace(goal, with: []) }
      }
    }
    for rollup in manifest.rollups.files {
      let goal = Path.join(target.rollups(index), rollup.fileName)
      do throws(SystemError) {
        try files.disk.link(files.manifests.path(of: rollup), to: goal)
        copy.linkCount += 1
      } catch  where error.isMissing {
        continue
      }
    }
    let patched = Set(manifest.ringProgress.filter { $0.kind != .frozen }.map(\.hour))
    copy.manifest.ringProgress = []
    for progress in manifest.ringProgress
    where progress.kind == .frozen && !patched.contains(progress.hour) {
      let name = ring.fileName(ofFrozen: progress)
      do throws(SystemError) {
        try files.disk.link(
          Path.join(ring.directory, name),
          to: Path.join(target.ring(index), name)
        )
        copy.linkCount += 1
        copy.manifest.ringProgress.append(progress)
      } catch  where error.isMissing {
        continue
      }
    }
    return copy
  }
}
