import Testing

/// The page at `/`.
struct DashboardTests {
  @Test func thePageBringsAllOfItselfAndLetsNothingElseRun() async throws {
    try await TestServer.run { server in
      let page = try await server.get("/")
      #expect(page.status == 200)
      #expect(page.headers["content-type"] == "text/html; charset=utf-8")
      let policy = try #require(page.headers["content-security-policy"])
      #expect(policy.hasPrefix("default-src 'none'; script-src 'nonce-"))
      let word = policy.split(separator: "'nonce-")[1].prefix { $0 != "'" }
      #expect(word.count == 22)
      #expect(page.body.contains("<script nonce=\"\(word)\">"))
      #expect(page.body.contains("<style nonce=\"\(word)\">"))
      // Nothing is fetched from elsewhere, and no name can become markup.
      for foreign in [
        "http:", "https:", "//cdn", "src=", "innerHTML", "insertAdjacentHTML", "eval(",
      ] {
        #expect(!page.body.contains(foreign), "\(foreign)")
      }
      #expect(page.body.components("<script").count == 2)
      let again = try await server.get("/")
      #expect(again.headers["content-security-policy"] != policy)
      #expect(try await server.get("/", method: "HEAD").body.isEmpty)
    }
  }

  @Test func thePageIsThereBeforeTheDataIs() async throws {
    let server = try await TestServer.start(recovers: false)
    #expect(try await server.get("/").status == 200)
    try? await server.stop()
  }
}

extension String {
  fileprivate func components(_ separator: String) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}
