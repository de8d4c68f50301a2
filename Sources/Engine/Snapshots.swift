internal import Blocks
internal import Cold
internal import Model
internal import Platform

/// Copies of a data directory that share its files: `snapshots/NAME/`, a data directory each.
///
/// What never changes once it is written (finished segments, blocks, frozen hours) is a hard link
/// and costs no space until the original goes; manifests and the catalog are copies. Open slots
/// and patches of the ring are left out: their windows are answered from blocks. No file that
/// anybody writes to is shared, so a server may open a snapshot where it is. Objects of the cold
/// store that it names stay there as long as it is here, whatever retention does meanwhile.
struct Snapshots: Sendable {
  /// What a snapshot is called until it is whole.
  private static let unfinishedSuffix = ".tmp"

  let disk: any Disk
  let directory: DataDirectory
  /// Objects of the cold store that nobody names any more go there; `nil` where none is to go.
  var unwanted: UnwantedObjects?

  private var folder: String { directory.path + "/snapshots" }

  /// A name that tells the time and that no other snapshot has: `20261126T003000Z-1b2c…`.
  static func name(at time: Timestamp, salt: UInt64) -> String {
    let text = CivilTime(nanoseconds: time).rfc3339(decimals: 0)
    let clock = text.filter { $0 != "-" && $0 != ":" }
    let digits = String(UInt64(bitPattern: time) &* 0x9e37_79b9_7f4a_7c15 ^ salt, radix: 16)
    return clock + "-" + String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Whether a text may be a snapshot's name: it becomes a part of paths.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 64
      && name.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "-") || (byte &- 48 < 10) || (byte | 0x20) &- 97 < 26
      }
  }

  func path(of name: String) -> String { "\(folder)/\(name)" }

  /// The snapshots that are whole, ascending by name.
  func names() throws(SystemError) -> [String] { try disk.list(folder).filter(Self.isName) }

  // MARK: Making

  /// The folder in which a snapshot is made, with its folders.
  func begin(_ name: String, partitionCount: Int) throws(SystemError) -> DataDirectory {
    try removeUnfinished()
    try disk.createDirectory(folder)
    let target = DataDirectory(path(of: name) + Self.unfinishedSuffix)
    // Their names become durable with everything else in their parents.
    for index in 0..<partitionCount {
      for path in folders(of: target, index) { try disk.makeDirectory(path) }
    }
    for folder in [target.catalog, target.queue, target.deadLetters, target.quarantine] {
      try disk.makeDirectory(folder)
    }
    return target
  }

  /// Those of a partition's files that are linked.
  private func folders(of target: DataDirectory, _ index: Int) -> [String] {
    [target.blocks(index), target.ring(index), target.rollups(index)]
  }

  /// Copies what is small and goes on growing: the identity and the catalog's logs.
  func copyNames(into target: DataDirectory) throws(SystemError) {
    for name in try disk.list(directory.catalog) where name.hasSuffix(".log") {
      try copy(Path.join(directory.catalog, name), to: Path.join(target.catalog, name))
    }
    try disk.syncDirectory(target.catalog)
    try copy(directory.identity, to: target.identity)
    let store: ColdLocation?
    do throws(SystemError) { store = try ColdLocation.read(disk, directory.coldStore) } catch {
      // Damaged: as little is known here as there.
      return try copy(directory.coldStore, to: target.coldStore)
    }
    // Its objects stay the original's, also those of a store that this one gets later: a snapshot
    // that is served removes none.
    let shared = ColdLocation(store?.location ?? "", isShared: true)
    try disk.replace(target.coldStore, with: shared.encoded)
  }

  private func copy(_ path: String, to target: String) throws(SystemError) {
    let source = try disk.open(path)
    let copy = try disk.append(to: target)
    defer { copy.close() }
    let byteCount = source.byteCount
    var position = 0
    while position < byteCount {
      let bytes = try source.read(at: position, count: min(1 << 20, byteCount - position))
      guard !bytes.isEmpty else { break }
      try copy.append(bytes)
      position += bytes.count
    }
    try copy.sync()
  }

  /// Makes all names durable and gives the snapshot its own: one sync a folder, whatever is in it.
  /// What was linked is durable since it was written, and so are copies; the manifests have brought
  /// their folders along.
  func finish(
    _ target: DataDirectory,
    _ name: String,
    partitionCount: Int
  ) throws(SystemError) {
    for index in 0..<partitionCount {
      // Of an empty one there is nothing to lose.
      for path in folders(of: target, index) where try !disk.list(path).isEmpty {
        try disk.syncDirectory(path)
      }
    }
    try disk.syncDirectory(target.partitions)
    try disk.syncDirectory(target.queue)
    try disk.syncDirectory(target.path)
    try disk.rename(target.path, to: path(of: name))
    try disk.syncDirectory(folder)
  }

  /// Gives up the one that is being made.
  func abandon() { try? removeUnfinished() }

  // MARK: Cold blocks

  /// Whether a snapshot has the stub of a cold block, so that its object has to stay. One that is
  /// being made counts too, for it may become whole.
  func pins(_ object: ColdObjectName) throws(SystemError) -> Bool {
    var names = try disk.list(folder)
    for _ in 0..<Self.looksMax {
      for name in names {
        let blocks = DataDirectory(path(of: name)).blocks(Int(object.partition.rawValue))
        if try disk.byteCount(of: Path.join(blocks, object.stubName)) != nil { return true }
      }
      // One that became whole meanwhile was looked for under the name that it had before.
      let now = try disk.list(folder)
      if now == names { return false }
      names = now
    }
    return true
  }

  /// Looks for a stub while snapshots come and go; after them it counts as found.
  private static let looksMax = 8

  /// The objects that a snapshot names. Of a manifest that cannot be read none: they stay in the
  /// store.
  private func objects(of name: String) throws(SystemError) -> [String] {
    let snapshot = DataDirectory(path(of: name))
    var keys: [String] = []
    for folder in try disk.list(snapshot.partitions) {
      guard let index = Int(folder), let partition = UInt16(exactly: index) else { continue }
      let store = ManifestStore(
        disk: disk,
        directory: snapshot.partition(index),
        partition: PartitionID(partition)
      )
      keys += try store.load().manifest.blocks.compactMap(\.objectKey)
    }
    return keys
  }

  /// The objects whose stubs lie in a folder that is no whole snapshot.
  private func objects(ofUnfinished path: String) throws(SystemError) -> [String] {
    var keys: [String] = []
    let partitions = DataDirectory(path).partitions
    for partition in try disk.list(partitions) {
      let blocks = Path.join(Path.join(partitions, partition), "blocks")
      for name in try disk.list(blocks) where name.hasSuffix(BlockIdentity.stubSuffix) {
        if let key = ColdStub.objectKey(ofStub: Path.join(blocks, name), disk) { keys.append(key) }
      }
    }
    return keys
  }

  // MARK: Removing

  /// Removes a snapshot; objects that nobody else names go soon after it.
  func remove(_ name: String) throws(SystemError) {
    let keys = try unwanted == nil ? [] : objects(of: name)
    // No kill from here on leaves them behind. A full disk is no reason not to make room.
    try? unwanted?.remember(keys)
    // Not whole from here on, whatever happens.
    let unfinished = path(of: name) + Self.unfinishedSuffix
    try disk.rename(path(of: name), to: unfinished)
    try removeTree(unfinished)
    try disk.syncDirectory(folder)
    unwanted?.release(keys)
  }

  /// Removes what a crash has left of snapshots that were being made or removed. While nobody is
  /// at either.
  func removeUnfinished() throws(SystemError) {
    for name in try disk.list(folder) where name.hasSuffix(Self.unfinishedSuffix) {
      let path = "\(folder)/\(name)"
      let keys = try unwanted == nil ? [] : objects(ofUnfinished: path)
      // Retention may have left them here for this one's sake.
      try? unwanted?.remember(keys)
      try removeTree(path)
      try disk.syncDirectory(folder)
      unwanted?.release(keys)
    }
  }

  private func removeTree(_ path: String, depth: Int = 0) throws(SystemError) {
    do throws(SystemError) {
      try disk.remove(path)
    } catch {
      guard depth < 8 else { throw error }
      let names = try disk.list(path)
      guard !names.isEmpty else { throw error }
      for name in names { try removeTree(Path.join(path, name), depth: depth + 1) }
      try disk.remove(path)
    }
  }
}

/// A snapshot that was made.
public struct SnapshotReport: Hashable, Sendable {
  public var name = ""
  public var path = ""
  /// Files that share their bytes with the data directory.
  public var linkCount = 0
  public var nanoseconds: UInt64 = 0
}
