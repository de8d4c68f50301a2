public import Model
public import Platform

/// What opening a log found.
public struct LogRecovery: Sendable {
  /// The epoch of this run.
  public var epoch: Epoch
  /// Per partition the offset of the next batch: the log's end, or the manifest's b where that is
  /// further.
  public var nextOffsets: [Offset]
  /// The segments that were there, oldest first.
  public var segments: [SegmentSummary]
  /// What is wrong with the newest segments, which were read to find the log's end, and segments
  /// that are missing. A replay that reads the same segments reports equal values again.
  public var damages: [Damage]
  /// The end of the newest segment, if a crash tore it; also among `damages`.
  public var tornTail: Damage?
  /// Why no new segment could be begun (a full disk): the log then refuses batches until
  /// ``Log/abandonUnsynced()`` succeeds.
  public var failure: SystemError?
}
