internal import Blocks
internal import Cold
internal import Model
internal import Platform
internal import Queue

/// Files that a start finds, one by one.
extension Recovery {
  /// Opens a block, or by its stub one that lies in the cold store.
  func open(_ summary: BlockSummary, _ path: String) throws(BlockError) -> BlockReader {
    guard summary.cold != nil else {
      return try BlockReader.open(blockFiles, path: path, expected: summary.identity)
    }
    return try BlockReader.open(
      cold: summary,
      blockFiles,
      stubPath: path,
      source: parts.cold.source
    )
  }

  /// Reports a cold block that cannot be read now.
  mutating func noteUnreadable(
    _ block: BlockSummary,
    _ path: String,
    _ error: BlockError
  ) throws(EngineError) {
    if case .system(let failure) = error, failure.isOutOfResources { throw .system(failure) }
    report.damages.append(
      Damage(
        severity: .unreadable,
        path: path,
        offset: 0,
        byteCount: block.byteCount,
        what: "\(error.text), left in the cold store",
        range: block.identity.qualifiedName
      )
    )
  }

  /// Moves a file that cannot be used into `quarantine/` and reports what it held.
  mutating func setAside(_ path: String, _ what: String, _ range: String) {
    var text = what
    do throws(SystemError) {
      if try disk.byteCount(of: path) != nil {
        let target = try directory.quarantine(path, disk: disk, at: parts.clock.now())
        text += ", moved to \(target)"
      }
    } catch {
      text += ", left in place: \(error)"
    }
    report.damages.append(
      Damage(severity: .damage, path: path, offset: 0, byteCount: 0, what: text, range: range)
    )
  }

  /// Files of blocks that no manifest names. Of cold ones the stub is the last that tells of their
  /// objects: it stays until these are remembered as what is to be removed.
  func removable(_ loaded: LoadedManifest) -> [String] {
    guard let unwanted = parts.cold.unwanted, !loaded.wasRebuilt else { return loaded.leftovers }
    let named = Set(loaded.manifest.blocks.map(\.identity.stubName))
    var keys: [String] = []
    var gone: [String] = []
    for path in loaded.leftovers where path.hasSuffix(BlockIdentity.stubSuffix) {
      guard let key = ColdStub.objectKey(ofStub: path, disk) else { continue }
      keys.append(key)
      // A block that is here still is about to move again, and finds its object there.
      if !named.contains(Path.name(of: path)) { gone.append(key) }
    }
    do throws(SystemError) {
      try unwanted.remember(keys)
      unwanted.release(gone)
      return loaded.leftovers
    } catch {
      return loaded.leftovers.filter { !$0.hasSuffix(BlockIdentity.stubSuffix) }
    }
  }

  /// How far back the log reaches, and goes on reaching once retention has looked at it.
  func reach(of log: Log, below floors: [Offset]) -> RecoveryReport.LogReach {
    let now = parts.clock.now()
    var reach = RecoveryReport.LogReach()
    reach.begin = log.retainedBeginning(below: floors, now: now)
    reach.nanoseconds = max(0, now - (reach.begin ?? now))
    return reach
  }
}
