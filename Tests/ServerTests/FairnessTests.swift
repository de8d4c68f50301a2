import Engine
import Platform
import Server
import Synchronization
import TestSupport
import Testing

/// One client that sends without a pause and reads nothing does not make the others wait.
///
/// One flood at a time: they are to be measured, not to fight for the processor with one another.
@Suite(.serialized) struct FairnessTests {
  /// Sends a beginning once and a piece for ever, on many connections, and never reads.
  private final class Flood: Sendable {
    private let sockets: [TCPSocket]
    private let threads = Mutex<[WorkerThread]>([])
    private let sentByteCount = Atomic(0)

    init(_ address: Address, count: Int, head: String, piece: [UInt8]) throws {
      sockets = try (0..<count).map { _ in try TCPSocket(host: address.host, port: address.port) }
      for socket in sockets {
        let thread = try WorkerThread(name: "flood") { [self] in
          do throws(SystemError) {
            let bytes = Array(head.utf8)
            try socket.send(bytes, 0..<bytes.count)
            while true {
              try socket.send(piece, 0..<piece.count)
              sentByteCount.wrappingAdd(piece.count, ordering: .relaxed)
            }
          } catch {
            return
          }
        }
        threads.withLock { $0.append(thread) }
      }
    }

    var byteCount: Int { sentByteCount.load(ordering: .relaxed) }

    func stop() async throws {
      for socket in sockets { socket.shutDown() }
      try await offPool { [self] in
        for thread in threads.withLock({ $0 }) { thread.join() }
      }
    }
  }

  private static let lines: [UInt8] = {
    let line = (0..<50).map { "metric\($0)=\($0).5" }.joined(separator: ",")
    return Array((0..<40).map { "flood,host=h\($0) \(line) 1000000000\n" }.joined().utf8)
  }()

  /// The median, since a machine that runs every other test at once may make any one of them wait.
  private func median(of count: Int, _ body: () async throws -> Void) async throws -> Duration {
    var times: [Duration] = []
    let clock = ContinuousClock()
    for _ in 0..<count {
      times.append(try await clock.measure { try await body() })
      try await Task.sleep(for: .milliseconds(50))
    }
    return times.sorted()[count / 2]
  }

  private func checkSmallClients(of server: TestServer, beside flood: Flood) async throws {
    try await eventually("the flood has begun") { flood.byteCount > 1 << 20 }
    let client = try await server.connect()
    let overTCP = try await median(of: 5) {
      let answer = try await client.acknowledge("small f=1\n")
      #expect(answer == ["OK a 1 0"])
    }
    let overHTTP = try await median(of: 5) {
      let found = try await server.post("/write", "small f=1\n").status
      #expect(found == 204)
    }
    let page = try await median(of: 3) {
      let found = try await server.get("/-/ready").status
      #expect(found == 200)
    }
    let limit = Duration.seconds(4)
    #expect(overTCP < limit && overHTTP < limit && page < limit, "\(overTCP) \(overHTTP) \(page)")
    try await flood.stop()
  }

  /// Lines that are refused cost a hundred times what good ones of their length do.
  private static let nonsense = Array(String(repeating: "nonsense\n", count: 1_000).utf8)

  @Test(arguments: [("", lines), ("", nonsense), ("#ack 1\n", nonsense)])
  func aFloodOfTheLinePortLeavesRoomForOthers(head: String, piece: [UInt8]) async throws {
    try await TestServer.run { server in
      let address = server.addresses.lines
      let flood = try await offPool {
        try Flood(address, count: 30, head: head, piece: piece)
      }
      try await checkSmallClients(of: server, beside: flood)
    }
  }

  /// Items that are none cost as much.
  private static let noItems = Array(String(repeating: "{},", count: 3_000).utf8)

  @Test(arguments: [
    ("/write", lines), ("/write", nonsense), ("/api/v1/points", noItems),
  ])
  func aFloodOfEndlessBodiesLeavesRoomForOthers(path: String, piece: [UInt8]) async throws {
    try await TestServer.run { server in
      let address = server.addresses.http
      let chunk = Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece
      let flood = try await offPool {
        try Flood(
          address,
          count: 30,
          head: "POST \(path) HTTP/1.1\r\nHost: flood\r\nTransfer-Encoding: chunked\r\n\r\n",
          piece: chunk + Array("\r\n".utf8)
        )
      }
      try await checkSmallClients(of: server, beside: flood)
    }
  }

  @Test func aClientThatPipelinesAndNeverReadsIsNotReadForEver() async throws {
    try await TestServer.run { server in
      let address = server.addresses.http
      let request = "POST /write HTTP/1.1\r\nHost: flood\r\nContent-Length: 10\r\n\r\nflood f=1\n"
      let flood = try await offPool {
        try Flood(
          address,
          count: 10,
          head: "",
          piece: Array(String(repeating: request, count: 1_000).utf8)
        )
      }
      try await eventually("requests are answered") {
        try await server.range("measurement=flood&field=f&limit=1").contains("values")
      }
      let client = try await server.connect()
      let time = try await median(of: 3) {
        let found = try await client.acknowledge("small f=1\n")
        #expect(found == ["OK a 1 0"])
      }
      #expect(time < .seconds(4))
      try await flood.stop()
    }
  }

  @Test func whileMergesAreBehindAFloodIsHeldToARateAndSmallClientsAreAnswered() async throws {
    try await TestServer.run { _, engine in
      // Nothing but the test says how fast rows may come.
      engine.compaction.mode = .none
    } _: { server in
      let gate = try #require(server.server.engine.ingestGate)
      gate.limit(bytesPerSecond: 4e6)
      let address = server.addresses.lines
      let flood = try await offPool {
        try Flood(address, count: 4, head: "", piece: Self.lines)
      }
      try await eventually("the flood has begun") { gate.receivedByteCount > 4 << 20 }
      let clock = ContinuousClock()
      let (before, start) = (gate.receivedByteCount, clock.now)
      try await Task.sleep(for: .seconds(2))
      let passed = clock.now - start
      let taken = Double(gate.receivedByteCount - before)
      // A round of each loop may be more than it should.
      #expect(taken < 4e6 * (passed / .seconds(1)) + Double(16 << 20), "\(taken) in \(passed)")
      try await checkSmallClients(of: server, beside: flood)
      #expect(gate.receivedByteCount > before)
      gate.limit(bytesPerSecond: nil)
      let last = try await server.connect().acknowledge("small f=1\n")
      #expect(last == ["OK a 1 0"])
    }
  }
}
