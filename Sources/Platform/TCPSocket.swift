internal import Glibc

/// A connected TCP stream with blocking calls: for the load generator and small clients.
///
/// One thread may send while another receives. The descriptor is closed with the last reference.
public final class TCPSocket: Sendable {
  private let raw: Int32
  /// `host:port`, for messages.
  private let name: String

  /// Connects to the first address of `host` that answers, with Nagle's delay off.
  public init(host: String, port: Int) throws(SystemError) {
    name = "\(host):\(port)"
    raw = try Self.connectToAny(Self.resolve(host: host, port: port, name: name), name: name)
  }

  deinit { SystemCall.close(raw) }

  private static func connectToAny(
    _ addresses: [ResolvedAddress],
    name: String
  ) throws(SystemError) -> Int32 {
    var failure = SystemError(code: EADDRNOTAVAIL, operation: "connect", path: name)
    for address in addresses {
      do throws(SystemError) { return try connect(address, name: name) } catch { failure = error }
    }
    throw failure
  }

  private struct ResolvedAddress {
    var family: Int32
    var bytes: [UInt8]
  }

  private static func resolve(
    host: String,
    port: Int,
    name: String
  ) throws(SystemError) -> [ResolvedAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, "\(port)", &hints, &list) == 0 else {
      throw SystemError(code: EHOSTUNREACH, operation: "resolve", path: name)
    }
    defer { unsafe freeaddrinfo(list) }
    var result: [ResolvedAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      let bytes = unsafe UnsafeRawBufferPointer(
        start: entry.pointee.ai_addr,
        count: Int(entry.pointee.ai_addrlen)
      )
      unsafe result.append(ResolvedAddress(family: entry.pointee.ai_family, bytes: Array(bytes)))
      unsafe next = entry.pointee.ai_next
    }
    return result
  }

  private static func connect(
    _ address: ResolvedAddress,
    name: String
  ) throws(SystemError) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let raw = try SystemCall.run("socket", name) { socket(address.family, kind, 0) }
    do throws(SystemError) {
      try SystemCall.run("connect", name) {
        unsafe address.bytes.withUnsafeBytes { bytes in
          guard let base = bytes.baseAddress else { return Int32(-1) }
          let start = unsafe base.assumingMemoryBound(to: sockaddr.self)
          return unsafe Glibc.connect(raw, start, socklen_t(bytes.count))
        }
      }
    } catch {
      SystemCall.close(raw)
      throw error
    }
    var on: Int32 = 1
    let byteCount = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe setsockopt(raw, Int32(IPPROTO_TCP), TCP_NODELAY, &on, byteCount)
    return raw
  }

  /// How long ``receive(into:)`` waits at most before it throws `EAGAIN`; 0 waits for ever.
  public func setReceiveTimeout(seconds: Int) {
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    _ = unsafe setsockopt(
      raw,
      SOL_SOCKET,
      SO_RCVTIMEO,
      &time,
      socklen_t(MemoryLayout<timeval>.size)
    )
  }

  /// Sends all of `range`; waits while the peer does not read.
  ///
  /// - Parameter hasMore: more follows at once, so a partly filled packet may wait for it.
  public func send(
    _ bytes: [UInt8],
    _ range: Range<Int>,
    hasMore: Bool = false
  ) throws(SystemError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    let flags = Int32(MSG_NOSIGNAL) | (hasMore ? Int32(MSG_MORE) : 0)
    var sent = range.lowerBound
    while sent < range.upperBound {
      let (start, count) = (sent, range.upperBound - sent)
      sent += try SystemCall.run("send", name) {
        unsafe bytes.withUnsafeBytes { buffer in
          guard let base = buffer.baseAddress else { return 0 }
          return unsafe Glibc.send(raw, base + start, count, flags)
        }
      }
    }
  }

  /// Reads what is there, at least one byte, into the start of `buffer`.
  ///
  /// - Returns: how many bytes; 0 when the peer sends no more.
  public func receive(into buffer: inout [UInt8]) throws(SystemError) -> Int {
    let count = buffer.count
    return try SystemCall.run("recv", name) { unsafe recv(raw, &buffer, count, 0) }
  }

  /// Tells the peer that nothing more comes; its answers can still be read.
  public func shutDownSending() { _ = shutdown(raw, Int32(SHUT_WR)) }

  /// Ends both directions, so that a thread that waits in ``receive(into:)`` returns.
  public func shutDown() { _ = shutdown(raw, Int32(SHUT_RDWR)) }
}
