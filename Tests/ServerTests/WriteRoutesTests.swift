import Engine
import Platform
import Server
import TestSupport
import Testing

extension TestServer {
  /// Posts a body and reads the answer.
  func post(_ target: String, _ body: [UInt8], headers: String = "") async throws -> HTTPAnswer {
    let head =
      "POST \(target) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
      + "Content-Length: \(body.count)\r\n\(headers)\r\n"
    let address = addresses.http
    return try await offPool { try HTTPAnswer.fetch(address, Array(head.utf8) + body) }
  }

  func post(_ target: String, _ body: String, headers: String = "") async throws -> HTTPAnswer {
    try await post(target, Array(body.utf8), headers: headers)
  }
}

/// Line protocol over HTTP, as InfluxDB's clients send it.
struct WriteRoutesTests {
  private static let query = "start=0&end=2000000000&precision=ns&"

  @Test func goodLinesAreStoredAndAnsweredWith204() async throws {
    try await TestServer.run { server in
      for path in ["/write?db=x&rp=autogen", "/api/v2/write?org=o&bucket=b"] {
        let answer = try await server.post(
          path,
          "m,h=a f=1.5,n=2i 1000000000\nm,h=a f=3 1000000001"
        )
        #expect(answer.status == 204)
        #expect(answer.body.isEmpty)
        #expect(answer.headers["x-points-written"] == "3")
        #expect(answer.headers["x-points-rejected"] == "0")
        #expect(answer.headers["x-influxdb-version"] != nil)
      }
      let range = try await server.range("measurement=m&field=*&" + Self.query)
      #expect(range.contains(#""values":[1.5,3]"#), "\(range)")
      #expect(range.contains(#""values":[2]"#), "\(range)")
    }
  }

  @Test func eachInterfaceHasItsPrecisions() async throws {
    try await TestServer.run { server in
      for (index, word) in ["n", "ns", "u", "us", "ms", "s", "m", "h"].enumerated() {
        let time: Int64 = [
          3_600_000_000_000, 3_600_000_000_000, 3_600_000_000, 3_600_000_000, 3_600_000, 3_600, 60,
          1,
        ][index]
        let one = try await server.post("/write?precision=\(word)", "v1,p=\(word) f=1 \(time)\n")
        #expect(one.status == 204, "\(word) \(one.body)")
        let knows = ["ns", "us", "ms", "s"].contains(word)
        let two = try await server.post("/api/v2/write?precision=\(word)", "v2 f=1 \(time)\n")
        #expect(two.status == (knows ? 204 : 400), "\(word)")
        let range = try await server.range("measurement=v1&tag.p=\(word)&field=f&" + Self.query)
        #expect(range.contains(#""timestamps":[3600000000000]"#), "\(word) \(range)")
      }
      let unknown = try await server.post("/api/v2/write?precision=days", "m f=1\n")
      #expect(unknown.body.contains(#"{"code":"invalid","message":"precision is \"days\";"#))
    }
  }

  @Test func aPartThatIsRefusedIsA400InV1AndA422InV2() async throws {
    try await TestServer.run { server in
      let body = "m f=1 1000000000\nm f= 1000000001\nm f=\"s\" 1000000002\nm f=2 1000000003\n"
      let one = try await server.post("/write", body)
      #expect(one.status == 400)
      #expect(one.body.hasPrefix(#"{"error":"partial write: unable to parse 'm f= 1000000001'"#))
      #expect(one.body.contains("line 2 column 5"), "\(one.body)")
      #expect(one.body.contains(#"dropped=2"#))
      #expect(one.headers["x-points-written"] == "2")
      #expect(one.headers["x-points-rejected"] == "2")
      let two = try await server.post("/api/v2/write", body)
      #expect(two.status == 422)
      #expect(two.body.hasPrefix(#"{"code":"unprocessable entity","message":"failure writing"#))
      #expect(two.body.contains("partial write: "))
      #expect(two.body.contains(#""line":2"#))
      #expect(two.body.contains(#""reason":"type_conflict""#))
      let range = try await server.range("measurement=m&field=f&" + Self.query)
      #expect(range.contains(#""values":[1,2]"#), "\(range)")
    }
  }

  @Test func aBodyOfNothingButBadLinesIsA400() async throws {
    try await TestServer.run { server in
      let one = try await server.post("/write", "no fields\n")
      #expect(one.status == 400)
      #expect(one.body.hasPrefix(#"{"error":"unable to parse 'no fields': line 1 column "#))
      let two = try await server.post("/api/v2/write", "m f=1 1000000000\n")
      #expect(two.status == 204)
      let conflict = try await server.post("/api/v2/write", "m f=true 1000000000\n")
      #expect(conflict.status == 400)
      #expect(conflict.body.hasPrefix(#"{"code":"invalid","message":"partial write: field type"#))
      #expect(conflict.body.contains(#""line":1"#))
    }
  }

  @Test func gzipOfSeveralMembersIsInflatedOnTheWay() async throws {
    try await TestServer.run { server in
      for name in ["level9.gz", "members.gz", "blocks.gz"] {
        let body = try Fixtures.bytes("gzip/\(name)")
        let answer = try await server.post("/write", body, headers: "Content-Encoding: gzip\r\n")
        #expect(answer.status == 204, "\(name) \(answer.body)")
        #expect(answer.headers["x-points-written"] == "360")
      }
      let ledger = try await server.get("/api/v1/ledger")
      #expect(ledger.body.contains(#""received":1080"#), "\(ledger.body)")
      let plain = try await server.post(
        "/write",
        "m f=1 1\n",
        headers: "Content-Encoding: identity\r\n"
      )
      #expect(plain.status == 204)
      let unknown = try await server.post("/write", "m f=1\n", headers: "Content-Encoding: br\r\n")
      #expect(unknown.status == 415)
      let damaged = try await server.post(
        "/api/v2/write",
        "m f=1 1\n",
        headers: "Content-Encoding: gzip\r\n"
      )
      #expect(damaged.status == 400)
      #expect(damaged.body.contains("the data is not gzip"))
    }
  }

  @Test func aDamagedMemberIsToldOfAndTheLineAtTheDamageIsRefused() async throws {
    try await TestServer.run { server in
      var body = try Fixtures.bytes("gzip/stored.gz")
      body.removeLast(20)
      let answer = try await server.post(
        "/api/v2/write",
        body,
        headers: "Content-Encoding: gzip\r\n"
      )
      #expect(answer.status == 422)
      #expect(answer.body.contains("the gzip data ends too early"), "\(answer.body)")
      #expect(answer.body.contains(#""reason":"cut""#))
    }
  }

  @Test func bodiesBeyondALimitAre413() async throws {
    try await TestServer.run(configure: { server, _ in
      server.writeByteCountMax = 1_000
      server.writeInflatedByteCountMax = 200_000
    }) { server in
      let large = [UInt8](repeating: 10, count: 1_001)
      let one = try await server.post("/write", large)
      #expect(one.status == 413)
      #expect(one.body.contains("exceeds the limit of 1000"))
      let two = try await server.post("/api/v2/write", large)
      #expect(two.body.hasPrefix(#"{"code":"request too large","message":"#))
      let chunk = "3e9\r\n" + String(repeating: "\n", count: 1_001) + "\r\n0\r\n\r\n"
      let chunked = try await server.fetch(
        "POST /write HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
          + chunk
      )
      #expect(chunked.status == 413)
      let zeros = try Fixtures.bytes("gzip/zeros.gz")
      let bomb = try await server.post("/write", zeros, headers: "Content-Encoding: gzip\r\n")
      #expect(bomb.status == 413)
      #expect(bomb.body.contains("once decompressed"))
    }
  }

  @Test func aDryRunJudgesAndStoresNothing() async throws {
    try await TestServer.run { server in
      #expect(try await server.post("/write", "m f=1 1000000000\n").status == 204)
      #expect(try await server.post("/api/v1/admin/flush", "").status == 204)
      let before = try await server.get("/api/v1/ledger").body
      let body = "m f=2 1000000001\nm f=true 1000000002\nn a=1i\nn a=true\nn ,\n"
      let dry = try await server.post("/api/v2/write?dry_run=1", body)
      #expect(dry.status == 422)
      #expect(dry.body.contains(#""accepted":2,"rejected":3"#), "\(dry.body)")
      let good = try await server.post(
        "/write?dry_run=1",
        "fresh f=1\n",
        headers: "X-Scope-OrgID: x\r\n"
      )
      #expect(good.status == 204)
      #expect(try await server.get("/api/v1/ledger").body == before)
      #expect(try await server.range("measurement=n&field=*").contains(#""series":[]"#))
      let wet = try await server.post("/api/v2/write", body)
      #expect(wet.status == 422)
      #expect(wet.body == dry.body)
    }
  }

  @Test(arguments: ["/write", "/api/v2/write", "/api/v1/points"])
  func aMisspeltParameterStoresNothing(path: String) async throws {
    try await TestServer.run { server in
      let isPoints = path == "/api/v1/points"
      let body =
        isPoints
        ? #"{"serverId":"a","metricId":"f","value":1,"ts":1000000000}"# : "metrics f=1 1000000000\n"
      for query in [
        "dryrun=1", "dry-run=1", "DRY_RUN=1", "dryRun", "precison=s", "Precision=s", "dry_run=yes",
        "dry_run=1&dry_run=0", "precision=s&precision=ms",
      ] {
        let answer = try await server.post("\(path)?\(query)", body)
        #expect(answer.status == 400, "\(query): \(answer.body)")
        let name = query.lowercased().hasPrefix("d") ? "dry_run" : "precision"
        #expect(answer.body.contains(name), "\(query): \(answer.body)")
      }
      #expect(try await server.post("\(path)?dry_run=", body).status < 300)
      let foreign = "db=x&rp=autogen&org=o&bucket=b&consistency=all&u=u&p=p&pretty=true"
      let answer = try await server.post("\(path)?dry_run=1&\(foreign)", body)
      #expect(answer.status == (isPoints ? 400 : 204))
      if isPoints { #expect(answer.body.contains("unknown parameter \\\"db\\\"; expected one of")) }
      let range = try await server.range("measurement=metrics&field=*&" + Self.query)
      #expect(range.contains(#""series":[]"#), "\(range)")
    }
  }

  @Test func theTenantIsAHeader() async throws {
    try await TestServer.run { server in
      let header = "X-Scope-OrgID: acme\r\n"
      #expect(try await server.post("/write", "m f=7 1000000000\n", headers: header).status == 204)
      let query = "measurement=m&field=f&" + Self.query
      #expect(try await server.range(query, headers: header).contains(#""values":[7]"#))
      #expect(try await server.range(query).contains(#""series":[]"#))
      let word = try await server.post("/write", "#tenant other\nm f=8 1000000000\n")
      #expect(word.status == 400)
      #expect(word.body.contains("X-Scope-OrgID"))
    }
  }

  @Test func aBodyInChunksIsReadAndItsLastLineNeedsItsEnd() async throws {
    try await TestServer.run { server in
      let head =
        "POST /write HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      let whole = try await server.fetch(
        head + "d\r\nm f=12 100000\r\n7\r\n0000\nm \r\n10\r\nf=34 1000000001\n\r\n0\r\n\r\n"
      )
      #expect(whole.status == 204, "\(whole.body)")
      let address = server.addresses.http
      try await offPool {
        let socket = try TCPSocket(host: address.host, port: address.port)
        let bytes = Array((head + "14\r\nm f=5 1000000002\nm f\r\n3\r\n=61").utf8)
        try socket.send(bytes, 0..<bytes.count)
        socket.shutDown()
      }
      try await eventually("the whole line before the hang-up is stored") {
        try await server.range("measurement=m&field=f&" + Self.query)
          .contains(#""values":[12,34,5]"#)
      }
      try await eventually("the line that the hang-up cut is refused") {
        try await server.get("/api/v1/ledger").body.contains(#""cut":1"#)
      }
    }
  }

  @Test func clientsOfInfluxDBFindWhatTheyAskForFirst() async throws {
    try await TestServer.run { server in
      let create = try await server.post(
        "/query",
        "q=CREATE+DATABASE+%22telegraf%22",
        headers: "Content-Type: application/x-www-form-urlencoded\r\n"
      )
      #expect(create.status == 200)
      #expect(create.body == #"{"results":[{"statement_id":0}]}"#)
      let show = try await server.get("/query?q=SHOW%20DATABASES&db=x")
      #expect(
        show.body == #"{"results":[{"statement_id":0,"series":[{"name":"databases","#
          + #""columns":["name"],"values":[["x"]]}]}]}"#
      )
      let select = try await server.get("/query?q=SELECT%20*%20FROM%20m")
      #expect(select.body.contains(#""error":"InfluxQL is not spoken here"#))
      for (statement, isDone) in [
        ("CREATE DATABASE x", true), ("create database x with duration inf", true),
        ("CREATE RETENTION POLICY p ON x DURATION INF REPLICATION 1", true),
        ("CREATE DATABASE x WITH DURATION 3d", false),
        ("CREATE RETENTION POLICY p ON x DURATION 30d REPLICATION 1", false),
        ("DROP DATABASE x", false), ("DROP MEASUREMENT m", false), ("DELETE FROM m", false),
        ("CREATE USER u WITH PASSWORD 'p'", false), ("GRANT ALL ON x TO u", false),
        ("ALTER RETENTION POLICY p ON x DURATION 1d", false), ("REVOKE ALL FROM u", false),
        ("SET PASSWORD FOR u = 'p'", false), ("SHOW USERS", false), ("nonsense", false),
      ] {
        let query = statement.replacing(" ", with: "+")
        let answer = try await server.get("/query?q=\(query)")
        #expect(answer.status == 200)
        let prefix = #"{"results":[{"statement_id":0"# + (isDone ? "}]}" : #","error":""#)
        #expect(answer.body.hasPrefix(prefix), "\(statement): \(answer.body)")
      }
      #expect(try await server.get("/query").status == 400)
      let head = try await server.get("/ping", method: "HEAD")
      #expect(head.status == 204)
      #expect(head.headers["x-influxdb-version"] != nil)
    }
  }

  @Test func aClientThatAsksBeforeItsBodyIsToldToGoOn() async throws {
    try await TestServer.run { server in
      let answer = try await server.post("/write", "m f=1\n", headers: "Expect: 100-continue\r\n")
      #expect(answer.status == 100)
      #expect(answer.body.hasPrefix("HTTP/1.1 204"))
    }
  }

  @Test func nothingIsTakenBeforeReplayIsDone() async throws {
    let server = try await TestServer.start(recovers: false)
    let answer = try await server.post("/api/v2/write", "m f=1\n")
    #expect(answer.status == 503)
    #expect(answer.headers["retry-after"] == "5")
    #expect(answer.body.hasPrefix(#"{"code":"unavailable","message":"#))
    _ = try await server.server.recover()
    #expect(try await server.post("/api/v2/write", "m f=1\n").status == 204)
    try await server.stop()
  }

  @Test func aFullDiskIs503UntilThereIsSpace() async throws {
    let disk = FaultyDisk()
    try await TestServer.run(disk: disk) { server in
      #expect(try await server.post("/write", "m f=1 1000000000\n").status == 204)
      disk.limitFreeSpace(to: 0)
      for _ in 0..<3 {
        let answer = try await server.post("/write", "m f=2 1000000001\n")
        #expect(answer.status == 503)
        #expect(answer.headers["retry-after"] == "10")
        #expect(answer.body.contains("the disk is full"), "\(answer.body)")
      }
      disk.limitFreeSpace(to: nil)
      try await eventually("writes are taken again") {
        try await server.post("/write", "m f=2 1000000001\n").status == 204
      }
      let range = try await server.range("measurement=m&field=f&" + Self.query)
      #expect(range.contains(#""values":[1,2]"#), "\(range)")
    }
  }
}
