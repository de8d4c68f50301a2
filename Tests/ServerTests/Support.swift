import Engine
import Logging
import Platform
import Server
import Synchronization
import TestSupport

/// A whole server on free ports and a data directory of its own.
struct TestServer: Sendable {
  let server: VarveServer
  let addresses: VarveServer.Addresses
  let directory: TemporaryDirectory

  /// Starts on a new directory, or on one that an earlier server has left.
  static func start(
    _ directory: TemporaryDirectory? = nil,
    disk: any Disk = RealDisk(),
    recovers: Bool = true,
    authorizer: any Authorizer = OpenAuthorizer(),
    configure: (inout ServerConfiguration, inout EngineConfiguration) -> Void = { _, _ in }
  ) async throws -> TestServer {
    let directory = try directory ?? TemporaryDirectory()
    var configuration = ServerConfiguration()
    configuration.lines.port = 0
    configuration.http.port = 0
    configuration.drainSeconds = 1
    var engine = EngineConfiguration.scaled(
      dataDirectory: directory.file("data"),
      machineMemory: 1 << 30,
      disk: 1 << 30,
      cores: 2
    )
    configure(&configuration, &engine)
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    let server = try VarveServer(
      configuration,
      engine: engine,
      disk: disk,
      clock: RealClock(),
      logger: logger,
      authorizer: authorizer
    )
    let addresses = try await server.listen()
    if recovers { _ = try await server.recover() }
    return TestServer(server: server, addresses: addresses, directory: directory)
  }

  /// Starts a server, runs `body`, stops it.
  static func run(
    disk: any Disk = RealDisk(),
    authorizer: any Authorizer = OpenAuthorizer(),
    configure: (inout ServerConfiguration, inout EngineConfiguration) -> Void = { _, _ in },
    _ body: (TestServer) async throws -> Void
  ) async throws {
    let server = try await start(disk: disk, authorizer: authorizer, configure: configure)
    do {
      try await body(server)
    } catch {
      try? await server.stop()
      throw error
    }
    try await server.stop()
  }

  func stop() async throws { try await server.stop() }

  func connect() async throws -> LineClient {
    let address = addresses.lines
    return try await offPool { try LineClient(address) }
  }

  /// Sends `text` and `#ack` on a connection of its own.
  ///
  /// - Returns: the lines that came back.
  @discardableResult
  func write(_ text: String) async throws -> [String] {
    try await connect().acknowledge(text)
  }

  func get(
    _ target: String,
    headers: String = "",
    method: String = "GET"
  ) async throws -> HTTPAnswer {
    try await fetch(
      "\(method) \(target) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\(headers)\r\n"
    )
  }

  /// Sends the bytes of a request and reads to the end.
  func fetch(_ request: String) async throws -> HTTPAnswer {
    let address = addresses.http
    return try await offPool { try HTTPAnswer.fetch(address, request) }
  }

  /// The `data` of a range query, as text.
  func range(_ query: String, headers: String = "") async throws -> String {
    let answer = try await get("/api/v1/range?" + query, headers: headers)
    guard answer.status == 200, let end = answer.body.firstRange(of: ",\"stats\":") else {
      return "\(answer.status) \(answer.body)"
    }
    return String(answer.body[..<end.lowerBound])
  }

  func ranges(_ queries: [String]) async throws -> [String] {
    var answers: [String] = []
    for query in queries { answers.append(try await range(query)) }
    return answers
  }
}

/// Runs blocking calls on a thread of their own: the server under test shares the pool of tasks'
/// threads with the tests.
func offPool<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
    do {
      _ = try WorkerThread(name: "client") {
        continuation.resume(returning: Result { try body() })
      }
    } catch {
      continuation.resume(returning: .failure(error))
    }
  }
  return try result.get()
}

/// A client of the line port; one call at a time.
final class LineClient: Sendable {
  private let socket: TCPSocket
  private let rest = Mutex<[UInt8]>([])

  init(_ address: Address) throws {
    socket = try TCPSocket(host: address.host, port: address.port)
    socket.setReceiveTimeout(seconds: 20)
  }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) async throws {
    let socket = socket
    try await offPool { try socket.send(bytes, 0..<bytes.count) }
  }

  func finishSending() { socket.shutDownSending() }

  /// The next line, or `nil` at the end.
  func readLine() async throws -> String? { try await offPool { try self.nextLine() } }

  /// All lines up to the end.
  func readAll() async throws -> [String] {
    try await offPool {
      var lines: [String] = []
      while let line = try self.nextLine() { lines.append(line) }
      return lines
    }
  }

  /// Sends `text` and an `#ack`; returns what comes back, up to its answer.
  func acknowledge(_ text: String, id: String = "a") async throws -> [String] {
    try await send(text + "#ack \(id)\n")
    return try await offPool {
      var lines: [String] = []
      while let line = try self.nextLine() {
        lines.append(line)
        if line.hasPrefix("OK \(id) ") || line.hasPrefix("FAIL \(id) ") { break }
      }
      return lines
    }
  }

  private func nextLine() throws -> String? {
    while true {
      let line: String? = rest.withLock { rest in
        guard let end = rest.firstIndex(of: 10) else { return nil }
        defer { rest.removeFirst(end + 1) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      if let line { return line }
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      let count = try socket.receive(into: &buffer)
      if count == 0 { return nil }
      rest.withLock { $0 += buffer[..<count] }
    }
  }
}

/// What an HTTP server sent back on one connection.
struct HTTPAnswer: Sendable {
  var status = 0
  /// Names in lower case.
  var headers: [String: String] = [:]
  var body = ""
  /// All that came, heads and all.
  var whole = ""

  static func fetch(_ address: Address, _ request: String) throws -> HTTPAnswer {
    try fetch(address, Array(request.utf8))
  }

  /// - Parameters:
  ///   - bytes: a request that asks for the connection to be closed. A server that hangs up inside
  ///     of it is heard too.
  ///   - cuts: where it is sent in pieces, with a pause at each.
  ///   - endsSending: says that no more comes.
  static func fetch(
    _ address: Address,
    _ bytes: [UInt8],
    cuts: [Int] = [],
    pauseNanoseconds: UInt64 = 0,
    endsSending: Bool = false
  ) throws -> HTTPAnswer {
    let socket = try TCPSocket(host: address.host, port: address.port)
    socket.setReceiveTimeout(seconds: 20)
    do {
      for (start, end) in zip([0] + cuts, cuts + [bytes.count]) {
        try socket.send(bytes, start..<end)
        if end < bytes.count { Signal().wait(timeoutNanoseconds: pauseNanoseconds) }
      }
    } catch { _ = error }
    if endsSending { socket.shutDownSending() }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = try socket.receive(into: &buffer)
      if count == 0 { break }
      answer += buffer[..<count]
    }
    return HTTPAnswer(answer)
  }

  init() {}

  init(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    whole = text
    guard let end = text.firstRange(of: "\r\n\r\n") else { return }
    let lines = text[..<end.lowerBound].split(separator: "\r\n")
    status = lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].dropFirst()) : ""
    }
    body = String(text[end.upperBound...])
    if headers["transfer-encoding"] == "chunked" { body = Self.joinChunks(body) }
  }

  private static func joinChunks(_ text: String) -> String {
    var rest = Array(text.utf8)[...]
    var result: [UInt8] = []
    while let end = rest.firstIndex(of: 13) {
      let digits = String(decoding: rest[..<end], as: UTF8.self)
      guard let count = Int(digits, radix: 16), count > 0,
        rest.count >= end + 2 - rest.startIndex + count
      else { break }
      let start = end + 2
      result += rest[start..<start + count]
      rest = rest[(start + count + 2)...]
    }
    return String(decoding: result, as: UTF8.self)
  }
}
