internal import Glibc
public import Platform

/// A folder of its own for one test, removed with all that is in it when the last reference goes.
public final class TemporaryDirectory: Sendable {
  /// Without a slash at the end.
  public let path: String

  public init() throws(SystemError) {
    let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/varve-test-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw SystemError(code: errno, operation: "mkdtemp", path: base)
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.removeTree(path) }

  /// The path of `name` in this folder.
  public func file(_ name: String) -> String { Path.join(path, name) }

  /// Best effort: what cannot be removed stays behind for `/tmp`'s own broom.
  private static func removeTree(_ path: String) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      let names = (try? RealDisk().list(path)) ?? []
      for name in names { removeTree(Path.join(path, name)) }
    }
    _ = unsafe remove(path)
  }
}
