/// What bounds and paces the change feed. Counts, bytes and nanoseconds.
public struct FeedConfiguration: Sendable {
  /// Readers at a time; one more is refused as unavailable.
  public var readerCountMax = 2_048
  /// Changes that wait for one reader to take them; beyond it the reader is cut off.
  public var readerByteCountMax = 8 << 20
  /// The same for all readers together; beyond it those with more than their share are cut off.
  public var readersByteCountMax = 256 << 20
  /// Windows that one reader may have to catch up with; beyond it the reader starts anew.
  public var catchUpCountMax = 1 << 20
  /// Announced windows that each partition remembers, so that a reader who comes back is served
  /// from memory. Older ones are found in the log.
  public var recentCountMax = 1 << 16
  /// Windows of one partition that may wait to be announced. A flood beyond it (a large import
  /// while somebody listens) makes every reader start anew.
  public var pendingCountMax = 1 << 20
  /// How often a partition looks for windows to announce, while anybody listens.
  public var scanNanoseconds: UInt64 = 1_000_000_000
  /// How long it goes on looking when the last reader has left, so that one who comes back soon is
  /// served from memory.
  public var lingerNanoseconds: UInt64 = 120_000_000_000
  /// How often a reader without news is told where it stands.
  public var heartbeatNanoseconds: UInt64 = 15_000_000_000

  public init() {}
}
