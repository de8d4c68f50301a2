internal import Bytes
public import Model
public import Platform

/// A partition's manifest as it was found.
public struct LoadedManifest: Sendable {
  public var manifest: Manifest
  /// What was damaged, missing or in the way.
  public var damages: [Damage]
  /// Whether the manifest was made anew from the blocks. It then names no ring progress: what the
  /// ring holds is not known to be whole, so it is to be answered from blocks.
  public var wasRebuilt: Bool
  /// Files of cuts that were never committed, which the log still has: paths to remove, with
  /// ``ManifestStore/remove(_:)``, before the next cut writes its own.
  public var leftovers: [String]
  /// Blocks behind the end of a manifest that was rebuilt: probably never committed, but perhaps of
  /// a cut that lost another of its blocks. To be set aside, never removed.
  public var doubtful: [String]

  init(_ manifest: Manifest, damages: [Damage] = [], wasRebuilt: Bool = false) {
    self.manifest = manifest
    self.damages = damages
    self.wasRebuilt = wasRebuilt
    leftovers = []
    doubtful = []
  }
}

/// Reads and commits the manifest of one partition, and makes it anew from the blocks when it is
/// damaged.
///
///     DIRECTORY/manifest
///     DIRECTORY/blocks/<a>-<b>-<tenant>.block
///     DIRECTORY/blocks/<a>-<b>-<tenant>.cold
///     DIRECTORY/rollups/<unit>-<span>-<tenant>-<revision>.rollup
///
/// One owner at a time.
public struct ManifestStore: Sendable {
  let disk: any Disk
  let directory: String
  let partition: PartitionID

  /// - Parameter directory: the partition's folder; made by ``prepare()``.
  public init(disk: any Disk, directory: String, partition: PartitionID) {
    self.disk = disk
    self.directory = directory
    self.partition = partition
  }

  /// Makes the partition's folders.
  public func prepare() throws(SystemError) {
    try disk.createDirectory(blocksDirectory)
  }

  public var path: String { Path.join(directory, "manifest") }
  /// Where the partition's blocks are.
  public var blocksDirectory: String { Path.join(directory, "blocks") }

  /// The block, or the stub of one that lies in a cold store.
  public func path(of block: BlockSummary) -> String {
    Path.join(blocksDirectory, block.storedName)
  }

  /// Replaces the manifest: the moment at which a cut is committed. The blocks that it names are
  /// durable by then.
  ///
  /// After an error the old one holds, except that after a failed sync of the folder only the next
  /// ``load()`` tells which one does.
  public func commit(_ manifest: Manifest) throws(SystemError) {
    precondition(manifest.partition == partition)
    try disk.replace(path, with: manifest.encoded())
  }

  /// Reads the manifest; a damaged or missing one is made anew from the blocks.
  ///
  /// - Throws: ``SystemError`` when the disk does not answer. Damage is reported in the result.
  /// - Complexity: a look at each block's size; when the manifest is damaged, at each block's
  /// footer.
  public func load() throws(SystemError) -> LoadedManifest {
    let found: Manifest?
    do throws(BlockError) {
      found = try read()
    } catch {
      if error.isRefusal, case .system(let refusal) = error { throw refusal }
      return try rebuild(after: error)
    }
    // Without a file nothing was ever committed, or it is lost: the blocks know which.
    guard let found else { return try rebuildUnlessNew() }
    let manifest = try bringingHome(found)
    var loaded = LoadedManifest(manifest, damages: try missingBlocks(of: manifest))
    try findLeftovers(&loaded)
    return loaded
  }

  /// The manifest's own bytes; `nil` when there is no file.
  func read() throws(BlockError) -> Manifest? {
    let bytes: [UInt8]
    do throws(SystemError) {
      guard try disk.byteCount(of: path) != nil else { return nil }
      bytes = try disk.read(path, byteCountMax: Manifest.byteCountMax)
    } catch {
      throw .system(error)
    }
    let manifest = try Manifest(bytes.span)
    guard manifest.partition == partition else { throw .mismatch(.manifest) }
    return manifest
  }

  /// A cold block without a sound stub that is still here as a whole is one that is here.
  private func bringingHome(_ manifest: Manifest) throws(SystemError) -> Manifest {
    var result = manifest
    for (index, block) in manifest.blocks.enumerated() where block.cold != nil {
      let local = Path.join(blocksDirectory, block.fileName)
      guard try disk.byteCount(of: local) == block.byteCount,
        !hasSoundStub(block)
      else { continue }
      result.blocks[index].cold = nil
    }
    return result
  }

  private func hasSoundStub(_ block: BlockSummary) -> Bool {
    guard let file = try? disk.open(path(of: block)), let stub = try? ColdStub(file) else {
      return false
    }
    return stub.reference == block.cold && stub.byteCount == block.byteCount
  }

  /// Blocks that the manifest names and the disk has not, or not whole; stubs that are missing.
  private func missingBlocks(of manifest: Manifest) throws(SystemError) -> [Damage] {
    var damages: [Damage] = []
    for block in manifest.blocks {
      let byteCount = try disk.byteCount(of: path(of: block))
      if block.cold != nil {
        if byteCount == nil { damages.append(missingStub(of: block)) }
        continue
      }
      guard byteCount != block.byteCount else { continue }
      damages.append(
        Damage(
          severity: byteCount == nil ? .unreadable : .damage,
          path: path(of: block),
          offset: 0,
          byteCount: block.byteCount,
          what: byteCount.map { "block of \(block.byteCount) bytes has \($0)" }
            ?? "block is missing",
          range: block.lossRange
        )
      )
    }
    return damages
  }

  private func missingStub(of block: BlockSummary) -> Damage {
    Damage(
      severity: .damage,
      path: path(of: block),
      offset: 0,
      byteCount: 0,
      what: "stub of a cold block is missing; the cold store is asked instead"
    )
  }

  /// Removes the files of cuts that were never committed. A file that is already gone is no error.
  public func remove(_ leftovers: [String]) throws(SystemError) {
    for path in leftovers {
      do throws(SystemError) { try disk.remove(path) } catch {
        guard error.isMissing else { throw error }
      }
    }
    if !leftovers.isEmpty { try disk.syncDirectory(blocksDirectory) }
  }

  /// Finds temporary files, and blocks behind the manifest's end: the work of a cut that a crash
  /// cut short. Also blocks whose offsets other blocks of a sound manifest hold: inputs or results
  /// of a compaction that a crash cut short; and blocks
  /// that retention has removed. Other files that the manifest does not name are noted
  /// and left alone.
  func findLeftovers(_ loaded: inout LoadedManifest) throws(SystemError) {
    let named = Set(loaded.manifest.blocks.map(\.storedName))
    let temporary = path + BlockWriter.temporarySuffix
    if try disk.byteCount(of: temporary) != nil { loaded.leftovers.append(temporary) }
    for name in try disk.list(blocksDirectory) where !named.contains(name) {
      let path = Path.join(blocksDirectory, name)
      let parsed = BlockIdentity.parse(fileName: BlockIdentity.blockName(ofStub: name) ?? name)
      let isUncommitted = parsed.map { $0.a >= loaded.manifest.nextOffset } ?? false
      if name.hasSuffix(BlockWriter.temporarySuffix) {
        loaded.leftovers.append(path)
      } else if isUncommitted {
        if loaded.wasRebuilt { loaded.doubtful.append(path) } else { loaded.leftovers.append(path) }
      } else if let parsed,
        isHeld(parsed.a, parsed.b, by: loaded)
          || loaded.manifest.removals.covers(parsed.a, parsed.b, of: parsed.tenant)
      {
        loaded.leftovers.append(path)
      } else {
        loaded.damages.append(
          Damage(
            severity: .note,
            path: path,
            offset: 0,
            byteCount: try disk.byteCount(of: path) ?? 0,
            what: "file is not in the manifest"
          )
        )
      }
    }
  }
}

extension ManifestStore {
  /// Whether sound blocks of the manifest hold all offsets from `start` to `end`, some of them
  /// merged from others.
  private func isHeld(_ start: Offset, _ end: Offset, by loaded: LoadedManifest) -> Bool {
    guard !loaded.wasRebuilt, loaded.damages.isEmpty, start < end else { return false }
    var next = start
    for block in loaded.manifest.blocks where block.identity.b > next {
      guard block.identity.a <= next else { return false }
      next = block.identity.b
      if next >= end { return true }
    }
    return false
  }
}

extension BlockSummary {
  /// All that is lost with the block.
  var lossRange: String {
    identity.range + ", \(rowCount) rows, \(firstTimestamp) ... \(lastTimestamp)"
  }
}
