public import Model

/// One minute of one series while it grows: folded once, then added to, so that looking at it every
/// second costs what came and not what is there.
public struct OpenWindow: Sendable {
  public let series: SeriesDefinition
  public let minute: Int64
  /// In the order of the answer.
  public let fields: [FieldDefinition]
  private let grid: StepGrid
  private let places: [FieldID: Int]
  private var aggregators: [StepAggregator]
  private let statistics: RangeAnswer.Statistics
  private let warnings: [String]

  init(
    series: SeriesDefinition,
    minute: Int64,
    fields: [FieldDefinition],
    grid: StepGrid,
    aggregators: [StepAggregator],
    cost: RangeAnswer
  ) {
    precondition(fields.count == aggregators.count, "one fold a field")
    self.series = series
    self.minute = minute
    self.fields = fields
    self.grid = grid
    self.aggregators = aggregators
    places = Dictionary(uniqueKeysWithValues: fields.enumerated().map { ($1.id, $0) })
    statistics = cost.statistics
    warnings = cost.warnings
  }

  /// The minute.
  public var range: TimeRange { grid.range }

  /// Memory, about.
  public var byteCount: Int { fields.count * Self.fieldByteCount }
  private static let fieldByteCount = 800

  /// Adds rows of the minute, all of them newer than those that it holds.
  public mutating func add(_ batches: [ColumnBatch]) {
    for batch in batches {
      for column in batch.columns {
        guard let place = places[column.field] else { continue }
        aggregators[place].add(
          timestamps: batch.timestamps,
          cells: column.cells,
          rows: 0..<batch.timestamps.count,
          strings: batch.strings
        )
      }
    }
  }

  /// The window as it is now: one answered series a field that has values in it.
  public func answer() -> RangeAnswer {
    var answer = RangeAnswer(grid: grid, precision: .milliseconds)
    answer.statistics = statistics
    answer.warnings = warnings
    for (field, aggregator) in zip(fields, aggregators) {
      guard let content = aggregator.finish() else { continue }
      answer.series.append(
        RangeAnswer.Series(
          measurement: series.measurementName,
          tags: series.tags,
          field: field.name,
          type: field.type,
          content: content
        )
      )
    }
    return answer
  }
}
