import Engine
import Platform
import Server
import TestSupport
import Testing

/// Goal: a stop ends in time whatever clients do, and what was acknowledged is there afterwards.
struct StopTests {
  /// Sends rows with an acknowledgement each until it is hung up on.
  ///
  /// - Parameter onFirst: called once the first is acknowledged.
  /// - Returns: how many rows were acknowledged.
  private func load(
    _ client: LineClient,
    name: String,
    from start: Int64,
    onFirst: @Sendable () -> Void
  ) async -> Int {
    var count = 0
    while true {
      let row = "load,client=\(name) f=\(count)i \(start + Int64(count))\n"
      guard let answer = try? await client.acknowledge(row, id: "\(count)"),
        answer == ["OK \(count) 1 0"]
      else { return count }
      count += 1
      if count == 1 { onFirst() }
    }
  }

  /// Holds connections open in every bad state until told to let go.
  private func stalled(_ server: TestServer, bigAnswer: String) async throws -> [TCPSocket] {
    let (lines, http) = (server.addresses.lines, server.addresses.http)
    return try await offPool {
      let halfLine = try TCPSocket(host: lines.host, port: lines.port)
      try halfLine.send(text: "m,t=a f=1 1\nm,t=b f=")
      let silent = try TCPSocket(host: lines.host, port: lines.port)
      let halfRequest = try TCPSocket(host: http.host, port: http.port)
      try halfRequest.send(text: "GET /metrics HTTP/1.1\r\nHost: x\r\nX-")
      let halfBody = try TCPSocket(host: http.host, port: http.port)
      try halfBody.send(
        text: "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nm f=1"
      )
      let idle = try TCPSocket(host: http.host, port: http.port)
      let deaf = try TCPSocket(host: http.host, port: http.port)
      try deaf.send(text: "GET \(bigAnswer) HTTP/1.1\r\nHost: x\r\n\r\n")
      return [halfLine, silent, halfRequest, halfBody, idle, deaf]
    }
  }

  @Test(.timeLimit(.minutes(1))) func aStopEndsInTimeWhateverClientsDo() async throws {
    let secondsMax = 10
    let server = try await TestServer.start { configuration, _ in
      configuration.stopSeconds = secondsMax
    }
    let start = RealClock().now() / 1_000_000_000 - 2_000
    let fields = (0..<400).map { "f\($0)=\($0).123456" }.joined(separator: ",")
    let rows = (0..<1_000).map { "wide \(fields) \(start + Int64($0))\n" }
    try await server.write(rows.joined())
    let stalled = try await stalled(
      server,
      bigAnswer: "/api/v1/range?measurement=wide&field=*&start=\(start)"
    )
    // A client that takes no replies; it is sent more than the buffers between the ends hold.
    let deaf = try await server.connect()
    let flood = Array(String(repeating: "x\n", count: 4_000_000).utf8)
    let sender = Task {
      try? await deaf.send("#ack 1\n")
      try? await deaf.send(flood)
    }
    var clients: [LineClient] = []
    for _ in 0..<3 { clients.append(try await server.connect()) }
    let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
    let loads = clients.enumerated().map { index, client in
      Task { await load(client, name: "\(index)", from: start) { beginning.yield() } }
    }
    var iterator = begun.makeAsyncIterator()
    for _ in loads { await iterator.next() }
    try await Task.sleep(for: .milliseconds(200))
    let elapsed = try await ContinuousClock().measure { try await server.stop() }
    #expect(elapsed < .seconds(secondsMax))
    await sender.value
    withExtendedLifetime(stalled) {}
    let again = try await TestServer.start(server.directory)
    for (index, load) in loads.enumerated() {
      let acknowledged = await load.value
      #expect(acknowledged > 0)
      let answer = try await again.range(
        "measurement=load&tag.client=\(index)&field=f&start=\(start)&end=now"
      )
      let stored = answer.count { $0 == "," }
      // One timestamp and one value a row; what was stored without an answer may be there too.
      #expect(stored >= 2 * acknowledged - 2)
    }
    try await again.stop()
  }

  /// The best of three, since a machine that runs every other test at once may delay any of them.
  @Test func aStopWithoutClientsIsQuick() async throws {
    var best = Duration.seconds(60)
    for _ in 0..<3 where best >= .seconds(3) {
      let server = try await TestServer.start()
      try await server.write("m f=1\n")
      best = min(best, try await ContinuousClock().measure { try await server.stop() })
    }
    #expect(best < .seconds(3))
  }
}

extension TCPSocket {
  fileprivate func send(text: String) throws {
    let bytes = Array(text.utf8)
    try send(bytes, 0..<bytes.count)
  }
}
