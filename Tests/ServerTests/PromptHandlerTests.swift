import Server
import Testing

/// Goal: what is answered between two tasks is answered as tasks do it, in the order of the
/// requests.
@Suite struct PromptHandlerTests {
  /// A second inside of the minute that the answers are asked for: an end that goes with the
  /// clock gives other answers once a minute.
  private static let time = 1_700_000_000
  private static let minutes = "start=\(time - 600)&end=\(time + 60)"
  private static let small =
    "/api/v1/range?measurement=m&field=a&step=1m&agg=max&\(minutes)&tag.h="

  /// A row of each of `hosts`, whose value is its number.
  private static func rows(_ hosts: ClosedRange<Int>) -> String {
    hosts.map { "m,h=\($0) a=\($0) \(time)000000000\n" }.joined()
  }

  private static func request(_ target: String, _ method: String = "GET", _ more: String = "")
    -> String
  {
    "\(method) \(target) HTTP/1.1\r\nHost: x\r\n\(more)\r\n"
  }

  /// The bodies of answers that came on one connection, without what a query has cost.
  private static func bodies(_ text: String) -> [String] {
    text.split(separator: "HTTP/1.1 ").map { answer in
      let body = answer.firstRange(of: "\r\n\r\n").map { answer[$0.upperBound...] } ?? ""
      return String(body.firstRange(of: ",\"stats\":").map { body[..<$0.lowerBound] } ?? body)
    }
  }

  @Test func answersKeepTheOrderOfTheirRequests() async throws {
    try await TestServer.run { server in
      try await server.write(Self.rows(1...3))
      let targets = [
        Self.small + "1", Self.small + "2&format=csv", "/-/healthy",
        "/api/v1/range?measurement=m&field=a&tag.h=3&precision=s&\(Self.minutes)", Self.small + "3",
        Self.small + "none", "/nothing", Self.small + "1&agg=avg", Self.small + "2&step=0",
        "/api/v1/range?measurement=m&\(Self.minutes)", Self.small + "2", Self.small + "1",
      ]
      var alone: [String] = []
      for target in targets {
        let body = try await server.get(target).body
        alone += Self.bodies("HTTP/1.1 0\r\n\r\n" + body)
      }
      let end = Self.request("/-/ready", "GET", "Connection: close\r\n")
      let text = targets.map { Self.request($0) }.joined() + end
      let answer = try await server.fetch(text)
      let found = Self.bodies("HTTP/1.1 0\r\n\r\n" + answer.body)
      #expect(answer.status == 200)
      #expect(found.count == targets.count + 1)
      #expect(found.dropLast() == alone[...])
      // A body that nobody asked for, a method without one, a write between two queries.
      let changed = "m,h=1 a=77777 \(Self.time)000000000\n"
      let mixed =
        Self.request(Self.small + "1", "GET", "Content-Length: 3\r\n") + "abc"
        + Self.request(Self.small + "1", "HEAD")
        + Self.request("/write", "POST", "Content-Length: \(changed.utf8.count)\r\n") + changed
        + Self.request(Self.small + "1") + end
      let mixedAnswer = try await server.fetch(mixed)
      let statuses = ("HTTP/1.1 200 " + mixedAnswer.body).split(separator: "HTTP/1.1 ").map {
        $0.prefix(3)
      }
      #expect(statuses == ["200", "200", "204", "200", "200"])
      #expect(mixedAnswer.body.contains("77777"))
    }
  }

  /// Whatever arrives together: a read may end at any byte.
  @Test func requestsMayBeCutAnywhere() async throws {
    try await TestServer.run { server in
      try await server.write(Self.rows(1...2))
      let parts = [
        Self.request(Self.small + "1"),
        Self.request(Self.small + "2", "GET", "Transfer-Encoding: chunked\r\n")
          + "3\r\nabc\r\n0\r\n\r\n",
        Self.request(Self.small + "1", "HEAD"),
        Self.request(Self.small + "2", "GET", "Connection: close\r\n"),
      ]
      let text = Array(parts.joined().utf8)
      let address = server.addresses.http
      let expected = Self.bodies(try await server.fetch(parts.joined()).whole)
      #expect(expected.count == 4)
      // All in one go is tried above; one byte at a time, and two pieces.
      let cuts = [Array(1..<text.count)] + stride(from: 1, to: text.count, by: 7).map { [$0] }
      for cut in cuts {
        let answer = try await offPool {
          try HTTPAnswer.fetch(address, text, cuts: cut, pauseNanoseconds: 200_000)
        }
        #expect(Self.bodies(answer.whole) == expected, "cut at \(cut.prefix(2))")
      }
    }
  }

  @Test func whoHasSentAllGetsAllAnswers() async throws {
    try await TestServer.run { server in
      try await server.write(Self.rows(1...2))
      let targets = (0..<100).map { "\(Self.small)\($0 % 3)" }
      let text = targets.map { Self.request($0) }.joined()
      let address = server.addresses.http
      let answer = try await offPool {
        // No `Connection: close`: the end of what is sent says it.
        try HTTPAnswer.fetch(address, Array(text.utf8), endsSending: true)
      }
      let found = Self.bodies(answer.whole)
      #expect(found.count == targets.count)
      let ends = found.filter { $0.hasSuffix("}") }
      #expect(ends.count == targets.count)
    }
  }

  @Test func whatIsAnsweredOnTheSpotIsCounted() async throws {
    try await TestServer.run { server in
      try await server.write("m,h=1 a=55555 \(Self.time)000000000\n")
      let one = Self.request(Self.small + "1")
      let end = Self.request("/metrics", "GET", "Connection: close\r\n")
      let answer = try await server.fetch(one + one + one + end)
      #expect(answer.body.contains("55555"))
      #expect(
        answer.body.contains(
          #"varve_http_requests_total{route="/api/v1/range",status="200"} 3"#
        ),
        "\(answer.body.split(separator: "\n").filter { $0.contains("/api/v1/range") })"
      )
    }
  }
}
