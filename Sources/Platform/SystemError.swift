/// A system call that failed: the third kind of failure, neither bad data nor our bug.
///
/// The caller degrades as documented (a full disk refuses writes, an unreadable file is reported);
/// it never retries a failed sync as if it had worked.
public struct SystemError: Error, Equatable, Sendable {
  /// The value of `errno`, such as `ENOSPC`.
  public var code: Int32
  /// The operation as an operator knows it: `open`, `write`, `fdatasync`, `rename`.
  public var operation: String
  /// The file that it was about.
  public var path: String

  public init(code: Int32, operation: String, path: String) {
    self.code = code
    self.operation = operation
    self.path = path
  }
}
