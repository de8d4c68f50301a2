internal import Blocks
internal import Cold
internal import Logging
internal import Platform
internal import Synchronization

/// Which store a data directory has, and whether the objects in it are its own to remove.
///
/// They are, unless somebody else may name them too: the directory that this one is a snapshot or a
/// copy of. A file that nobody can read leaves that open. What is shared stays shared, whatever the
/// configuration calls the store, until `cold.objects: adopt` says otherwise.
struct StoreClaim {
  /// What the directory remembers.
  private let found: ColdLocation?
  /// The number of its identity file, which a copy of the directory has not.
  private let number: UInt64?
  let isOwner: Bool

  /// The store that it remembers.
  var location: String? { found.flatMap { $0.location.isEmpty ? nil : $0.location } }

  /// Whether the store has had its mark.
  ///
  /// - Parameter location: the configured one; empty for the one that it remembers.
  func isMarked(_ location: String) -> Bool {
    found?.isMarked == true && (location.isEmpty || location == self.location)
  }

  static func read(
    _ parts: EngineParts,
    _ directory: DataDirectory,
    _ ownership: ColdConfiguration.Ownership
  ) throws(EngineError) -> StoreClaim {
    var found: ColdLocation?
    var isShared: Bool
    let number = try wrap { () throws(SystemError) in
      try parts.disk.fileNumber(of: directory.identity)
    }
    do throws(SystemError) {
      found = try ColdLocation.read(parts.disk, directory.coldStore)
      isShared = found?.isShared ?? false
      if let owner = found?.owner, owner != number { isShared = true }
      // Somebody has taken the file away.
      if found == nil, try hasStubs(parts, directory) { isShared = true }
    } catch {
      isShared = true
      parts.logger.log(
        .coldStoreUnreadable,
        .error,
        "the cold store's location cannot be read: \(error)"
      )
    }
    if ownership == .foreign { isShared = true }
    if isShared, ownership == .adopt {
      try checkAdoption(parts, directory)
      isShared = false
    }
    return StoreClaim(found: found, number: number, isOwner: !isShared)
  }

  private static func hasStubs(
    _ parts: EngineParts,
    _ directory: DataDirectory
  ) throws(SystemError) -> Bool {
    for index in 0..<parts.configuration.partitionCount {
      let names = try parts.disk.list(directory.blocks(index))
      if names.contains(where: { $0.hasSuffix(BlockIdentity.stubSuffix) }) { return true }
    }
    return false
  }

  /// A snapshot that lies where it was made has its original around it.
  private static func checkAdoption(
    _ parts: EngineParts,
    _ directory: DataDirectory
  ) throws(EngineError) {
    let folder = Path.directory(of: directory.path)
    let original = DataDirectory(Path.directory(of: folder))
    let isInside = try wrap { () throws(SystemError) in
      Path.name(of: folder) == "snapshots"
        ? try parts.disk.byteCount(of: original.identity) != nil : false
    }
    guard isInside else { return }
    throw .coldStore(
      "cold.objects: adopt: \(directory.path) is a snapshot in the folder of \(original.path), "
        + "whose objects they are; move it out of there first, or leave the option out"
    )
  }

  /// Has the directory remember its store and whose it is.
  ///
  /// - Parameter location: the configured one; empty for the one that it remembers.
  func commit(
    _ parts: EngineParts,
    _ directory: DataDirectory,
    _ location: String
  ) throws(EngineError) {
    let remembered = self.location
    if let remembered, !location.isEmpty, location != remembered {
      parts.logger.log(
        .coldStoreChanged,
        .warning,
        "the cold store was \(remembered) and is \(location) now; its objects must have moved too"
      )
    }
    if !isOwner {
      let text =
        "the objects of the cold store are those of the directory that this one is a copy of: none "
        + "is removed here; cold.objects: adopt makes them this one's when the other is gone"
      parts.logger.log(.coldStoreShared, .warning, "\(text)")
    }
    let wanted = ColdLocation(
      location.isEmpty ? remembered ?? "" : location,
      isShared: !isOwner,
      owner: isOwner ? number : nil,
      isMarked: isMarked(location)
    )
    guard wanted != found else { return }
    try wrap { () throws(SystemError) in
      try parts.disk.replace(directory.coldStore, with: wanted.encoded)
    }
  }
}

/// The blocks that are being moved into the cold store. Safe from several threads.
final class BlocksUnderWay: Sendable {
  private let names = Mutex<Set<String>>([])

  /// From here until ``end(_:)`` whoever removes objects leaves those of this block alone; who is
  /// at it is waited for.
  func begin(_ name: String) { names.withLock { _ = $0.insert(name) } }

  func end(_ name: String) { names.withLock { _ = $0.remove(name) } }

  /// Removes objects while no move begins.
  func whileNoneBegins(_ body: (Set<String>) -> Void) { names.withLock { body($0) } }
}
