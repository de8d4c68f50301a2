/// Recognises a client that took the line port for another one, by the first line it sends.
enum ForeignProtocol {
  private static let methods = [
    "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PRI",
  ]
  private static let versions = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0"]
  /// Bytes of the longest request line worth a look.
  private static let requestByteCountMax = 16_384
  private static let helloByteCount = 3

  /// Whether a connection's first bytes begin a TLS handshake.
  static func isTLS(_ bytes: UnsafeRawPointer, count: Int) -> Bool {
    unsafe count >= helloByteCount && ByteScan.byte(bytes) == 0x16
      && ByteScan.byte(bytes + 1) == 0x03
      && ByteScan.byte(bytes + 2) <= 0x04
  }

  /// Names the protocol whose first line this is.
  static func name(_ line: UnsafeRawPointer, count: Int) -> String? {
    if unsafe isTLS(line, count: count) { return "this port speaks line protocol, not TLS" }
    guard count <= requestByteCountMax else { return nil }
    let text = unsafe String(
      decoding: UnsafeRawBufferPointer(start: line, count: count),
      as: UTF8.self
    )
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, methods.contains(String(words[0])), versions.contains(String(words[2]))
    else { return nil }
    return "this port speaks line protocol, not HTTP"
  }
}
