import Platform
import Server
import Synchronization

/// A reader of `/api/v1/stream` on a socket of its own; one call at a time.
final class StreamClient: Sendable {
  struct Event: Hashable, Sendable {
    var id = ""
    var name = ""
    var data = ""
  }

  private struct State {
    /// Bytes of the body that are no whole event yet.
    var text: [UInt8] = []
    /// Bytes that are no whole chunk yet.
    var rest: [UInt8] = []
    var isOver = false
  }

  private let socket: TCPSocket
  private let state = Mutex(State())
  let status: Int

  /// Connects, sends the request and reads the head of the answer.
  static func open(
    _ address: Address,
    _ query: String,
    lastEventID: String? = nil,
    headers: String = ""
  ) async throws -> StreamClient {
    try await offPool {
      try StreamClient(address, query, lastEventID, headers)
    }
  }

  private init(
    _ address: Address,
    _ query: String,
    _ lastEventID: String?,
    _ headers: String
  ) throws {
    socket = try TCPSocket(host: address.host, port: address.port)
    socket.setReceiveTimeout(seconds: 30)
    var request = "GET /api/v1/stream?\(query) HTTP/1.1\r\nHost: test\r\n\(headers)"
    if let lastEventID { request += "Last-Event-ID: \(lastEventID)\r\n" }
    let bytes = Array((request + "\r\n").utf8)
    try socket.send(bytes, 0..<bytes.count)
    var head: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = try socket.receive(into: &buffer)
      head += buffer[..<count]
      let text = String(decoding: head, as: UTF8.self)
      if let end = text.firstRange(of: "\r\n\r\n") {
        status = Int(text.split(separator: " ")[1]) ?? 0
        let body = text[end.upperBound...]
        state.withLock { $0.rest = Array(body.utf8) }
        return
      }
      if count == 0 { throw SystemError(code: 104, operation: "recv", path: "stream") }
    }
  }

  /// The next event; `nil` when the server has ended the stream.
  func next() async throws -> Event? { try await offPool { try self.read() } }

  /// Events up to the first one that `isLast` accepts, that one included.
  func events(
    besides ignored: Set<String> = ["ping"],
    until isLast: @escaping @Sendable ([Event]) -> Bool
  ) async throws -> [Event] {
    try await offPool {
      var events: [Event] = []
      while !isLast(events), let event = try self.read() {
        if !ignored.contains(event.name) { events.append(event) }
      }
      return events
    }
  }

  func close() { socket.shutDown() }

  func read() throws -> Event? {
    while true {
      let (event, isOver) = state.withLock { ($0.takeEvent(), $0.isOver) }
      if let event { return event }
      if isOver { return nil }
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      let count = try socket.receive(into: &buffer)
      state.withLock { state in
        if count == 0 { state.isOver = true }
        state.rest += buffer[..<count]
        state.takeChunks()
      }
    }
  }
}

extension StreamClient.State {
  /// Moves whole chunks from `rest` to `text`.
  mutating func takeChunks() {
    while let end = rest.firstIndex(of: 13) {
      guard let count = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16),
        rest.count >= end + 4 + count
      else { return }
      if count == 0 { isOver = true }
      text += rest[(end + 2)..<(end + 2 + count)]
      rest.removeFirst(end + 4 + count)
    }
  }

  /// The first whole event; blocks without data are none.
  mutating func takeEvent() -> StreamClient.Event? {
    takeChunks()
    while let end = text.firstRange(of: [10, 10]) {
      let block = String(decoding: text[..<end.lowerBound], as: UTF8.self)
      text.removeFirst(end.upperBound)
      var event = StreamClient.Event()
      for line in block.split(separator: "\n") {
        if line.hasPrefix("id: ") { event.id = String(line.dropFirst(4)) }
        if line.hasPrefix("event: ") { event.name = String(line.dropFirst(7)) }
        if line.hasPrefix("data: ") { event.data = String(line.dropFirst(6)) }
      }
      if !event.data.isEmpty { return event }
    }
    return nil
  }
}
