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
  ]
}
