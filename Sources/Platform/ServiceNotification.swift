internal import Glibc

/// What a service manager is told of the process, by the datagrams of sd_notify(3): `READY=1`,
/// `STOPPING=1`, `STATUS=…`. Without a manager that asked for them nothing happens.
public enum ServiceNotification {
  /// The longest address that a Unix socket may have.
  private static let pathByteCountMax = 107

  /// Sends one datagram; best effort, as a manager that is gone is no reason to stop.
  ///
  /// - Parameters:
  ///   - lines: assignments without their line feeds.
  ///   - path: the socket; by default the one that `NOTIFY_SOCKET` names. An `@` in front stands
  ///     for an abstract address.
  /// - Returns: whether somebody was told.
  @discardableResult
  public static func send(
    _ lines: [String],
    to path: String? = ProcessEnvironment.value(of: "NOTIFY_SOCKET")
  ) -> Bool {
    guard let path, let address = address(of: path) else { return false }
    let message = Array(lines.joined(separator: "\n").utf8)
    let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard let raw = try? SystemCall.run("socket", path, { socket(AF_UNIX, kind, 0) }) else {
      return false
    }
    defer { SystemCall.close(raw) }
    let sent = try? SystemCall.run("sendto", path) {
      unsafe address.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return -1 }
        return unsafe sendto(
          raw,
          message,
          message.count,
          Int32(MSG_NOSIGNAL),
          base.assumingMemoryBound(to: sockaddr.self),
          socklen_t(bytes.count)
        )
      }
    }
    return sent != nil
  }

  /// The bytes of a `sockaddr_un`: the family, then the path; an abstract one begins with a zero.
  private static func address(of path: String) -> [UInt8]? {
    var bytes = Array(path.utf8)
    guard bytes.count > 1, bytes.count <= pathByteCountMax else { return nil }
    switch bytes.first {
    case UInt8(ascii: "/"): bytes.append(0)
    case UInt8(ascii: "@"): bytes[0] = 0
    default: return nil
    }
    let family = sa_family_t(AF_UNIX)
    return unsafe withUnsafeBytes(of: family) { unsafe Array($0) } + bytes
  }
}
