/// A place where stored bytes are not what was written: one line of `varve verify`.
public struct Damage: Hashable, Sendable, CustomStringConvertible {
  public enum Severity: UInt8, Sendable, Hashable {
    /// Normal after a crash (a torn tail, an unfinished temporary file); costs nothing promised.
    case note
    case damage
    /// The file could not be read at all.
    case unreadable
  }

  public var severity: Severity
  public var path: String
  /// Where the bad bytes begin and how many they are, as far as can be told.
  public var offset: Int
  public var byteCount: Int
  /// What is wrong, in a few words.
  public var what: String
  /// What the bytes held: series, times, queue offsets, as far as can be told; or empty.
  public var range: String

  public init(
    severity: Severity,
    path: String,
    offset: Int,
    byteCount: Int,
    what: String,
    range: String = ""
  ) {
    self.severity = severity
    self.path = path
    self.offset = offset
    self.byteCount = byteCount
    self.what = what
    self.range = range
  }

  public var description: String {
    "\(path) \(offset) \(byteCount) \(what)\(range.isEmpty ? "" : " \(range)")"
  }
}
