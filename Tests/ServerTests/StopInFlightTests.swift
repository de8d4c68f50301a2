import Platform
import Query
import Server
import TestSupport
import Testing

/// Goal: a stop ends soon whatever clients are doing, and each of them gets an answer or a hang-up.
struct StopInFlightTests {
  @Test func requestsInFlightAreAnsweredAndIdleOnesCutOff() async throws {
    let server = try await TestServer.start { configuration, _ in configuration.drainSeconds = 1 }
    let rows = (0..<2_000).map { "m f=\($0) \(1_000_000_000 + $0)\n" }.joined()
    #expect(try await server.write(rows) == ["OK a 2000 0"])
    let address = server.addresses.http
    // One that never ends its request, one that keeps quiet, one that never reads its answer.
    let half = try await offPool { try TCPSocket(host: address.host, port: address.port) }
    try await send(half, "GET /api/v1/range?measurement=m HTTP/1.1\r\nHost: a\r\n")
    let quiet = try await offPool { try TCPSocket(host: address.host, port: address.port) }
    let deaf = try await offPool { try TCPSocket(host: address.host, port: address.port) }
    let request =
      "GET /api/v1/range?measurement=m&field=*&start=0&end=2000000000 HTTP/1.1\r\nHost: a\r\n\r\n"
    try await send(deaf, String(repeating: request, count: 200))

    let statuses = await withTaskGroup(of: [Int].self) { group in
      for target in ["/api/v1/ledger", "/metrics", "/api/v1/range?measurement=m&start=0&end=9"] {
        group.addTask {
          var statuses: [Int] = []
          while let answer = try? await server.get(target), answer.status != 0 {
            statuses.append(answer.status)
            if statuses.count > 20_000 { break }
          }
          return statuses
        }
      }
      group.addTask {
        var statuses: [Int] = []
        while let answer = try? await server.get("/api/v1/admin/flush", method: "POST"),
          answer.status != 0
        {
          statuses.append(answer.status)
        }
        return statuses
      }
      try? await Task.sleep(for: .milliseconds(200))
      let start = RealClock().monotonic()
      do { try await server.stop() } catch { Issue.record("stop: \(error)") }
      // What is promised, however busy the machine is.
      #expect(RealClock().monotonic() - start < 30_000_000_000)
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(statuses.contains(200))
    let odd = statuses.filter { ![200, 204, 503].contains($0) }
    #expect(odd == [])
    _ = (half, quiet, deaf)
    let again = try await TestServer.start(server.directory)
    #expect(
      try await again.range("measurement=m&start=1000000000&end=1000002000&step=24h&agg=count")
        .contains("[2000]")
    )
    try await again.stop()
  }

  private func send(_ socket: TCPSocket, _ text: String) async throws {
    let bytes = Array(text.utf8)
    try await offPool { try socket.send(bytes, 0..<bytes.count) }
  }
}
