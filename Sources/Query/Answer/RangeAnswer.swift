public import Model

/// The answer to a ``RangeRequest``: columns, not yet text. ``RangeAnswerWriter`` makes JSON of it.
public struct RangeAnswer: Sendable {
  /// One field of one series, or of one group of series.
  public struct Series: Sendable {
    public var measurement: [UInt8]
    /// All tags of the series; of a group those that it was grouped by.
    public var labels: Labels
    public var field: [UInt8]
    public var type: ColumnType
    public var content: Content

    public var tags: [Tag] { labels.tags }

    public init(
      measurement: [UInt8],
      tags: [Tag],
      field: [UInt8],
      type: ColumnType,
      content: Content
    ) {
      self.init(
        measurement: measurement,
        labels: Labels(tags),
        field: field,
        type: type,
        content: content
      )
    }

    init(
      measurement: [UInt8],
      labels: Labels,
      field: [UInt8],
      type: ColumnType,
      content: Content
    ) {
      self.measurement = measurement
      self.labels = labels
      self.field = field
      self.type = type
      self.content = content
    }
  }

  public enum Content: Sendable {
    /// Points, oldest first.
    case points(timestamps: SharedColumn<Timestamp>, values: AnswerValues)
    /// One value a bucket of the answer's grid and aggregate.
    case buckets(present: BucketSet, columns: [(aggregate: Aggregate, values: AnswerValues)])
  }

  /// What the answer cost.
  public struct Statistics: Hashable, Sendable {
    /// Minute windows taken from the hot ring, one a minute and field.
    public var ringWindows = 0
    /// Windows taken from rollups.
    public var rollupWindows = 0
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

    mutating func add(_ other: Statistics) {
      ringWindows += other.ringWindows
      rollupWindows += other.rollupWindows
      chunksFromStatistics += other.chunksFromStatistics
      chunksDecoded += other.chunksDecoded
      chunksCold += other.chunksCold
      rowsOpen += other.rowsOpen
    }
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
