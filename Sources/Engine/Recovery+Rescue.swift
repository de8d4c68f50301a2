internal import Blocks
internal import Catalog
internal import Logging
internal import Model
internal import Platform
internal import Queue

/// Blocks that are damaged while the log still has their rows are made anew before anything else
/// is done with them.
extension Recovery {
  /// Whether every group of a block is sound, if the log could help should it not be.
  ///
  /// The blocks of the last hour or so, which the log retains, are read once at a start: that is
  /// the time in which damage costs nothing.
  func isSound(_ block: BlockReader, _ rescue: BlockRescue) -> Bool {
    guard rescue.isRetained(block.summary) else { return true }
    // A disk that does not answer says nothing of the block.
    return (try? block.isSound()) ?? true
  }

  /// Sets a file aside that turns out damaged while the server runs, and says so in the log.
  var quarantine: @Sendable (String) -> Void {
    let (directory, disk, clock, logger) = (directory, disk, parts.clock, parts.logger)
    return { path in
      do throws(SystemError) {
        let target = try directory.quarantine(path, disk: disk, at: clock.now())
        logger.log(
          .ringFileDamaged,
          .error,
          "a damaged file of the ring was made anew",
          ["path": "\(path)", "moved": "\(target)"]
        )
      } catch {
        logger.log(
          .ringFileDamaged,
          .error,
          "a damaged file of the ring stays in place",
          ["path": "\(path)", "why": "\(error)"]
        )
      }
    }
  }

  /// Makes what is damaged anew, as far as the log has it, and commits that.
  mutating func rescueBlocks(
    of partition: inout OpenedPartition,
    _ catalog: Catalog,
    _ fieldSets: FieldSets
  ) throws(EngineError) {
    guard !partition.damaged.isEmpty else { return }
    let rescue = BlockRescue(
      disk: disk,
      directory: directory,
      partition: partition.files.partition,
      configuration: parts.configuration
    )
    var count = 0
    for lost in partition.damaged where rescue.isRetained(lost) {
      do throws(SystemError) {
        if try make(lost, rescue, &partition, catalog, fieldSets) { count += 1 }
      } catch {
        // The manifest goes on naming it, so that the next start tries again.
        if !partition.manifest.blocks.contains(where: { $0.identity == lost.identity }) {
          partition.insert(lost)
        }
        told(lost, .damage, "is not made anew: \(error)", partition)
      }
    }
    guard count > 0 else { return }
    // Without it the next start finds the files and takes them as they are.
    try? partition.files.manifests.commit(partition.manifest)
  }

  /// - Returns: whether it was made.
  private mutating func make(
    _ lost: BlockSummary,
    _ rescue: BlockRescue,
    _ partition: inout OpenedPartition,
    _ catalog: Catalog,
    _ fieldSets: FieldSets
  ) throws(SystemError) -> Bool {
    let files = partition.files
    let opened = partition.blocks.first { $0.summary.identity == lost.identity }
    var scratch = files
    scratch.blocks = directory.scratch(Int(files.partition.rawValue))
    try disk.createDirectory(scratch.blocks)
    for name in try disk.list(scratch.blocks) {
      // An attempt that was cut short.
      try disk.remove(Path.join(scratch.blocks, name))
    }
    let outcome = try rescue.make(
      lost,
      in: BlockRescue.Surroundings(
        catalog: catalog,
        fieldSets: fieldSets,
        files: scratch,
        manifest: partition.manifest,
        earlier: partition.blocks.filter { $0.summary.identity.b <= lost.identity.a },
        ring: partition.ring
      ),
      mayLackRows: opened == nil
    )
    switch outcome {
    case .refused(let why):
      told(lost, .damage, "is not made anew from the log: \(why)", partition)
      return false
    case .made(let made, let isWhole):
      // The damaged one is kept; from here on a crash leaves a missing block, and the log.
      let old = Path.join(files.blocks, lost.fileName)
      if opened != nil { setAside(old, "block is damaged", lost.identity.range) }
      let path = Path.join(files.blocks, made.summary.fileName)
      try disk.rename(made.path, to: path)
      try disk.syncDirectory(files.blocks)
      partition.forget(lost)
      partition.insert(made.summary)
      let readers = try files.open([made.summary])
      for reader in readers { partition.manifest.deletes.leaveOutRows(of: reader) }
      partition.blocks.append(contentsOf: readers)
      partition.blocks.sort { $0.summary.identity.precedes($1.summary.identity) }
      let rows = isWhole ? "" : ": what it still has of it, \(made.summary.rowCount) rows"
      told(lost, isWhole ? .note : .damage, "was made anew from the log\(rows)", partition)
      return true
    }
  }

  private mutating func told(
    _ block: BlockSummary,
    _ severity: Damage.Severity,
    _ what: String,
    _ partition: OpenedPartition
  ) {
    report.damages.append(
      Damage(
        severity: severity,
        path: Path.join(partition.files.blocks, block.fileName),
        offset: 0,
        byteCount: block.byteCount,
        what: what,
        range: block.identity.range
      )
    )
  }
}

extension Recovery.OpenedPartition {
  fileprivate mutating func forget(_ block: BlockSummary) {
    unread.removeAll { $0.identity == block.identity }
    manifest.blocks.removeAll { $0.identity == block.identity }
    blocks.removeAll { $0.summary.identity == block.identity }
  }

  fileprivate mutating func insert(_ block: BlockSummary) {
    manifest.blocks.append(block)
    manifest.blocks.sort { $0.identity.precedes($1.identity) }
  }
}

extension BlockIdentity {
  /// The order of a manifest's blocks.
  fileprivate func precedes(_ other: BlockIdentity) -> Bool {
    (a, b, tenant) < (other.a, other.b, other.tenant)
  }
}
