/// When a batch counts as acknowledged.
public enum CommitMode: String, Sendable, CaseIterable {
  /// When its bytes are synced: survives a power failure.
  case fsync
  /// When they are with the kernel, which is made to sync at least every second.
  case interval
  /// When they are with the kernel: survives the end of the process.
  case os
}

/// How the committer groups batches. Plain numbers; the engine scales them.
public struct CommitOptions: Sendable {
  /// A round that is small after this long is committed.
  public var lingerNanosecondsMin: UInt64 = 2_000_000
  /// Any round is committed after this long.
  public var lingerNanosecondsMax: UInt64 = 10_000_000
  /// A round is not grown beyond this.
  public var byteCountMax = 8 << 20
  /// What counts as small.
  public var smallByteCount = 1 << 20
  public var mode = CommitMode.fsync
  /// How long a committer that refuses waits before it tries again.
  public var retryNanoseconds: UInt64 = 1_000_000_000
  /// In ``CommitMode/interval``, the time between syncs.
  public var syncNanoseconds: UInt64 = 1_000_000_000
  /// After so much silence the log notes what is durable.
  public var markNanoseconds: UInt64 = 250_000_000
  /// The time between looks for segments that can go.
  public var retentionNanoseconds: UInt64 = 10_000_000_000
  /// The longest that ``Committer/step(monotonic:)`` asks its thread to sleep.
  public var idleNanoseconds: UInt64 = 50_000_000

  public init() {}
}
