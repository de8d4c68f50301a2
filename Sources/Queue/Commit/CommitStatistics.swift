public import Model

/// What a committer has done since it began.
public struct CommitStatistics: Sendable, Equatable {
  /// All rounds, failed ones included; the next four count only what was acknowledged.
  public var rounds: UInt64 = 0
  public var batches: UInt64 = 0
  public var rows: UInt64 = 0
  public var points: UInt64 = 0
  /// Bytes of records; headers and marks are not counted.
  public var byteCount: UInt64 = 0
  public var failedRounds: UInt64 = 0
  public var failedBatches: UInt64 = 0
  public var removedSegments: UInt64 = 0
  /// Bytes and number of the log's segments now.
  public var logByteCount = 0
  public var segmentCount = 0
  /// ``Log/beginning``.
  public var logBeginning: Timestamp?
  /// Why batches are refused now, or `nil`.
  public var refusal: String?

  public init() {}
}
