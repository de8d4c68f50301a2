import Engine
import Platform
import Server
import TestSupport
import Testing

/// The HTTP port over real sockets.
struct HTTPServerTests {
  @Test func operationalRoutesAnswer() async throws {
    try await TestServer.run { server in
      let ready = try await server.get("/-/ready")
      #expect(ready.status == 200)
      #expect(ready.body == #"{"status":"ready"}"#)
      #expect(ready.headers["content-type"] == "application/json")
      #expect(try await server.get("/-/healthy").status == 200)
      let health = try await server.get("/health")
      #expect(health.status == 200)
      #expect(health.body.contains(#""status":"pass""#))
      let ping = try await server.get("/ping")
      #expect(ping.status == 204)
      #expect(ping.body.isEmpty)
      #expect(ping.headers["x-influxdb-version"] != nil)
      #expect(try await server.get("/ping?verbose=true").body.contains("version"))
      #expect(try await server.get("/ping", method: "HEAD").status == 204)
      let influx = try await server.get("/ready")
      #expect(influx.status == 200)
      #expect(influx.body.hasPrefix(#"{"status":"ready","started":"20"#))
      #expect(influx.body.contains(#"Z","up":""#), "\(influx.body)")
    }
  }

  @Test func metricsFollowTheTextFormat() async throws {
    try await TestServer.run { server in
      try await server.write("m a=1,b=2\nm a=1\n")
      #expect(try await server.get("/api/v1/admin/flush", method: "POST").status == 204)
      let answer = try await server.get("/metrics")
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      var described: Set<Substring> = []
      for line in answer.body.split(separator: "\n") {
        let words = line.split(separator: " ")
        if line.hasPrefix("# TYPE ") {
          #expect(described.insert(words[2]).inserted, "\(line) comes twice")
          #expect(["counter", "gauge", "histogram"].contains(words[3]))
          #expect(words[3] != "counter" || words[2].hasSuffix("_total"), "\(line)")
          continue
        }
        if line.hasPrefix("#") { continue }
        let name = line.prefix { $0 != " " && $0 != "{" }
        let family = ["_bucket", "_sum", "_count"].reduce(name) { name, suffix in
          name.hasSuffix(suffix) ? name.dropLast(suffix.count) : name
        }
        #expect(described.contains(name) || described.contains(family), "\(line)")
        #expect(words.last.flatMap { Double($0) } != nil, "\(line)")
      }
      #expect(answer.body.contains(#"varve_durability_info{mode="fsync"} 1"#))
      #expect(answer.body.contains("\nvarve_points_received_total{tenant=\"default\"} 3\n"))
    }
  }

  @Test func headAnswersLikeGetWithoutABody() async throws {
    try await TestServer.run { server in
      for path in ["/health", "/metrics", "/-/ready", "/api/v1/ledger"] {
        let head = try await server.get(path, method: "HEAD")
        #expect(head.status == 200, "\(path)")
        #expect(head.body.isEmpty)
        #expect(head.headers["content-length"] != nil, "\(path)")
      }
    }
  }

  @Test func anUnknownPathIs404InTheEnvelope() async throws {
    try await TestServer.run { server in
      let answer = try await server.get("/api/v1/nothing")
      #expect(answer.status == 404)
      #expect(answer.headers["content-type"] == "application/json")
      #expect(
        answer.body
          == #"{"status":"error","errorType":"not_found","error":"no such path: /api/v1/nothing"}"#
      )
      for (path, hint) in [
        ("/health/", "; did you mean /health?"), ("/api/v1/rang", "; did you mean /api/v1/range?"),
        ("/api/v1/query", "; PromQL is not spoken yet, GET /api/v1/range reads"),
        ("/api/v1/label/a/values", "; PromQL is not spoken yet, GET /api/v1/range reads"),
      ] {
        let other = try await server.get(path)
        #expect(other.status == 404)
        #expect(other.body.contains("no such path: \(path)\(hint)"), "\(other.body)")
      }
    }
  }

  @Test func anotherMethodIs405AndSaysWhichIsAllowed() async throws {
    try await TestServer.run { server in
      let answer = try await server.get("/api/v1/admin/flush")
      #expect(answer.status == 405)
      #expect(answer.headers["allow"] == "POST")
      #expect(answer.body.contains(#""errorType":"bad_data""#))
      let other = try await server.get("/api/v1/range?x=1", method: "DELETE")
      #expect(other.status == 405)
      #expect(other.headers["allow"] == "GET, HEAD")
    }
  }

  @Test(arguments: [
    "measurement=m&field=f&start=now&end=-1h", "measurement=m&field=f&bogus=1", "field=f",
    "measurement=m&field=f&start=yesterday", "measurement=m&field=f&step=-5s",
    "measurement=m&field=f&step=1m&agg=median", "measurement=m&field=f&agg=avg",
    "measurement=m&field=%zz", "measurement=m&field=%ff",
    "measurement=m&field=f&start=-400d&step=1s",
  ])
  func aBadQueryIs400WithAReason(query: String) async throws {
    try await TestServer.run { server in
      let answer = try await server.get("/api/v1/range?" + query)
      #expect(answer.status == 400, "\(answer.body)")
      #expect(answer.body.hasPrefix(#"{"status":"error","errorType":"bad_data","error":""#))
    }
  }

  @Test func whatMatchesNothingIsASuccess() async throws {
    try await TestServer.run { server in
      let text = try await server.range("measurement=nowhere&field=f")
      #expect(text.hasPrefix(#"{"status":"success","data":"#), "\(text)")
      #expect(text.contains(#""series":[]"#))
    }
  }

  @Test func aPlusIsASpaceUnlessItIsEscaped() async throws {
    try await TestServer.run { server in
      try await server.write("m a\\ b=1,a+b=2\n")
      let answers = try await server.ranges(
        ["a+b", "a%20b", "a%2Bb"].map { "measurement=m&field=" + $0 }
      )
      #expect(answers[0].contains("\"values\":[1]"), "\(answers[0])")
      #expect(answers[1] == answers[0])
      #expect(answers[2].contains("\"values\":[2]"), "\(answers[2])")
    }
  }

  @Test func aPlusInATimeIsUnderstoodEscapedOrNot() async throws {
    try await TestServer.run { server in
      let query = "measurement=m&field=f&end=2026-01-02T00:00:00%2B01:00&start="
      let escaped = try await server.get("/api/v1/range?\(query)2026-01-01T00:00:00%2B01:00")
      #expect(escaped.status == 200)
      let plain = try await server.get("/api/v1/range?\(query)2026-01-01T00:00:00+01:00")
      #expect(plain.status == 200)
    }
  }

  @Test func garbageAndOversizedHeadersAreRefused() async throws {
    try await TestServer.run { server in
      let garbage = try await server.fetch("\u{1}\u{2} nonsense\r\n\r\n")
      #expect(garbage.status == 400 || garbage.status == 0)
      let long = String(repeating: "a", count: 200_000)
      let answer = try? await server.get("/health", headers: "X-Long: \(long)\r\n")
      #expect((answer?.status ?? 0) != 200)
      #expect(try await server.get("/health").status == 200)
    }
  }

  @Test func aClientThatDoesNotReadItsAnswerIsHungUpOn() async throws {
    try await TestServer.run(configure: { configuration, _ in configuration.httpIdleSeconds = 1 }) {
      server in
      // 400,000 points: more text than the buffers between the two ends hold.
      let fields = (0..<400).map { "f\($0)=\($0).123456" }.joined(separator: ",")
      let start = RealClock().now() / 1_000_000_000 - 2_000
      for part in 0..<10 {
        let rows = (0..<100).map { "m \(fields) \(start + Int64(part * 100 + $0))\n" }
        try await server.write(rows.joined())
      }
      let target = "/api/v1/range?measurement=m&field=*&start=\(start)"
      let whole = try await server.get(target).body.utf8.count
      #expect(whole > 8_000_000)
      let address = server.addresses.http
      let received = try await offPool {
        let socket = try TCPSocket(host: address.host, port: address.port)
        let request = Array("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        try socket.send(request, 0..<request.count)
        _ = Signal().wait(timeoutNanoseconds: 4_000_000_000)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var total = 0
        while let count = try? socket.receive(into: &buffer), count > 0 { total += count }
        return total
      }
      #expect(received < whole)
    }
  }

  @Test func anAnswerInHTTP10EndsWithItsConnection() async throws {
    try await TestServer.run { server in
      let start = RealClock().now() / 1_000_000_000 - 2_000
      for part in 0..<3 {
        let rows = (0..<50).map { row in
          let fields = (0..<100).map { "f\($0)=\(row).\($0)5" }.joined(separator: ",")
          return "m,h=a \(fields) \(start + Int64(part * 50 + row))\n"
        }
        try await server.write(rows.joined())
      }
      let small = "/api/v1/range?measurement=m&field=f1&start=\(start)&step=1m&agg=max&tag.h=a"
      // The last one has an answer of many pieces, whose length is not known beforehand.
      for target in ["/-/healthy", small, "/api/v1/range?measurement=m&start=\(start)"] {
        for more in ["", "Connection: keep-alive\r\n"] {
          let old = try await server.fetch("GET \(target) HTTP/1.0\r\nHost: x\r\n\(more)\r\n")
          let new = try await server.get(target)
          #expect(old.status == 200)
          #expect(old.headers["connection"] == "close")
          #expect(old.headers["transfer-encoding"] == nil)
          let bodies = [old.body, new.body].map { body in
            body.firstRange(of: ",\"stats\":").map { body[..<$0.lowerBound] } ?? body[...]
          }
          #expect(bodies[0] == bodies[1], "\(target)")
        }
      }
      let posted = try await server.fetch(
        "POST /write HTTP/1.0\r\nHost: x\r\nContent-Length: 6\r\n\r\nm f1=1"
      )
      #expect(posted.status == 204)
    }
  }

  @Test func severalRequestsShareAConnection() async throws {
    try await TestServer.run { server in
      let answer = try await server.fetch(
        "GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n"
          + "Connection: close\r\n\r\n"
      )
      #expect(answer.status == 200)
      #expect(answer.body.contains("HTTP/1.1 404 Not Found"))
    }
  }

  @Test func dataRoutesWaitForRecovery() async throws {
    let server = try await TestServer.start(recovers: false)
    let ready = try await server.get("/-/ready")
    #expect(ready.status == 503)
    #expect(
      ready.body.hasPrefix(#"{"status":"replaying","percent":0"#),
      "\(ready.body)"
    )
    let range = try await server.get("/api/v1/range?measurement=m&field=f")
    #expect(range.status == 503)
    #expect(range.headers["retry-after"] == "5")
    #expect(range.body.contains(#""errorType":"unavailable""#))
    #expect(try await server.get("/health").status == 503)
    #expect(try await server.get("/metrics").body.contains("\nvarve_ready 0\n"))
    // A client may connect already; it is served once the data is there.
    let client = try await server.connect()
    try await client.send("m f=1\n#ack early\n")
    _ = try await server.server.recover()
    #expect(try await client.readLine() == "OK early 1 0")
    #expect(try await server.get("/-/ready").status == 200)
    try await server.stop()
  }

  @Test func readinessTellsOfDamage() async throws {
    let disk = FaultyDisk()
    let first = try await TestServer.start(disk: disk)
    try await first.write("m f=1\n")
    try await first.stop()
    let manifest = try #require(disk.files.keys.filter { $0.hasSuffix("/manifest") }.min())
    disk.flip(bit: 100, of: manifest)
    let server = try await TestServer.start(first.directory, disk: disk)
    let ready = try await server.get("/-/ready")
    #expect(ready.status == 200)
    #expect(ready.body.hasPrefix(#"{"status":"ready","damages":"#), "\(ready.body)")
    try await server.stop()
  }

  @Test func aTakenPortIsSaid() async throws {
    try await TestServer.run { server in
      let lines = server.addresses.lines
      await #expect(throws: ServerError.inUse(lines, option: "--line-tcp")) {
        _ = try await TestServer.start { configuration, _ in configuration.lines = lines }
      }
      let http = server.addresses.http
      await #expect(throws: ServerError.inUse(http, option: "--http")) {
        _ = try await TestServer.start { configuration, _ in configuration.http = http }
      }
    }
  }

  @Test func aDataDirectoryInUseIsRefused() async throws {
    try await TestServer.run { server in
      let error = await #expect(throws: EngineError.self) {
        _ = try await TestServer.start(server.directory)
      }
      guard case .inUse = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }
}
