internal import Server

/// The HTTP port.
package enum HTTPSettings: SettingSection {
  package static let title = "HTTP"

  package static let settings: [Setting] = [
    .address(
      "http.listen",
      flag: "http",
      \.server.http,
      "Where HTTP is answered.",
      """
      Queries, metrics and health. Only this host can reach the default. Port 0 takes a free one \
      and prints it. The flag is `--http` and the variable `VARVE_HTTP`.
      """
    ),
    .count(
      "http.connections-max",
      1...100_000,
      \.server.httpConnectionCountMax,
      "Connections of the HTTP port.",
      "More wait in the backlog of the system until one ends."
    ),
    .seconds(
      "http.idle",
      1...3_600,
      \.server.httpIdleSeconds,
      "How long an HTTP client may keep quiet.",
      """
      Between requests, inside one, or while it takes nothing of an answer; then its connection is \
      closed.
      """
    ),
    .bytes(
      "http.headers-max",
      (1 << 10)...(1 << 20),
      \.server.httpHeaderByteCountMax,
      "Request line and headers of one request.",
      "A request with more is refused."
    ),
    .bytes(
      "http.answers-max",
      (1 << 20)...(1 << 40),
      \.server.answerByteCountMax,
      scaled: "a 32nd of the memory, 16MiB to 256MiB",
      "Answers that clients have not read yet, all together.",
      """
      A query waits until there is room for its answer. While one waits, clients that have read \
      nothing for a second are hung up on, the longest silent first.
      """
    ),
    .bytes(
      "http.body-max",
      (1 << 10)...(1 << 40),
      \.server.writeByteCountMax,
      "Body of one HTTP write as it is sent.",
      "A larger one is answered with 413."
    ),
    .bytes(
      "http.inflated-max",
      (1 << 10)...(1 << 40),
      \.server.writeInflatedByteCountMax,
      "Body of one HTTP write once it is decompressed.",
      "A larger one is answered with 413, and so is one of more than 250 times what was sent."
    ),
    .count(
      "http.write-loops",
      1...64,
      \.server.writeLoopCount,
      scaled: "one a processor",
      "Event loops that parse the bodies of HTTP writes.",
      "Each has a parser and open batches of its own, like `line.loops` for the line port."
    ),
    .seconds(
      "http.write-wait",
      1...3_600,
      \.server.writeWaitSeconds,
      "How long an HTTP write waits for an engine that is behind.",
      "Then it is answered with 503. Agents give up after 5 s by themselves."
    ),
  ]
}
