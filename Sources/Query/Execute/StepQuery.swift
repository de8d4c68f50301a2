internal import Blocks
internal import Model

/// Answers a request with a step: minute windows of the ring where they hold, raw rows elsewhere.
struct StepQuery {
  static let fieldsPerPassMax = 512
  /// Memory of a decoded chunk group, and of one of its columns, at most.
  static let groupByteCountMax = BlockWriter.cellCountMax * 8
  static let columnByteCountMax = BlockWriter.rowCountMax(columnCount: 1) * 8

  let request: RangeRequest
  let grid: StepGrid
  let selection: Selection
  let views: [PartitionID: PartitionView]

  /// The times to read: those of the buckets that retention keeps.
  private var range: TimeRange { request.kept(grid.range) }

  /// Appends the series of the answer, group by group.
  func run(
    into answer: inout RangeAnswer,
    _ context: inout QueryContext
  ) throws(QueryError) {
    try context.charge(grid.count * 8)
    for group in selection.groups {
      var start = 0
      while start < selection.fields.count {
        let end = start + fieldsPerPass(context)
        let fields = Array(selection.fields[start..<min(end, selection.fields.count)])
        try answerPass(group, fields, &answer, &context)
        start = end
      }
    }
  }

  /// Fields that are folded side by side: a quarter of what is left holds their buckets, and
  /// another quarter a chunk group decoded for them.
  private func fieldsPerPass(_ context: QueryContext) -> Int {
    let quarter = context.bytesLeft / 4
    let perField = StepAggregator.byteCount(request.aggregates, grid)
    let decodable =
      quarter >= Self.groupByteCountMax ? Self.fieldsPerPassMax : quarter / Self.columnByteCountMax
    return max(1, min(Self.fieldsPerPassMax, decodable, quarter / perField))
  }

  private func answerPass(
    _ group: Selection.Group,
    _ fields: [FieldDefinition],
    _ answer: inout RangeAnswer,
    _ context: inout QueryContext
  ) throws(QueryError) {
    let byteCount = StepAggregator.byteCount(request.aggregates, grid) * fields.count
    let aggregators = try foldPass(group, fields, &context)
    // The answer keeps at most what the buckets took; the rest goes back.
    var kept = 0
    let taken = byteCount + Self.stringByteCount(aggregators)
    for (index, aggregator) in aggregators.enumerated() {
      guard let content = aggregator.finish() else { continue }
      answer.series.append(
        RangeAnswer.Series(
          measurement: request.measurement,
          tags: group.tags,
          field: fields[index].name,
          type: fields[index].type,
          content: content
        )
      )
      kept += content.byteCount
    }
    context.release(taken)
    try context.charge(kept)
  }

  /// The buckets of a group's fields, charged to the budget.
  private func foldPass(
    _ group: Selection.Group,
    _ fields: [FieldDefinition],
    _ context: inout QueryContext
  ) throws(QueryError) -> [StepAggregator] {
    try context.charge(StepAggregator.byteCount(request.aggregates, grid) * fields.count)
    var aggregators = fields.map {
      StepAggregator(type: $0.type, grid: grid, aggregates: request.aggregates)
    }
    for series in group.members {
      try context.checkDeadline()
      guard let view = selection.partitions[series].flatMap({ views[$0] }) else { continue }
      try fold(series, view, fields, &aggregators, &context)
    }
    return aggregators
  }

  /// The buckets of every field of one group, to be added to.
  func folded(
    _ group: Selection.Group,
    _ context: inout QueryContext
  ) throws(QueryError) -> [StepAggregator] {
    var aggregators: [StepAggregator] = []
    while aggregators.count < selection.fields.count {
      let rest = selection.fields[aggregators.count...]
      aggregators += try foldPass(group, Array(rest.prefix(fieldsPerPass(context))), &context)
    }
    return aggregators
  }

  /// Folds one series into the buckets.
  private func fold(
    _ series: SeriesID,
    _ view: PartitionView,
    _ fields: [FieldDefinition],
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) throws(QueryError) {
    let times = try selection.filter?.times(of: series, in: range, from: view, &context)
    defer { context.release(times?.byteCount ?? 0) }
    if times?.times.isEmpty == true { return }
    let ids = fields.map(\.id)
    let open = view.open.openRows(of: series, fields: ids, in: range)
    let openByteCount = open.byteCount
    try context.charge(openByteCount)
    defer { context.release(openByteCount) }
    context.statistics.rowsOpen += open.rowCount

    let before = Self.stringByteCount(aggregators)
    // Windows know nothing of single rows.
    let ranges =
      times?.ranges ?? foldWindows(series, view, open.late, fields, &aggregators, &context)
    try context.charge(Self.stringByteCount(aggregators) - before)
    if let first = ranges.first, let last = ranges.last {
      let hull = TimeRange(start: first.start, end: last.end)
      let sweep = RawSweep(
        groups: context.groups(of: series, fields: ids, in: hull, from: view),
        late: open.late,
        fields: fields,
        ranges: ranges
      )
      try fold(sweep, times, &aggregators, &context)
    }
    // Newer than all that is sealed, so that nothing above can hold the same point.
    if !open.fresh.isEmpty {
      let sweep = RawSweep(groups: [], late: open.fresh, fields: fields, ranges: [range])
      try fold(sweep, times, &aggregators, &context)
    }
  }

  private func fold(
    _ rows: consuming RawSweep,
    _ times: MatchingTimes?,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) throws(QueryError) {
    while let slice = try rows.next(&context) {
      for index in aggregators.indices {
        let before = aggregators[index].strings.bytes.count
        var cursor = MergeCursor(rows.inputs(for: index, in: slice))
        while let (input, run) = cursor.next() {
          let timestamps = cursor.inputs[input].timestamps
          for rows in times.runs(of: run, in: timestamps) {
            aggregators[index].add(
              timestamps: timestamps,
              cells: cursor.inputs[input].cells,
              rows: rows,
              strings: cursor.inputs[input].strings
            )
          }
        }
        try context.charge(aggregators[index].strings.bytes.count - before)
      }
    }
  }

  private func foldWindows(
    _ series: SeriesID,
    _ view: PartitionView,
    _ late: [ColumnBatch],
    _ fields: [FieldDefinition],
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) -> [TimeRange] {
    guard !range.isEmpty else { return [] }
    guard grid.step % Nanoseconds.perMinute == 0 else { return [range] }
    var fold = WindowFold(
      series: series,
      source: view.ring,
      range: range,
      late: late,
      fields,
      request.aggregates
    )
    return fold.run(&aggregators, &context)
  }

  private static func stringByteCount(_ aggregators: [StepAggregator]) -> Int {
    aggregators.reduce(0) { $0 + $1.strings.bytes.count }
  }
}

extension RangeAnswer.Content {
  /// Memory of the values.
  var byteCount: Int {
    switch self {
    case .points(let timestamps, let values): timestamps.count * 8 + values.byteCount
    case .buckets(let present, let columns):
      columns.reduce(present.count / 8 + 256) { $0 + $1.values.byteCount }
    }
  }
}

extension AnswerValues {
  /// Memory of the values.
  var byteCount: Int {
    switch self {
    case .float(let cells), .integer(let cells), .unsigned(let cells), .boolean(let cells):
      cells.count * 8
    case .string(let cells, let strings): cells.count * 8 + strings.bytes.count
    case .sum(let sums, _): sums.count * 16
    }
  }
}
