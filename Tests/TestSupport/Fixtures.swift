internal import Glibc
public import Platform

/// The files under Fixtures/, found from where this source file lies.
public enum Fixtures {
  /// The root of the repository.
  public static let repository: String = {
    var path = #filePath
    for _ in 0..<3 { path = Path.directory(of: path) }
    return path
  }()

  /// The path of `name` under Fixtures/, such as `format-v1/batch.bin`.
  public static func path(_ name: String) -> String { "\(repository)/Fixtures/\(name)" }

  /// The bytes of a fixture.
  public static func bytes(_ name: String) throws(SystemError) -> [UInt8] {
    try RealDisk().read(path(name), byteCountMax: 256 << 20)
  }

  /// Whether tests should write the fixtures they would compare with: set `VARVE_WRITE_FIXTURES`
  /// in the environment when a new format version is introduced on purpose.
  public static var areBeingWritten: Bool { unsafe getenv("VARVE_WRITE_FIXTURES") != nil }

  /// Compares `bytes` with the fixture `name`; writes it instead when ``areBeingWritten``.
  public static func matches(_ name: String, _ bytes: [UInt8]) throws(SystemError) -> Bool {
    if areBeingWritten {
      try RealDisk().createDirectory(Path.directory(of: path(name)))
      try RealDisk().replace(path(name), with: bytes)
    }
    return try self.bytes(name) == bytes
  }
}
