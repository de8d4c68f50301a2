internal import Engine

/// The live stream of closed and restated windows.
package enum StreamSettings: SettingSection {
  package static let title = "Live stream"

  package static let settings: [Setting] = [
    .count(
      "stream.readers-max",
      0...100_000,
      \.engine.feed.readerCountMax,
      "Readers of the live stream at a time.",
      "One more is answered 503. Each holds a connection of the HTTP port for as long as it reads."
    ),
    .bytes(
      "stream.reader-memory",
      (64 << 10)...(1 << 34),
      \.engine.feed.readerByteCountMax,
      "Changes that wait for one reader to take them.",
      """
      A reader that is further behind is cut off with the reason; it may come back with its last id.
      """
    ),
    .bytes(
      "stream.memory",
      (1 << 20)...(1 << 38),
      \.engine.feed.readersByteCountMax,
      scaled: "a 32nd of the memory, 16MiB to 256MiB",
      "The same for all readers together.",
      "Beyond it those are cut off that hold more than their share."
    ),
    .count(
      "stream.catch-up-max",
      0...(1 << 30),
      \.engine.feed.catchUpCountMax,
      "Windows that a reader may have to catch up with.",
      "A reader that comes back after more than these is told to start anew (`event: reset`)."
    ),
  ]
}
