public import Model

/// The answer to a ``RangeRequest``: columns, not yet text. ``RangeAnswerWriter`` makes JSON of it.
public struct RangeAnswer: Sendable {
  /// One field of one series, or of one group of series.
  public struct Series: Sendable {
    public var measurement: [UInt8]
    /// All tags of the series; of a group those that it was grouped by.
    public var tags: [Tag]
    public var field: [UInt8]
    public var type: ColumnType
    public var content: Content

    public init(
      measurement: [UInt8],
      tags: [Tag],
      field: [UInt8],
      type: ColumnType,
      content: Content
    ) {
      self.measurement = measurement
      self.tags = tags
      self.field = field
      self.type = type
      self.content = content
    }
  }

  public enum Content: Sendable {
    /// Points, oldest first.
    case points(timestamps: [Timestamp], values: AnswerValues)
    /// One value a bucket of the answer's grid and aggregate.
    case buckets(present: BucketSet, columns: [(aggregate: Aggregate, values: AnswerValues)])
  }

  /// What the answer cost.
  public struct Statistics: Hashable, Sendable {
    /// Minute windows taken from the hot ring, one a minute and field.
    public var ringWindows = 0
    /// Column chunks whose statistics answered for them.
    public var chunksFromStatistics = 0
    /// Column chunks decoded.
    public var chunksDecoded = 0
    /// Those of them that lie in the cold store.
    public var chunksCold = 0
    /// Open rows read.
    public var rowsOpen = 0
    public var microseconds = 0

    public init() {}
  }

  /// The buckets; `nil` for raw points.
  public var grid: StepGrid?
  public var precision: TimePrecision
  /// Sorted by tags, then by field in the request's order.
  public var series: [Series] = []
  /// Where the next page of a raw answer begins, if there is one.
  public var next: ContinuationToken?
  public var statistics = Statistics()
  /// What the answer may lack: stored data that could not be read.
  public var warnings: [String] = []

  public init(grid: StepGrid?, precision: TimePrecision) {
    self.grid = grid
    self.precision = precision
  }

  /// The value of `data` as JSON: what an event of a stream carries.
  public func dataJSON() -> [UInt8] {
    var writer = RangeAnswerWriter(dataOf: self)
    var bytes = writer.next() ?? []
    while let more = writer.next() { bytes.append(contentsOf: more) }
    return bytes
  }

  /// The whole answer as JSON. Large answers are better sent piece by piece with
  /// ``RangeAnswerWriter``.
  public func json() -> [UInt8] {
    var writer = RangeAnswerWriter(self)
    var bytes = writer.next() ?? []
    while let more = writer.next() { bytes.append(contentsOf: more) }
    return bytes
  }
}

/// Values of one kind, side by side.
public enum AnswerValues: Sendable {
  /// Bit patterns of doubles.
  case float([Cell])
  /// Bit patterns of signed integers.
  case integer([Cell])
  case unsigned([Cell])
  /// 0 or 1, shown as `false` or `true`.
  case boolean([Cell])
  case string([Cell], StringArena)
  /// Sums of integers: integers where they fit 64 bits of the column's kind, doubles beyond.
  case sum([Int128], isSigned: Bool)

  public var count: Int {
    switch self {
    case .float(let cells), .integer(let cells), .unsigned(let cells), .boolean(let cells),
      .string(let cells, _):
      cells.count
    case .sum(let sums, _): sums.count
    }
  }
}

/// Which buckets hold anything: one bit each.
public struct BucketSet: Hashable, Sendable {
  private var words: [UInt64]
  public let count: Int

  /// An empty set over `count` buckets.
  public init(count: Int) {
    self.count = count
    words = Array(repeating: 0, count: (count + 63) / 64)
  }

  @inline(__always)
  public func contains(_ index: Int) -> Bool {
    words[index >> 6] & (1 << UInt64(index & 63)) != 0
  }

  public mutating func insert(_ index: Int) { words[index >> 6] |= 1 << UInt64(index & 63) }

  public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
}
