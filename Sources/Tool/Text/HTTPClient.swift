internal import Platform
internal import Server

/// Asks a Varve server over HTTP: one request a connection, blocking.
package struct HTTPClient: Sendable {
  package struct Answer: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
      self.status = status
      self.headers = headers
      self.body = body
    }

    package func header(_ name: String) -> String? {
      headers.first { $0.name == name }?.value
    }
  }

  /// What kept an answer from coming.
  package struct Fault: Error, Sendable {
    package var message: String
  }

  private static let headByteCountMax = 64 << 10
  private static let bodyByteCountMax = 1 << 30

  private let address: Address
  private let prefix: String
  private let timeoutSeconds: Int
  /// `Authorization` and tenant, sent with each request.
  package var headers: [(name: String, value: String)] = []

  /// - Parameter url: `http://HOST[:PORT][/PREFIX]`, or just `HOST:PORT`; the port is 8086 when
  ///   none is given.
  package init(url: String, timeoutSeconds: Int = 60) throws(Fault) {
    let scheme = "http://"
    if url.hasPrefix("https://") {
      throw Fault(message: "\(url): https is not spoken here; use http:// or a local proxy")
    }
    let text = url.hasPrefix(scheme) ? String(url.dropFirst(scheme.count)) : url
    let authority = text.prefix { $0 != "/" && $0 != "?" }
    var path = String(text.dropFirst(authority.count))
    while path.hasSuffix("/") { path.removeLast() }
    let hasPort = authority.hasSuffix("]") ? false : authority.contains(":")
    guard let address = Address(hasPort ? String(authority) : "\(authority):8086"),
      !path.contains("?")
    else {
      throw Fault(
        message: "\"\(url)\" is no address of a server; expected such as http://127.0.0.1:8086"
      )
    }
    self.address = address
    prefix = path
    self.timeoutSeconds = timeoutSeconds
  }

  package func get(
    _ path: String,
    _ query: [(name: String, value: String)] = []
  ) throws(Fault) -> Answer {
    try request("GET", path, query)
  }

  package func request(
    _ method: String,
    _ path: String,
    _ query: [(name: String, value: String)] = [],
    body: [UInt8] = []
  ) throws(Fault) -> Answer {
    var target = prefix + path
    for (index, item) in query.enumerated() {
      target += (index == 0 ? "?" : "&") + Self.encode(item.name) + "=" + Self.encode(item.value)
    }
    var head = "\(method) \(target) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n"
    for header in headers { head += "\(header.name): \(header.value)\r\n" }
    if !body.isEmpty { head += "Content-Length: \(body.count)\r\n" }
    let bytes = Array((head + "\r\n").utf8) + body
    do throws(SystemError) {
      let socket = try TCPSocket(host: address.host, port: address.port)
      socket.setReceiveTimeout(seconds: timeoutSeconds)
      try socket.send(bytes, 0..<bytes.count)
      var reader = AnswerReader(socket)
      return try reader.read(headByteCountMax: Self.headByteCountMax, Self.bodyByteCountMax)
    } catch {
      throw Fault(message: describe(error))
    }
  }

  private func describe(_ error: SystemError) -> String {
    if error.code == SystemError.Code.wouldBlock {
      return "http://\(address) did not answer for \(timeoutSeconds) s"
    }
    if error.path == AnswerReader.malformed {
      return "http://\(address) does not answer like an HTTP server: \(error.operation)"
    }
    return "cannot reach http://\(address): \(error.reason); is varve serve running there?"
  }

  /// Percent-encodes everything but letters, digits and `-._~`.
  package static func encode(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }
}

/// Reads one answer off a socket: a body by its length, in chunks, or up to the end.
private struct AnswerReader {
  static let malformed = "answer"

  private let socket: TCPSocket
  private var bytes: [UInt8] = []
  private var position = 0
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  init(_ socket: TCPSocket) { self.socket = socket }

  private func fault(_ what: String) -> SystemError {
    SystemError(code: SystemError.Code.invalid, operation: what, path: Self.malformed)
  }

  mutating func read(
    headByteCountMax: Int,
    _ bodyByteCountMax: Int
  ) throws(SystemError) -> HTTPClient.Answer {
    let status = try line(headByteCountMax).split(separator: " ")
    guard status.count >= 2, status[0].hasPrefix("HTTP/1."), let code = Int(status[1]) else {
      throw fault("no status line")
    }
    var answer = HTTPClient.Answer(status: code, headers: [], body: [])
    while true {
      let header = try line(headByteCountMax)
      if header.isEmpty { break }
      guard let colon = header.firstIndex(of: ":") else { throw fault("a header without a colon") }
      let value = header[header.index(after: colon)...].drop { $0 == " " }
      answer.headers.append((name: header[..<colon].lowercased(), value: String(value)))
    }
    if code == 204 || code == 304 { return answer }
    if answer.header("transfer-encoding")?.lowercased() == "chunked" {
      while true {
        let size = try line(1_024).prefix { $0.isHexDigit }
        guard let count = Int(size, radix: 16), count >= 0,
          answer.body.count + count <= bodyByteCountMax
        else { throw fault("a chunk of no sensible length") }
        if count == 0 { break }
        try take(count, into: &answer.body)
        _ = try line(16)
      }
    } else if let text = answer.header("content-length") {
      guard let count = Int(text), (0...bodyByteCountMax).contains(count) else {
        throw fault("no sensible length")
      }
      try take(count, into: &answer.body)
    } else {
      while bytes.count - position <= bodyByteCountMax, try fill() {}
      answer.body = Array(bytes[position...])
    }
    return answer
  }

  /// - Returns: whether anything came.
  private mutating func fill() throws(SystemError) -> Bool {
    if position > 1 << 20 {
      bytes.removeFirst(position)
      position = 0
    }
    let count = try socket.receive(into: &buffer)
    bytes += buffer[..<count]
    return count > 0
  }

  private mutating func line(_ byteCountMax: Int) throws(SystemError) -> String {
    var searched = position
    while true {
      if let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { position = end + 1 }
        let isCRLF = end > position && bytes[end - 1] == UInt8(ascii: "\r")
        return String(decoding: bytes[position..<(isCRLF ? end - 1 : end)], as: UTF8.self)
      }
      let kept = bytes.count - position
      guard kept <= byteCountMax else { throw fault("a line without an end") }
      guard try fill() else { throw fault(kept == 0 ? "it hung up" : "it hung up in a line") }
      searched = position + kept
    }
  }

  private mutating func take(_ count: Int, into body: inout [UInt8]) throws(SystemError) {
    var missing = count
    while missing > 0 {
      if position == bytes.count, try !fill() { throw fault("it hung up in the body") }
      let part = min(missing, bytes.count - position)
      body += bytes[position..<position + part]
      position += part
      missing -= part
    }
  }
}
