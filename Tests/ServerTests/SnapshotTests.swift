import Engine
import Model
import Platform
import Server
import Synchronization
import TestSupport
import Testing

/// Goal: a snapshot is a data directory with everything that was acknowledged before it, sound for
/// itself, and whoever uses it changes nothing of the original.
struct SnapshotTests {
  private static let minute: Int64 = 60_000_000_000
  private final class Progress: Sendable {
    /// Rows.
    let acknowledged = Atomic(0)
    let isDone = Atomic(false)
  }

  private static let query = "measurement=m&field=*&start=-3h&end=now-0s&step=60s&agg=count,sum"

  /// Seconds of now, in nanoseconds.
  private static var now: Int64 { RealClock().now() / 1_000_000_000 * 1_000_000_000 }

  private static func rows(_ count: Int, from time: Int64, series: Int = 20) -> String {
    (0..<count).map { row in
      "m,s=\(row % series) v=\(row),w=\"t\(row % 3)\" \(time + Int64(row) * 1_000_000)\n"
    }.joined()
  }

  private static func findings(_ path: String) async throws -> [Damage] {
    try await offPool {
      DataDirectoryCheck(disk: RealDisk(), path: path).run().findings.filter {
        $0.severity != .note
      }
    }
  }

  /// The path of a snapshot that is made now.
  private static func snapshot(_ server: TestServer) async throws -> String {
    let answer = try await server.get("/api/v1/admin/tsdb/snapshot", method: "POST")
    #expect(answer.status == 200, "\(answer.body)")
    let text = try #require(
      answer.body.split(separator: "\"").map(String.init).first {
        $0.contains("/snapshots/")
      }
    )
    return text
  }

  private static func count(_ server: TestServer) async throws -> UInt64 {
    let rows = await server.server.engine.ledger()
    return rows.reduce(0) { $0 + $1.entry.stored + $1.entry.duplicate + $1.pending }
  }

  private static func serve(_ path: String) async throws -> TestServer {
    try await TestServer.start { _, engine in engine.dataDirectory = path }
  }

  @Test func parametersMayStandInAForm() async throws {
    try await TestServer.run { server in
      func post(
        _ route: String,
        _ body: String,
        type: String = "application/x-www-form-urlencoded; charset=utf-8"
      ) async throws -> HTTPAnswer {
        try await server.fetch(
          "POST /api/v1/admin/tsdb/\(route) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
            + "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
      }
      let time = Self.now - 90 * Self.minute
      try await server.write(Self.rows(100, from: time, series: 2))
      let range = Self.query.replacingNow(with: time + 60 * Self.minute)
      func contains(_ series: Int) async throws -> Bool {
        try await server.range(range).contains("\"s\":\"\(series)\"")
      }
      #expect(try await contains(0))
      #expect(try await contains(1))
      let gone = "match%5B%5D=m%7Bs%3D%220%22%7D&start=\(time / 1_000_000_000 - 1)"
      #expect(try await post("delete_series", gone).status == 204)
      #expect(try await !contains(0))
      #expect(try await contains(1))
      // Beside those of the address.
      #expect(try await post("delete_series?start=2001-01-01T00:00:00Z", "match[]=m").status == 204)
      #expect(try await !contains(1))
      for (body, type, text) in [
        ("match[]=m", "text/plain", "need Content-Type: application/x-www-form-urlencoded"),
        ("match[]=%zz", "application/x-www-form-urlencoded", "two hex digits"),
        ("", "application/x-www-form-urlencoded", "match[]"),
        (
          "match[]=" + String(repeating: "m", count: 1 << 20), "application/x-www-form-urlencoded",
          "1048576 bytes at most"
        ),
      ] {
        let answer = try await post("delete_series", body, type: type)
        #expect(answer.status == 400)
        #expect(answer.body.contains(text), "\(answer.body.prefix(300))")
      }
      let name = Path.name(of: try await Self.snapshot(server))
      #expect(try await post("delete_snapshot", "name=\(name)").status == 204)
      #expect(try await post("delete_snapshot", "name=\(name)").status == 400)
    }
  }

  @Test func aSnapshotHasWhatWasAcknowledged() async throws {
    try await TestServer.run { server in
      let time = Self.now - 90 * Self.minute
      // Blocks, a second cut, and rows that only the log has.
      try await server.write(Self.rows(500, from: time))
      #expect(try await server.get("/api/v1/admin/flush", method: "POST").status == 204)
      try await server.write(Self.rows(500, from: time + Self.minute))
      #expect(try await server.get("/api/v1/admin/flush", method: "POST").status == 204)
      try await server.write(Self.rows(300, from: time + 2 * Self.minute))
      let range = Self.query.replacingNow(with: time + 60 * Self.minute)
      let expected = try await server.range(range)
      let path = try await Self.snapshot(server)
      #expect(try await Self.findings(path).isEmpty)

      let copy = try await Self.serve(path)
      #expect(try await copy.range(range) == expected)
      // Both go on for themselves.
      try await copy.write(Self.rows(100, from: time + 3 * Self.minute, series: 30))
      #expect(try await copy.get("/api/v1/admin/flush", method: "POST").status == 204)
      try await server.write(Self.rows(200, from: time + 4 * Self.minute, series: 40))
      #expect(try await server.get("/api/v1/admin/flush", method: "POST").status == 204)
      try await copy.stop()
      #expect(try await Self.findings(path).isEmpty)
      #expect(try await Self.findings(server.directory.file("data")).isEmpty)
    }
  }

  @Test func snapshotsWhileRowsComeAreSound() async throws {
    try await TestServer.run { server in
      let time = Self.now - 30 * Self.minute
      let progress = Progress()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let client = try await server.connect()
          var round = 0
          while !progress.isDone.load(ordering: .relaxed), round < 2_000 {
            let rows = Self.rows(200, from: time + Int64(round) * 200_000_000)
            _ = try await client.acknowledge(rows, id: "r\(round)")
            progress.acknowledged.wrappingAdd(200, ordering: .sequentiallyConsistent)
            round += 1
            if round % 7 == 0 {
              _ = try await server.get("/api/v1/admin/flush", method: "POST")
            }
          }
        }
        defer { progress.isDone.store(true, ordering: .relaxed) }
        for _ in 0..<4 {
          let before = progress.acknowledged.load(ordering: .sequentiallyConsistent)
          let path = try await Self.snapshot(server)
          #expect(try await Self.findings(path).isEmpty)
          let copy = try await Self.serve(path)
          #expect(try await Self.count(copy) >= UInt64(before) * 2)
          try await copy.stop()
          #expect(try await Self.findings(path).isEmpty)
        }
        progress.isDone.store(true, ordering: .relaxed)
        try await group.waitForAll()
      }
      #expect(try await Self.findings(server.directory.file("data")).isEmpty)
    }
  }

  @Test func snapshotsAreListedAndRemoved() async throws {
    try await TestServer.run { server in
      try await server.write(Self.rows(10, from: Self.now))
      let empty = try await server.get("/api/v1/admin/tsdb/snapshots")
      #expect(empty.body == #"{"status":"success","data":[]}"#)
      let path = try await Self.snapshot(server)
      let name = Path.name(of: path)
      let listed = try await server.get("/api/v1/admin/tsdb/snapshots")
      #expect(listed.body == #"{"status":"success","data":["\#(name)"]}"#)
      for (query, status) in [("", 400), ("?name=../data", 400), ("?name=x", 400)] {
        let target = "/api/v1/admin/tsdb/delete_snapshot\(query)"
        #expect(try await server.get(target, method: "POST").status == status)
      }
      let target = "/api/v1/admin/tsdb/delete_snapshot?name=\(name)"
      #expect(try await server.get(target, method: "POST").status == 204)
      #expect(try RealDisk().list(Path.directory(of: path)).isEmpty)
      #expect(try await Self.findings(server.directory.file("data")).isEmpty)
    }
  }
}

extension String {
  /// The query with times that do not move.
  fileprivate func replacingNow(with end: Int64) -> String {
    let seconds = end / 1_000_000_000
    return split(separator: "&").map { item in
      if item.hasPrefix("start=") { return "start=\(seconds - 7_200)" }
      return item.hasPrefix("end=") ? "end=\(seconds)" : String(item)
    }.joined(separator: "&")
  }
}
