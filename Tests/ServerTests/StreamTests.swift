import Engine
import Platform
import Server
import TestSupport
import Testing

/// `GET /api/v1/stream` over real sockets and the machine's clock. Windows are closed by rows that
/// lie further on, so that no test waits for a minute to pass.
struct StreamTests {
  /// The start of a minute, ten minutes ago, in seconds.
  private let start = RealClock().now() / 60_000_000_000 * 60 - 600

  private func lines(_ series: String, _ seconds: Range<Int>, value: String = "1") -> String {
    seconds.map { "\(series) f=\(value) \(start + Int64($0))\n" }.joined()
  }

  private func open(
    _ server: TestServer,
    _ query: String,
    after id: String? = nil,
    headers: String = ""
  ) async throws -> StreamClient {
    let client = try await StreamClient.open(
      server.addresses.http,
      query,
      lastEventID: id,
      headers: headers
    )
    #expect(client.status == 200)
    return client
  }

  @Test func anEventCarriesTheDataOfTheRangeAnswer() async throws {
    try await TestServer.run { server in
      let client = try await open(server, "measurement=m")
      #expect(try await client.next()?.name == "ping")
      try await server.write(
        "m,h=a f=1.5,i=9007199254740993i,u=7u,b=true,s=\"x\ny\" \(start)\n"
          + "m,h=a f=-2.25,i=-1i,u=8u,b=false,s=\"ü\\\"\" \(start + 30)\n"
          + "m,h=a f=1 \(start + 75)\n"
      )
      let event = try #require(try await client.next())
      #expect(event.name == "closed")
      #expect(event.id.split(separator: ".").first.flatMap { UInt32($0) } ?? 0 > 1_700_000_000)
      #expect(event.id.split(separator: ",").count == 8)
      let range = try await server.range(
        "measurement=m&step=60s&start=\(start)&end=\(start + 60)"
          + "&agg=count,sum,min,max,avg,first,last"
      )
      #expect(range == #"{"status":"success","data":"# + event.data)
      #expect(event.data.contains(#""9007199254740993""#))
    }
  }

  @Test(arguments: [
    ("mesurement=m", "did you mean measurement?"), ("measurement=", "found nothing"),
    ("measurement=m&start=-1h", "unknown parameter"), ("events=closed,gone", "events: found"),
    ("tag.=x", "tag.: found no tag key"), ("tag.a=1&tag.a=2", "found twice"),
    ("agg=median", "agg: found"), ("precision=h", "precision: found"), ("from=12", "from: found"),
    ("from=1.-2", "from: found"), ("field=", "field: found"),
  ])
  func aBadRequestIs400WithAReason(query: String, reason: String) async throws {
    try await TestServer.run { server in
      let answer = try await server.get("/api/v1/stream?" + query)
      #expect(answer.status == 400, "\(query)")
      #expect(answer.body.contains(reason), "\(answer.body)")
      #expect(answer.body.hasPrefix(#"{"status":"error","errorType":"bad_data","error":""#))
    }
  }

  @Test func headTellsTheTypeAndOpensNothing() async throws {
    try await TestServer.run { server in
      let answer = try await server.get("/api/v1/stream", method: "HEAD")
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "text/event-stream")
      #expect(answer.headers["cache-control"] == "no-cache")
      #expect(server.server.engine.feedMetrics().readerCount == 0)
    }
  }

  @Test func theTenantOfTheRequestIsTheTenantOfItsWindows() async throws {
    try await TestServer.run { server in
      let other = try await open(server, "", headers: "X-Scope-OrgID: other\r\n")
      let own = try await open(server, "")
      _ = try await (other.next(), own.next())
      try await server.write(
        "#tenant other\n" + lines("m,h=o", 0..<1) + lines("m,h=o", 75..<76) + "#tenant default\n"
          + lines("m,h=d", 0..<1) + lines("m,h=d", 75..<76)
      )
      #expect(try await other.next()?.data.contains(#""tags":{"h":"o"}"#) == true)
      #expect(try await own.next()?.data.contains(#""tags":{"h":"d"}"#) == true)
    }
  }

  @Test(arguments: [false, true])
  func aReaderGoesOnAfterARestart(usesHeader: Bool) async throws {
    var server = try await TestServer.start()
    let first = try await open(server, "measurement=m&field=f")
    _ = try await first.next()
    try await server.write(lines("m,h=a", 0..<75))
    let event = try #require(try await first.next())
    #expect(event.data.contains(#""count":[60]"#))
    // The next window closes while the reader is away, a row of the one before comes late.
    first.close()
    try await server.write(lines("m,h=a", 75..<140) + lines("m,h=a", 5..<6, value: "7"))
    try await server.stop()
    server = try await TestServer.start(server.directory)
    let second = try await open(
      server,
      usesHeader ? "measurement=m&field=f" : "measurement=m&field=f&from=\(event.id)",
      after: usesHeader ? event.id : nil
    )
    // The start does not know when the newest rows came: by their stamps they are long over.
    let events = try await second.events { $0.count == 3 }
    #expect(events.map(\.name) == ["restated", "closed", "closed"])
    #expect(events.contains { $0.data.contains(#""sum":[66]"#) }, "\(events)")
    let epochs = [event.id, events.last?.id ?? ""].map { UInt32($0.prefix { $0 != "." }) ?? 0 }
    #expect(epochs[0] < epochs[1])
    // And live.
    try await server.write(lines("m,h=a", 140..<200))
    #expect(try await second.next()?.data.contains("\(start + 120)000") == true)
    try await server.stop()
  }

  @Test func stoppingEndsStreamsWithAReason() async throws {
    let server = try await TestServer.start()
    let client = try await open(server, "")
    _ = try await client.next()
    async let stopped: Void = server.stop()
    let last = try #require(try await client.next())
    #expect(last.name == "error")
    #expect(last.data.contains(#""errorType":"unavailable""#))
    #expect(last.data.contains("stopping"))
    #expect(try await client.next() == nil)
    try await stopped
  }

  @Test func aReaderThatTakesNothingIsCutOffAndFreed() async throws {
    try await TestServer.run(configure: { _, engine in engine.feed.readerByteCountMax = 256 << 10 })
    { server in
      let slow = try await open(server, "measurement=wide&events=open,closed")
      _ = try await slow.next()
      let row = (0..<1_000).map { "f\($0)=1.5" }.joined(separator: ",")
      let engine = server.server.engine
      // What the kernel takes for the reader is some megabytes; a window of these is 150 KB.
      for round in 0..<200 where engine.feedMetrics().readerCount > 0 {
        let text = (0..<4).map { "wide,h=\($0) \(row) \(start + Int64(round) * 60 % 540)\n" }
        try await server.write(text.joined())
        if round % 8 == 7 { try await Task.sleep(for: .milliseconds(1_050)) }
      }
      #expect(engine.feedMetrics().readerCount == 0)
      #expect(engine.feedMetrics().waitingByteCount == 0)
      #expect(engine.feedMetrics().cutOffCount == 1)
      // The reason stands behind what it had been sent.
      let rest = try await slow.events(besides: []) { $0.last?.name == "error" }
      #expect(rest.last?.data.contains("too slow") == true)
      #expect(try await slow.next() == nil)
    }
  }

  @Test func aReaderThatHangsUpIsFreedAtOnce() async throws {
    try await TestServer.run { server in
      let client = try await open(server, "")
      _ = try await client.next()
      let engine = server.server.engine
      #expect(engine.feedMetrics().readerCount == 1)
      client.close()
      for _ in 0..<100 where engine.feedMetrics().readerCount > 0 {
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(engine.feedMetrics().readerCount == 0)
      #expect(engine.feedMetrics().cutOffCount == 0)
    }
  }

  @Test func oneReaderTooManyIs503() async throws {
    try await TestServer.run(configure: { _, engine in engine.feed.readerCountMax = 1 }) { server in
      let client = try await open(server, "")
      _ = try await client.next()
      let answer = try await server.get("/api/v1/stream")
      #expect(answer.status == 503)
      #expect(answer.headers["retry-after"] == "1")
      #expect(answer.body.contains("more than 1 streams are open"))
      client.close()
    }
  }

  @Test func aPingComesWhileThereIsNoNews() async throws {
    try await TestServer.run(configure: { _, engine in engine.feed.heartbeatNanoseconds = 50_000_000
    }) { server in
      let client = try await open(server, "")
      for _ in 0..<2 {
        let event = try #require(try await client.next())
        #expect(event.name == "ping")
        #expect(event.data.hasPrefix(#"{"timestamp":1"#))
        #expect(!event.id.isEmpty)
      }
    }
  }

  @Test func aThousandReadersGetTheSameWindows() async throws {
    ProcessLimits.raiseOpenFileCount()
    try await TestServer.run { server in
      var clients: [StreamClient] = []
      for index in 0..<1_000 {
        let query = index % 2 == 0 ? "measurement=m" : "measurement=m&tag.h=\(index % 10)"
        clients.append(try await open(server, query))
      }
      for client in clients { #expect(try await client.next()?.name == "ping") }
      #expect(server.server.engine.feedMetrics().readerCount == 1_000)
      #expect(server.server.engine.feedMetrics().topicCount == 6)
      try await server.write(
        (0..<10).map { lines("m,h=\($0)", 0..<1) + lines("m,h=\($0)", 75..<76) }.joined()
      )
      let all = clients
      let counts = try await offPool {
        try all.enumerated().map { index, client in
          try client.count(index % 2 == 0 ? 10 : 1)
        }
      }
      #expect(counts.allSatisfy { $0 })
    }
  }
}

extension StreamClient {
  /// Whether the next `count` events are closed windows, all different.
  fileprivate func count(_ count: Int) throws -> Bool {
    var seen: Set<String> = []
    while seen.count < count, let event = try read() {
      if event.name == "ping" { continue }
      guard event.name == "closed", seen.insert(event.data).inserted else { return false }
    }
    return seen.count == count
  }
}
