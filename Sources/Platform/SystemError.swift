internal import Glibc

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

  /// The codes that callers tell apart, for modules that know no `errno.h`.
  public enum Code {
    public static let noSpace: Int32 = ENOSPC
    public static let quotaExceeded: Int32 = EDQUOT
    public static let inputOutput: Int32 = EIO
    public static let noSuchFile: Int32 = ENOENT
    public static let exists: Int32 = EEXIST
    public static let notDirectory: Int32 = ENOTDIR
    public static let fileTooBig: Int32 = EFBIG
    public static let wouldBlock: Int32 = EWOULDBLOCK
    public static let invalid: Int32 = EINVAL
    public static let notPermitted: Int32 = EACCES
    public static let readOnly: Int32 = EROFS
    public static let addressInUse: Int32 = EADDRINUSE
    public static let notConnected: Int32 = ENOTCONN
    public static let timedOut: Int32 = ETIMEDOUT
    public static let brokenPipe: Int32 = EPIPE
  }

  /// Whether space on the disk would have helped.
  public var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }
  /// Whether the process or the machine has no descriptor or no memory left: says nothing of the
  /// file.
  public var isOutOfResources: Bool { code == EMFILE || code == ENFILE || code == ENOMEM }
  /// Whether there is no such file.
  public var isMissing: Bool { code == ENOENT || code == ENOTDIR }
  /// Whether another process holds the lock.
  public var isHeld: Bool { code == EWOULDBLOCK }
}

extension SystemError: CustomStringConvertible {
  /// What the C library says about the code: `No space left on device`.
  public var reason: String { Self.text(of: code) }

  /// `/data/queue/1.segment: write: No space left on device (28)`.
  public var description: String { "\(path): \(operation): \(Self.text(of: code)) (\(code))" }

  /// What the C library says about a code.
  private static func text(of code: Int32) -> String {
    // glibc keeps the text in memory of the calling thread, so that no other thread changes it.
    guard let text = unsafe strerror(code) else { return "unknown error" }
    return unsafe String(cString: text)
  }
}
