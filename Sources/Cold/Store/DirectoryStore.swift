public import Platform

/// Objects as files of a directory, on this disk or on another one that is mounted.
public struct DirectoryStore: ObjectStore {
  /// Bytes that are copied at a time.
  private static let pieceByteCount = 1 << 20
  private static let temporarySuffix = ".tmp"

  private let disk: any Disk
  public let location: String
  /// What tells this process's unfinished objects from those of others that share the store: two
  /// must not write to one file.
  private let salt: String

  /// - Parameters:
  ///   - path: made at the first put.
  ///   - salt: another one in each process.
  public init(disk: any Disk, path: String, salt: UInt64 = 0) {
    self.disk = disk
    location = path
    self.salt = String(salt, radix: 16)
  }

  public func path(of key: String) -> String { Path.join(location, key) }

  public func put(_ key: String, _ file: any ReadableFile) throws(ObjectError) {
    let path = path(of: key)
    let temporary = "\(path).\(salt)\(Self.temporarySuffix)"
    let folder = Path.directory(of: path)
    do throws(SystemError) {
      try disk.createDirectory(folder)
      try removeUnfinished(path)
      do throws(SystemError) {
        let copy = try disk.append(to: temporary)
        defer { copy.close() }
        var position = 0
        while position < file.byteCount {
          let count = min(Self.pieceByteCount, file.byteCount - position)
          let bytes = try file.read(at: position, count: count)
          guard bytes.count == count else {
            throw SystemError(
              code: SystemError.Code.inputOutput,
              operation: "read what is to be stored",
              path: path
            )
          }
          try copy.append(bytes)
          position += count
        }
        try copy.sync()
        try disk.rename(temporary, to: path)
      } catch {
        // Best effort: the next attempt removes what stays.
        try? disk.remove(temporary)
        throw error
      }
      try disk.syncDirectory(folder)
    } catch {
      throw ObjectError(error)
    }
  }

  /// Removes what a crash has left of an object. Another process that is at it finds its name gone
  /// at the end, and tries again.
  private func removeUnfinished(_ path: String) throws(SystemError) {
    let folder = Path.directory(of: path)
    let name = Path.name(of: path) + "."
    for old in try disk.list(folder)
    where old.hasPrefix(name) && old.hasSuffix(Self.temporarySuffix) {
      try disk.remove(Path.join(folder, old))
    }
  }

  public func get(_ key: String, at offset: Int, count: Int) throws(ObjectError) -> [UInt8] {
    do throws(SystemError) {
      return try disk.open(path(of: key)).read(at: offset, count: count)
    } catch {
      throw failure(error, key)
    }
  }

  public func list(_ prefix: String) throws(ObjectError) -> [ObjectEntry] {
    // A prefix ends anywhere in a name: its folder is looked through.
    let folder = prefix.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    var entries: [ObjectEntry] = []
    do throws(SystemError) {
      try collect(folder, depth: 0, into: &entries)
    } catch {
      throw ObjectError(error)
    }
    return entries.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
  }

  private func collect(
    _ folder: String,
    depth: Int,
    into entries: inout [ObjectEntry]
  ) throws(SystemError) {
    guard depth < 8 else { return }
    let directory = folder.isEmpty ? location : path(of: folder)
    for name in try disk.list(directory) where !name.hasSuffix(Self.temporarySuffix) {
      let key = folder.isEmpty ? name : "\(folder)/\(name)"
      if let byteCount = try disk.byteCount(of: path(of: key)), !isFolder(key) {
        entries.append(ObjectEntry(key: key, byteCount: byteCount))
      } else {
        try collect(key, depth: depth + 1, into: &entries)
      }
    }
  }

  /// Only folders have names in them.
  private func isFolder(_ key: String) -> Bool {
    ((try? disk.list(path(of: key))) ?? []).isEmpty == false
  }

  public func delete(_ key: String) throws(ObjectError) {
    do throws(SystemError) {
      try removeUnfinished(path(of: key))
      try disk.remove(path(of: key))
      try disk.syncDirectory(Path.directory(of: path(of: key)))
    } catch {
      guard !error.isMissing else { return }
      throw ObjectError(error)
    }
  }

  public func byteCount(of key: String) throws(ObjectError) -> Int? {
    do throws(SystemError) { return try disk.byteCount(of: path(of: key)) } catch {
      throw failure(error, key)
    }
  }

  private func failure(_ error: SystemError, _ key: String) -> ObjectError {
    guard error.isMissing else { return ObjectError(error) }
    return ObjectError(.missing, path(of: key), "\(error.operation): there is no such file")
  }
}
