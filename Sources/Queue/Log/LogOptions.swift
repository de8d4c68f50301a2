public import Model

/// Sizes and ages of a log. Plain numbers; the engine scales them to the machine.
public struct LogOptions: Sendable {
  /// A segment is followed by the next one before it grows beyond; a single larger record still
  /// gets a segment of its own.
  public var segmentByteCountMax = 128 << 20
  /// Segments that nobody needs for recovery any more stay so long after they were finished ...
  public var retainNanoseconds: Int64 = Nanoseconds.perHour
  /// ... unless all segments together are larger than this.
  public var retainByteCount = 1 << 30

  public init() {}
}

/// One segment as a listing shows it.
public struct SegmentSummary: Hashable, Sendable {
  public var sequence: UInt64
  public var path: String
  public var byteCount: Int
  /// These are `nil` when the segment's header is damaged.
  public var epoch: Epoch?
  public var created: Timestamp?
  /// Per partition the smallest offset that the segment can hold.
  public var firstOffsets: [Offset]?

  init(_ entry: SegmentIndex.Entry) {
    sequence = entry.sequence
    path = entry.path
    byteCount = entry.byteCount
    epoch = entry.header?.epoch
    created = entry.header?.created
    firstOffsets = entry.header?.partitions.map(\.first)
  }
}
