internal import Engine
internal import Server

/// The line protocol port.
package enum LineSettings: SettingSection {
  package static let title = "Line protocol"

  package static let settings: [Setting] = [
    .address(
      "line.tcp",
      \.server.lines,
      "Where line protocol is taken over TCP.",
      """
      Only this host can reach the default. `0.0.0.0:9009` takes senders from everywhere; there is \
      no password yet, so let a firewall decide who may. Port 0 takes a free one and prints it.
      """
    ),
    .count(
      "line.connections-max",
      1...1_000_000,
      \.server.lineConnectionCountMax,
      scaled: "10000, at most half of the descriptors that the process may open",
      "Connections of the line port.",
      """
      One more is closed at once, and the log says so once a second. Raise the limit of open files \
      (`LimitNOFILE` under systemd) with it.
      """
    ),
    .bytes(
      "line.max",
      (1 << 10)...(8 << 20),
      \.engine.lineByteCountMax,
      "The longest line.",
      """
      A longer line is refused alone, over TCP and HTTP, and skipped in bounded memory. It is also \
      where a string that was never closed is given up.
      """
    ),
    .seconds(
      "line.silence",
      1...3_600,
      \.server.lineSilenceSeconds,
      "How long a client may be silent inside a line.",
      """
      After it the line is refused and the connection closed; so is one that takes no replies for \
      as long while some wait. Between lines a client may be silent for ever.
      """
    ),
    .bytes(
      "line.replies-max",
      (1 << 10)...(16 << 20),
      \.server.replyByteCountMax,
      "Replies that a client has not taken yet.",
      "Beyond it nothing more is read from that client until it takes some."
    ),
    .count(
      "line.loops",
      1...64,
      \.server.lineLoopCount,
      scaled: "one a processor",
      "Event loops that read and parse line protocol.",
      "Each has a parser and open batches of its own; a connection stays on one for its life."
    ),
  ]
}
