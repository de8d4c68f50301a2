import Engine
import Logging
import Platform
import Server
import TestSupport
import Testing

/// Goal: every route that reads, writes or administers asks the authoriser.
struct RightsTests {
  /// `reader`, `writer` and `admin` may do what they are called, as the tenant `acme`.
  private struct Tokens: Authorizer {
    func authorize(token: [UInt8]?, tenant: [UInt8]?) -> (tenant: [UInt8], rights: Rights)? {
      switch token.map({ String(decoding: $0, as: UTF8.self) }) {
      case "reader": (Array("acme".utf8), .read)
      case "writer": (Array("acme".utf8), .write)
      case "admin": (Array("acme".utf8), [.read, .write, .admin])
      default: nil
      }
    }
  }

  @Test func routesAskTheAuthorizer() async throws {
    try await TestServer.run(authorizer: Tokens()) { server in
      let requests: [(method: String, target: String, may: Set<String>, status: Int)] = [
        ("GET", "/api/v1/range?measurement=m&start=-1h", ["reader", "admin"], 200),
        ("HEAD", "/api/v1/stream", ["reader", "admin"], 200),
        ("GET", "/api/v1/ledger", ["reader", "admin"], 200),
        ("GET", "/api/v1/ledger?tenants=all", ["admin"], 200),
        ("POST", "/api/v1/admin/flush", ["admin"], 204),
        ("POST", "/write?dry_run=1", ["writer", "admin"], 204),
      ]
      for request in requests {
        for token in ["reader", "writer", "admin", "nobody"] {
          var headers = "Authorization: Bearer \(token)\r\n"
          if request.method == "POST" { headers += "Content-Length: 0\r\n" }
          let answer = try await server.get(
            request.target,
            headers: headers,
            method: request.method
          )
          let expected = request.may.contains(token) ? request.status : 401
          #expect(answer.status == expected, "\(request.target) \(token): \(answer.body)")
          #expect((answer.headers["www-authenticate"] != nil) == (expected == 401))
        }
      }
      for path in ["/-/ready", "/health", "/metrics", "/"] {
        #expect(try await server.get(path).status == 200)
      }
    }
  }

  /// A request that another one follows on its connection is answered before any task sees it.
  @Test func whatIsAnsweredOnTheSpotAsksTheAuthorizer() async throws {
    try await TestServer.run(authorizer: Tokens()) { server in
      let written = try await server.post(
        "/write",
        "m,h=1 a=77777\n",
        headers: "Authorization: Bearer writer\r\n"
      )
      #expect(written.status == 204)
      let small = "/api/v1/range?measurement=m&field=a&step=1m&agg=max&start=-1h&end=now%2B1m"
      for token in ["reader", "writer", "nobody", ""] {
        let status = token == "reader" ? "200" : "401"
        let own = token.isEmpty ? "" : "Authorization: Bearer \(token)\r\n"
        // Nor does a tenant that is named help.
        for more in [own, own + "X-Scope-OrgID: acme\r\n"] {
          let request = "GET \(small) HTTP/1.1\r\nHost: x\r\n\(more)\r\n"
          let end = "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
          let answer = try await server.fetch(request + request + end)
          let answers = answer.whole.split(separator: "HTTP/1.1 ")
          #expect(answers.map { String($0.prefix(3)) } == [status, status, "200"], "\(token)")
          #expect(answer.whole.contains("77777") == (status == "200"), "\(token)")
        }
      }
    }
  }

  @Test func aLedgerShowsItsOwnTenant() async throws {
    try await TestServer.run { server in
      for (tenant, measurement) in [("default", "mine"), ("other", "theirs")] {
        let answer = try await server.post(
          "/write",
          "\(measurement) v=1\n",
          headers: "X-Scope-OrgID: \(tenant)\r\n"
        )
        #expect(answer.status == 204)
      }
      let own = try await server.get("/api/v1/ledger").body
      #expect(own.contains(#""measurement":"mine""#) && !own.contains("theirs"), "\(own)")
      #expect(own.contains(#""totals":{"received":1,"#), "\(own)")
      let all = try await server.get("/api/v1/ledger?tenants=all").body
      #expect(all.contains("mine") && all.contains("theirs"), "\(all)")
      for (query, reason) in [
        ("tenant=all", "did you mean tenants?"), ("start=-1h", "expected one of tenants"),
        ("tenants=x", "expected all"),
      ] {
        let answer = try await server.get("/api/v1/ledger?" + query)
        #expect(answer.status == 400)
        #expect(answer.body.contains(reason), "\(answer.body)")
      }
    }
  }

  @Test func theAuthorizerNamesTheTenant() async throws {
    try await TestServer.run(authorizer: Tokens()) { server in
      let body = "m v=1\n"
      let written = try await server.fetch(
        "POST /write HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Token writer\r\n"
          + "X-Scope-OrgID: other\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
      )
      #expect(written.status == 204)
      let read = try await server.get(
        "/api/v1/range?measurement=m&start=-1h&end=now-0s",
        headers: "Authorization: Bearer reader\r\nX-Scope-OrgID: third\r\n"
      )
      #expect(read.body.contains(#""field":"v""#), "\(read.body)")
    }
  }
}
