public import Platform

/// A store as a disk to read from: for what checks files wherever they are.
public struct StoreDisk: Disk {
  private let store: any ObjectStore

  /// - Parameter store: paths are its keys.
  public init(_ store: any ObjectStore) { self.store = store }

  private static func key(_ path: String) -> String {
    path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  private func refusal(_ operation: String, _ path: String) -> SystemError {
    SystemError(
      code: SystemError.Code.readOnly,
      operation: operation,
      path: store.path(of: Self.key(path))
    )
  }

  private func ask<Value>(
    _ body: () throws(ObjectError) -> Value
  ) throws(SystemError) -> Value {
    do throws(ObjectError) { return try body() } catch { throw error.systemError }
  }

  // MARK: Reading

  public func list(_ directory: String) throws(SystemError) -> [String] {
    let key = Self.key(directory)
    let prefix = key.isEmpty ? "" : key + "/"
    let entries = try ask { () throws(ObjectError) in try store.list(prefix) }
    let names = entries.compactMap { entry in
      entry.key.dropFirst(prefix.count).split(separator: "/").first.map(String.init)
    }
    return Set(names).sorted()
  }

  public func byteCount(of path: String) throws(SystemError) -> Int? {
    // Asks for a folder, which no object is.
    if path.hasSuffix("/.") { return nil }
    return try ask { () throws(ObjectError) in try store.byteCount(of: Self.key(path)) }
  }

  public func fileNumber(of path: String) throws(SystemError) -> UInt64? { nil }

  public func open(_ path: String) throws(SystemError) -> any ReadableFile {
    let key = Self.key(path)
    guard let byteCount = try byteCount(of: path) else {
      throw SystemError(
        code: SystemError.Code.noSuchFile,
        operation: "open",
        path: store.path(of: key)
      )
    }
    return StoreFile(store: store, key: key, byteCount: byteCount)
  }

  // MARK: Everything else

  public func createDirectory(_ path: String) throws(SystemError) {
    throw refusal("create directory", path)
  }

  public func append(to path: String) throws(SystemError) -> any AppendFile {
    throw refusal("append", path)
  }

  public func map(_ path: String) throws(SystemError) -> any MappedFile {
    throw refusal("map", path)
  }

  public func rename(_ from: String, to target: String) throws(SystemError) {
    throw refusal("rename", from)
  }

  public func link(_ path: String, to target: String) throws(SystemError) {
    throw refusal("link", path)
  }

  public func remove(_ path: String) throws(SystemError) { throw refusal("remove", path) }

  public func syncDirectory(_ path: String) throws(SystemError) { throw refusal("sync", path) }

  public func space(at path: String) throws(SystemError) -> (free: Int, total: Int) {
    throw refusal("look for space", path)
  }

  public func lock(_ path: String) throws(SystemError) -> any FileLock {
    throw refusal("lock", path)
  }
}

private final class StoreFile: ReadableFile {
  let byteCount: Int
  private let store: any ObjectStore
  private let key: String

  init(store: any ObjectStore, key: String, byteCount: Int) {
    self.store = store
    self.key = key
    self.byteCount = byteCount
  }

  func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    guard offset < byteCount, count > 0 else { return [] }
    do throws(ObjectError) {
      return try store.get(key, at: offset, count: min(count, byteCount - offset))
    } catch {
      throw error.systemError
    }
  }
}
