public import Model
public import Platform

/// Folds single minutes of single series, as ``RangeQuery`` would answer them: what the change feed
/// announces. Keeps what it learns of field sets; owned by one thread at a time.
public struct WindowQuery {
  private let catalog: any QueryCatalog
  private let clock: any Clock
  private let options: QueryOptions
  private var fieldSets: FieldSetCache

  public init(
    catalog: some QueryCatalog,
    clock: any Clock,
    options: QueryOptions = QueryOptions()
  ) {
    self.catalog = catalog
    self.clock = clock
    self.options = options
    fieldSets = FieldSetCache(catalog)
  }

  /// The window of one minute, every aggregate of its fields, ready to be added to.
  ///
  /// - Parameters:
  ///   - series: its definition.
  ///   - partition: the series' partition, of which `view` is a view.
  ///   - minute: since the epoch.
  ///   - fields: of the series' measurement, in the order of the answer; each once.
  /// - Throws: `execution` beyond the budget.
  public mutating func open(
    of series: SeriesDefinition,
    in partition: PartitionID,
    minute: Int64,
    fields: [FieldDefinition],
    view: PartitionView
  ) throws(QueryError) -> OpenWindow {
    let range = TimeRange(
      start: minute * Nanoseconds.perMinute,
      end: (minute + 1) * Nanoseconds.perMinute
    )
    guard let grid = StepGrid(range: range, step: Nanoseconds.perMinute) else {
      throw QueryError(.execution, "minute \(minute) lies beyond all time")
    }
    let request = RangeRequest(
      measurement: series.measurementName,
      fields: .all,
      tags: [],
      range: range,
      grid: grid,
      groupBy: nil,
      aggregates: Aggregate.allCases,
      precision: .milliseconds,
      limit: RangeRequest.limitDefault,
      next: nil,
      fingerprint: 0
    )
    var context = QueryContext(
      tenant: series.tenant,
      catalog: catalog,
      options: options,
      clock: clock
    )
    swap(&context.fieldSets, &fieldSets)
    defer { swap(&context.fieldSets, &fieldSets) }
    let selection = Selection(series, partition: partition, fields: fields)
    let query = StepQuery(
      request: request,
      grid: grid,
      selection: selection,
      views: Array(repeating: nil, count: Int(partition.rawValue)) + [view]
    )
    let aggregators = try query.folded(&context)
    var cost = RangeAnswer(grid: grid, precision: .milliseconds)
    context.finish(&cost)
    return OpenWindow(
      series: series,
      minute: minute,
      fields: fields,
      grid: grid,
      aggregators: aggregators,
      cost: cost
    )
  }
}

extension RangeAnswer {
  /// The part of an answer that a reader has asked for.
  ///
  /// - Parameter names: the fields wanted; `nil` for all.
  public func narrowed(
    to names: Set<[UInt8]>?,
    aggregates: [Aggregate],
    precision: TimePrecision
  ) -> RangeAnswer {
    var result = self
    result.precision = precision
    if let names { result.series.removeAll { !names.contains($0.field) } }
    guard aggregates != Aggregate.allCases else { return result }
    for index in result.series.indices {
      guard case .buckets(let present, let columns) = result.series[index].content else { continue }
      result.series[index].content = .buckets(
        present: present,
        columns: aggregates.compactMap { wanted in columns.first { $0.aggregate == wanted } }
      )
    }
    return result
  }
}
