import Server
import TestSupport
import Testing

/// Goal: what the pages show is what a server does. Every `curl` and `printf … | nc` of the pages
/// below runs against a server of its own, in the page's order.
struct DocumentTests {
  @Test(arguments: ["http-api.md", "line-protocol.md"])
  func theExamplesOfAPageAreTrue(page: String) async throws {
    let examples = try DocumentPage(page).examples()
    #expect(examples.count >= 5)
    try await TestServer.run { server in
      for example in examples {
        let place = Comment(rawValue: "\(page):\(example.line)")
        switch example.command {
        case .http(let method, let target, let headers, let body):
          let answer = try await server.get(
            target,
            headers: headers.map { "\($0)\r\n" }.joined()
              + (body.map { "Content-Length: \($0.utf8.count)\r\n\r\n\($0)" } ?? ""),
            method: method
          )
          compare(answer, with: example.expected, place)
        case .lines(let text):
          let client = try await server.connect()
          try await client.send(text)
          client.finishSending()
          let answer = try await client.readAll().map { "\($0)\n" }.joined()
          let shown = example.expected?.text ?? ""
          // Verdicts come at once, acknowledgements after the disk: pages show them in the order
          // of the lines.
          #expect(sorted(answer) == sorted(shown), place)
        }
      }
    }
  }

  private func compare(_ answer: HTTPAnswer, with block: DocumentPage.Block?, _ place: Comment) {
    guard let block else {
      #expect((200..<300).contains(answer.status), place)
      return
    }
    guard block.language == "http" else {
      #expect(answer.status == 200, place)
      compare(answer.body, with: block.text, isJSON: block.language == "json", place)
      return
    }
    let parts = block.text.split(separator: "\n\n", maxSplits: 1)
    let lines = parts[0].split(separator: "\n")
    #expect(lines[0].hasPrefix("HTTP/1.1 \(answer.status) "), place)
    for line in lines.dropFirst() {
      let header = line.split(separator: ":", maxSplits: 1)
      let value = header[1].drop { $0 == " " }
      let found = answer.headers[header[0].lowercased()] ?? "(none)"
      #expect(DocumentText.matches(found, String(value)), place)
    }
    let body = parts.count > 1 ? String(parts[1]) : ""
    let isJSON = answer.headers["content-type"]?.hasPrefix("application/json") == true
    compare(answer.body, with: body, isJSON: isJSON, place)
  }

  private func compare(_ found: String, with shown: String, isJSON: Bool, _ place: Comment) {
    if isJSON {
      let (text, pattern) = (DocumentText.compactJSON(found), DocumentText.compactJSON(shown))
      #expect(DocumentText.matches(text, pattern), "\(place): \(text)\nis not \(pattern)")
    } else {
      #expect(DocumentText.matches(found, shown), place)
    }
  }

  private func sorted(_ text: String) -> [Substring] { text.split(separator: "\n").sorted() }

  // MARK: The reader of pages

  @Test func commandsAreReadAsAShellReadsThem() throws {
    let script = """
      curl -i -X POST 'http://127.0.0.1:8086/write?precision=s' -H 'A: b' \\
        --data-binary 'm f=1 1
      m f=2 2'
      printf '%s\\n' 'a "b"' "c'd" \\
        | nc -q 1 127.0.0.1 9009
      printf 'x\\ny\\n' | nc 127.0.0.1 9009
      """
    #expect(
      try DocumentCommand.all(in: script + "\n") == [
        .http(
          method: "POST",
          target: "/write?precision=s",
          headers: ["A: b", "Content-Type: application/x-www-form-urlencoded"],
          body: "m f=1 1\nm f=2 2"
        ),
        .lines("a \"b\"\nc'd\n"), .lines("x\ny\n"),
      ]
    )
    #expect(throws: DocumentCommand.Fault.self) { try DocumentCommand.all(in: "rm -r x\n") }
  }

  @Test func anEllipsisStandsForAnyText() {
    #expect(DocumentText.matches(#"{"a":12,"b":3}"#, #"{"a":…,"b":3}"#))
    #expect(!DocumentText.matches(#"{"a":12,"b":4}"#, #"{"a":…,"b":3}"#))
    #expect(!DocumentText.matches("ab", "ab…b"))
    #expect(DocumentText.compactJSON(#"{ "a b" : [1, "\" x"]}"# + "\n") == #"{"a b":[1,"\" x"]}"#)
  }
}
