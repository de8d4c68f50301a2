internal import Platform
internal import Server

/// Reads single figures off a server's `/metrics`.
package struct MetricsClient {
  private static let answerByteCountMax = 16 << 20

  private let address: Address

  /// - Parameter url: `http://HOST:PORT`, or just `HOST:PORT`.
  package init?(_ url: String) {
    let scheme = "http://"
    var text = url.hasPrefix(scheme) ? String(url.dropFirst(scheme.count)) : url
    if text.hasSuffix("/") { text.removeLast() }
    guard let address = Address(text) else { return nil }
    self.address = address
  }

  /// Processor time of the server so far, or `nil` when it does not tell.
  func processorSeconds() -> Double? {
    guard let page = try? page() else { return nil }
    return Self.value(of: "process_cpu_seconds_total", in: page)
  }

  private func page() throws(SystemError) -> String {
    let socket = try TCPSocket(host: address.host, port: address.port)
    socket.setReceiveTimeout(seconds: 10)
    let request = Array(
      "GET /metrics HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n".utf8
    )
    try socket.send(request, 0..<request.count)
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while answer.count < Self.answerByteCountMax {
      let count = try socket.receive(into: &buffer)
      if count == 0 { break }
      answer += buffer[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
  }

  /// The value of a sample without labels.
  package static func value(of name: String, in page: String) -> Double? {
    for line in page.split(whereSeparator: \.isNewline) where line.hasPrefix(name + " ") {
      return Double(line.dropFirst(name.count + 1))
    }
    return nil
  }
}
