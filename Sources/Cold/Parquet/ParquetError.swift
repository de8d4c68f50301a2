internal import Platform

/// Why a Parquet file cannot be read: always with the file's name and what was expected of it.
public struct ParquetError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// The bytes are not what a writer wrote.
    case damage
    /// Whole, as far as can be told, and not of the subset that is read here.
    case foreign
    case system
  }

  public var kind: Kind
  public var path: String
  /// Where in the file.
  public var offset: Int
  public var what: String

  public init(_ kind: Kind, path: String, offset: Int, _ what: String) {
    self.kind = kind
    self.path = path
    self.offset = offset
    self.what = what
  }

  init(_ error: SystemError, path: String) {
    self.init(.system, path: path, offset: 0, error.reason)
  }

  public var description: String {
    kind == .system ? "\(path): \(what)" : "\(path): byte \(offset): \(what)"
  }
}
