import Engine
import Platform
import Server
import TestSupport
import Testing

/// The line port over real sockets.
struct LineServerTests {
  private static let second: Int64 = 1_000_000_000
  /// An hour ago, on a whole minute.
  private static let base = (RealClock().now() / (60 * second) - 60) * 60 * second

  @Test func everyAcknowledgedPointReadsBack() async throws {
    try await TestServer.run { server in
      let (base, second) = (Self.base, Self.second)
      let lines = try await server.write(
        """
        node,host=a f=1.25,i=7i,u=9u,b=true,s="one \\"two\\"" \(base)
        node,host=a f=-0.5,i=-8i,u=18446744073709551615u,b=F,s="" \(base + second)

        """
      )
      #expect(lines == ["OK a 2 0"])
      let query = "measurement=node&field=*&start=\(base / second)&end=\(base / second + 60)"
      let text = try await server.range(query + "&precision=s")
      let times = "[\(base / second),\(base / second + 1)]"
      for expected in [
        #""field":"f","type":"float","timestamps":\#(times),"values":[1.25,-0.5]"#,
        #""field":"i","type":"integer","timestamps":\#(times),"values":[7,-8]"#,
        #""values":[9,"18446744073709551615"]"#,
        #""field":"b","type":"boolean","timestamps":\#(times),"values":[true,false]"#,
        #""values":["one \"two\"",""]"#,
      ] {
        #expect(text.contains(expected), "\(expected) in \(text)")
      }
    }
  }

  @Test func theAnswerIsTheSameAfterAFlushAndAfterARestart() async throws {
    let server = try await TestServer.start()
    var text = ""
    for row in 0..<500 {
      text += "m,host=h\(row % 3) a=\(row).5,b=\(row)i,s=\"x\(row % 7)\" "
      text += "\(Self.base + Int64(row) * Self.second)\n"
    }
    #expect(try await server.write(text) == ["OK a 500 0"])
    let start = Self.base / Self.second
    let queries = [
      "measurement=m&field=*&start=\(start)&end=\(start + 600)",
      "measurement=m&field=a,b&start=\(start)&end=\(start + 600)&step=60s"
        + "&agg=count,sum,min,max,avg,first,last",
      "measurement=m&tag.host=h1&field=a&start=\(start)&end=\(start + 600)&step=7s",
    ]
    let before = try await server.ranges(queries)
    for (query, answer) in zip(queries, before) {
      #expect(answer.hasPrefix(#"{"status":"success""#), "\(query): \(answer)")
    }
    #expect(try await server.get("/api/v1/admin/flush", method: "POST").status == 204)
    #expect(try await server.ranges(queries) == before)
    try await server.stop()
    let again = try await TestServer.start(server.directory)
    #expect(try await again.ranges(queries) == before)
    let ledger = try await again.get("/api/v1/ledger").body
    #expect(ledger.contains("\"balanced\":true,\"totals\":{\"received\":1500,\"stored\":1500,"))
    try await again.stop()
  }

  @Test func aBadLineIsRefusedAloneWithItsPlace() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      #expect(try await client.acknowledge("m f=1\n", id: "first") == ["OK first 1 0"])
      let lines = try await client.acknowledge(
        """
        m f=2
        m f=
        m,host f=3
        m f=4 12x
        m f=5

        """,
        id: "second"
      )
      #expect(lines.count == 4)
      #expect(lines.last == "OK second 2 3")
      // Two lines came before: `m f=1` and its #ack.
      #expect(lines.first?.hasPrefix("ERR 4 5 ") == true, "\(lines)")
      #expect(lines.dropFirst().first?.hasPrefix("ERR 5 7 ") == true, "\(lines)")
      #expect(lines.dropFirst(2).first?.hasPrefix("ERR 6 ") == true, "\(lines)")
    }
  }

  @Test func linesBeforeTheFirstAcknowledgementAreNotAnswered() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      #expect(try await client.acknowledge("m f=\nm f=1\n") == ["OK a 1 1"])
      let lines = try await client.acknowledge("m f=\n", id: "b")
      #expect(lines.count == 2)
      #expect(lines.first?.hasPrefix("ERR 4 5 ") == true, "\(lines)")
    }
  }

  @Test func aFieldThatChangesItsTypeNamesBoth() async throws {
    try await TestServer.run { server in
      #expect(try await server.write("m f=1.5\n") == ["OK a 1 0"])
      let client = try await server.connect()
      _ = try await client.acknowledge("", id: "x")
      let lines = try await client.acknowledge("m f=\"text\"\n")
      #expect(lines.last == "OK a 0 1")
      let verdict = try #require(lines.first)
      #expect(verdict.hasPrefix("ERR 2 5 "))
      #expect(verdict.contains("float"))
      #expect(verdict.contains("string"))
      #expect(verdict.contains("f"))
    }
  }

  @Test(arguments: [
    "m f=NaN", "m f=inf", "m f=1 -5", "m f=1 99999999999999999999", "m f=1i.5", "=", ",", "m",
    "m,=x f=1", "\u{0}\u{1}",
  ])
  func whatIsNoPointIsRefused(line: String) async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      _ = try await client.acknowledge("", id: "x")
      let lines = try await client.acknowledge(line + "\nm f=1\n")
      #expect(lines.count == 2, "\(lines)")
      #expect(lines.first?.hasPrefix("ERR 2 ") == true)
      #expect(lines.last == "OK a 1 1")
    }
  }

  @Test func aTimestampTooFarAheadIsRefused() async throws {
    try await TestServer.run { server in
      let now = RealClock().now()
      let lines = try await server.write(
        "m f=1 \(now + 660 * Self.second)\nm f=2 \(now + 540 * Self.second)\n"
      )
      #expect(lines.last == "OK a 1 1")
    }
  }

  @Test func withoutAcknowledgementsNothingIsWrittenBack() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      try await client.send("m f=1\nbad line here\nm f=2\n")
      client.finishSending()
      #expect(try await client.readAll() == [])
    }
  }

  @Test func aMalformedControlWordIsSaid() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      let lines = try await client.acknowledge("#ack not good\n#ack \n# a comment\n#other word\n")
      #expect(lines.count == 3, "\(lines)")
      #expect(lines.dropLast().allSatisfy { $0.hasPrefix("FAIL - ") })
      #expect(lines.last == "OK a 0 0")
    }
  }

  @Test func aHalfClosedClientStillGetsItsAnswers() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      try await client.send("m f=1\n#ack one\nm f=2\n#ack two\nm f=12")
      client.finishSending()
      let lines = try await client.readAll()
      #expect(lines.contains("OK one 1 0"))
      #expect(lines.contains("OK two 1 0"))
      // The last line may have been longer: it is refused as cut.
      #expect(lines.contains { $0.hasPrefix("ERR 5 ") }, "\(lines)")
    }
  }

  @Test func verdictsBeyondTheReplyBufferAllArriveAfterAHalfClose() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      let bad = String(repeating: "m f=\n", count: 20_000)
      try await client.send("#ack first\n" + bad + "m f=1\n#ack last\n")
      client.finishSending()
      let lines = try await client.readAll()
      #expect(lines.contains("OK first 0 0"))
      #expect(lines.count { $0.hasPrefix("ERR ") } == 20_000)
      #expect(lines.last == "OK last 1 20000")
    }
  }

  @Test func severalAcknowledgementsAreAnsweredInOrder() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      try await client.send((0..<200).map { "m,n=\($0 % 5) f=\($0)\n#ack \($0)\n" }.joined())
      client.finishSending()
      #expect(try await client.readAll() == (0..<200).map { "OK \($0) 1 0" })
    }
  }

  @Test func anHTTPRequestIsHungUpOn() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      try await client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await client.readAll() == [])
      #expect(try await server.write("m f=1\n") == ["OK a 1 0"])
    }
  }

  @Test func binaryGarbageHarmsNobody() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      var random = SeededRandom(seed: 4_711)
      for _ in 0..<8 {
        try? await client.send((0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) })
      }
      client.finishSending()
      _ = try? await client.readAll()
      #expect(try await server.write("m f=1\n") == ["OK a 1 0"])
      #expect(try await server.get("/-/ready").status == 200)
    }
  }

  @Test func aLineOverTheLimitCostsOnlyItself() async throws {
    try await TestServer.run(configure: { $1.lineByteCountMax = 4_096 }) { server in
      let client = try await server.connect()
      _ = try await client.acknowledge("", id: "x")
      let long = "m f=\"" + String(repeating: "y", count: 10_000) + "\"\n"
      let lines = try await client.acknowledge("m f=\"a\"\n" + long + "m f=\"b\"\n")
      #expect(lines.last == "OK a 2 1")
      #expect(lines.first?.hasPrefix("ERR 3 ") == true)
    }
  }

  @Test func aHundredThousandFieldsAreRefused() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      _ = try await client.acknowledge("", id: "x")
      let fields = (0..<100_000).map { "f\($0)=1" }.joined(separator: ",")
      let lines = try await client.acknowledge("m \(fields)\nm f=1\n")
      #expect(lines.last == "OK a 1 1", "\(lines)")
      #expect(lines.count == 2)
    }
  }

  @Test func stringsMayHoldLineFeeds() async throws {
    try await TestServer.run { server in
      #expect(try await server.write("m s=\"one\ntwo\" \(Self.base)\n") == ["OK a 1 0"])
      let start = Self.base / Self.second
      let text = try await server.range("measurement=m&field=s&start=\(start)&end=\(start + 1)")
      #expect(text.contains(#""values":["one\ntwo"]"#))
    }
  }

  @Test func aClientThatStallsInsideALineIsClosed() async throws {
    try await TestServer.run(configure: { configuration, _ in configuration.lineSilenceSeconds = 1 }
    ) {
      server in
      let client = try await server.connect()
      _ = try await client.acknowledge("", id: "x")
      try await client.send("m f=1")
      let lines = try await client.readAll()
      #expect(lines.count == 1)
      #expect(lines.first?.hasPrefix("ERR 2 ") == true, "\(lines)")
    }
  }

  @Test func aQuietClientBetweenLinesIsLeftAlone() async throws {
    try await TestServer.run(configure: { configuration, _ in configuration.lineSilenceSeconds = 1 }
    ) {
      server in
      let client = try await server.connect()
      _ = try await client.acknowledge("m f=1\n")
      try await Task.sleep(for: .seconds(2.5))
      #expect(try await client.acknowledge("m f=2\n", id: "b") == ["OK b 1 0"])
    }
  }

  @Test func aClientThatTakesNoRepliesIsStoppedAndThenClosed() async throws {
    try await TestServer.run(configure: { configuration, _ in configuration.lineSilenceSeconds = 1 }
    ) {
      server in
      let client = try await server.connect()
      let flood = Array(String(repeating: "x\n", count: 100_000).utf8)
      try await client.send("#ack 1\n")
      let sender = Task {
        for _ in 0..<2_000 {
          do { try await client.send(flood) } catch { return }
        }
      }
      // Meanwhile others are served.
      let other = try await server.connect()
      for index in 0..<20 {
        #expect(
          try await other.acknowledge("m f=\(index)\n", id: "\(index)") == ["OK \(index) 1 0"]
        )
      }
      // 400 MB do not fit any buffer: the sender comes back only because it was cut off.
      await sender.value
      #expect(try await server.write("m f=1\n") == ["OK a 1 0"])
    }
  }

  @Test func oneConnectionTooManyIsClosedAtOnce() async throws {
    try await TestServer.run(configure: { configuration, _ in
      configuration.lineConnectionCountMax = 2
    }) { server in
      let first = try await server.connect()
      let second = try await server.connect()
      #expect(try await first.acknowledge("m f=1\n") == ["OK a 1 0"])
      #expect(try await second.acknowledge("m f=2\n") == ["OK a 1 0"])
      let third = try await server.connect()
      #expect((try? await third.readLine()) == nil)
      first.finishSending()
      #expect(try await first.readAll() == [])
      #expect(try await server.write("m f=3\n") == ["OK a 1 0"])
      let page = try await server.get("/metrics").body
      #expect(page.contains("varve_line_connections_refused_total 1\n"))
    }
  }

  @Test func tenantsDoNotSeeEachOther() async throws {
    try await TestServer.run { server in
      let client = try await server.connect()
      #expect(
        try await client.acknowledge("#tenant blue\nm f=1 \(Self.base)\n") == ["OK a 1 0"]
      )
      #expect(try await server.write("m f=2 \(Self.base)\n") == ["OK a 1 0"])
      let start = Self.base / Self.second
      let query = "measurement=m&field=f&start=\(start)&end=\(start + 1)"
      #expect(try await server.range(query).contains(#""values":[2]"#))
      #expect(
        try await server.range(query, headers: "X-Scope-OrgID: blue\r\n").contains(#""values":[1]"#)
      )
      #expect(
        try await server.range(query, headers: "X-Scope-OrgID: red\r\n").contains(#""series":[]"#)
      )
    }
  }
}
