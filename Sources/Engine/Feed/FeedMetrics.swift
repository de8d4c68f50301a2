internal import Query

/// Numbers of the change feed for `/metrics`.
public struct FeedMetrics: Sendable {
  public var readerCount = 0
  /// Different wishes of the readers.
  public var topicCount = 0
  /// Changes that wait for readers.
  public var waitingByteCount = 0
  /// Windows announced while somebody listened, whether anybody wanted them or not.
  public var openCount: UInt64 = 0
  public var closedCount: UInt64 = 0
  public var restatedCount: UInt64 = 0
  /// Readers that were cut off or have left.
  public var cutOffCount: UInt64 = 0
  /// Readers that had to start anew.
  public var resetCount: UInt64 = 0

  public init() {}

  mutating func count(_ kind: StreamRequest.Event) {
    switch kind {
    case .open: openCount += 1
    case .closed: closedCount += 1
    case .restated: restatedCount += 1
    }
  }
}
