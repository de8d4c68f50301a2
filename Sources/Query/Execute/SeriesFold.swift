internal import Model

/// Folds one series after another into the buckets of some fields; keeps its buffers between them.
struct SeriesFold {
  private let grid: StepGrid
  /// The times to read: those of the buckets that retention keeps.
  private let range: TimeRange
  private let fields: [FieldDefinition]
  private let ids: [FieldID]
  private let filter: RowFilter?
  private var reader: WindowReader
  private let rollups: RollupFold

  init(
    _ request: RangeRequest,
    grid: StepGrid,
    fields: [FieldDefinition],
    filter: RowFilter?
  ) {
    self.grid = grid
    range = request.kept(grid.range)
    self.fields = fields
    ids = fields.map(\.id)
    self.filter = filter
    reader = WindowReader(fields, parts: WindowFold.parts(for: request.aggregates))
    rollups = RollupFold(request, grid: grid, fields: fields)
  }

  /// Folds one series into the buckets of a slot.
  mutating func fold(
    _ series: SeriesID,
    _ slot: Int,
    _ scan: PartitionScan,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) throws(QueryError) {
    let times = try filter?.times(of: series, in: range, from: scan, &context)
    defer { context.release(times?.byteCount ?? 0) }
    if times?.times.isEmpty == true { return }
    try context.checkSize(scan.open.rowCountMax(of: series) * ids.count)
    var open = try OpenReading(of: series, ids, in: range, from: scan, &context)
    defer { open.end(&context) }
    let late = try open.late(&context)

    let before = StepQuery.stringByteCount(aggregators)
    // Windows know nothing of single rows.
    var ranges =
      times?.ranges ?? foldWindows(series, slot, scan, late, &aggregators, &context)
    if times == nil, rollups.isNeeded {
      try context.checkSize(ranges.isEmpty ? 0 : .max)
      ranges = try rollups.fold(
        ranges,
        series,
        slot,
        scan,
        late,
        &aggregators,
        &context
      )
    }
    try context.charge(StepQuery.stringByteCount(aggregators) - before)
    if let first = ranges.first, let last = ranges.last {
      let hull = TimeRange(start: first.start, end: last.end)
      var groups = context.groups(of: series, fields: ids, in: hull, from: scan)
      try context.checkSize(
        groups.reduce(0) { $0 + $1.rowCount } * ids.count,
        isCold: groups.contains(where: \.isCold)
      )
      // What groups say of themselves tells nothing of single rows.
      if times == nil {
        groups = try StatisticsFold.fold(
          groups,
          late: late,
          in: ranges,
          fields,
          slot,
          &aggregators,
          &context
        )
      }
      let sweep = RawSweep(
        groups: groups,
        late: late,
        fields: fields,
        ranges: ranges
      )
      try fold(sweep, times, slot, &aggregators, &context)
    }
    // Newer than all that is sealed, so that nothing above can hold the same point.
    for index in open.freshRanges.indices {
      let part = try open.fresh(index, &context)
      defer { open.release(part, &context) }
      guard !part.rows.isEmpty else { continue }
      let sweep = RawSweep(groups: [], late: part.rows, fields: fields, ranges: [part.range])
      try fold(sweep, times, slot, &aggregators, &context)
    }
  }

  private func fold(
    _ rows: consuming RawSweep,
    _ times: MatchingTimes?,
    _ slot: Int,
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
              strings: cursor.inputs[input].strings,
              slot: slot
            )
          }
        }
        try context.charge(aggregators[index].strings.bytes.count - before)
      }
    }
  }

  private mutating func foldWindows(
    _ series: SeriesID,
    _ slot: Int,
    _ scan: PartitionScan,
    _ late: [ColumnBatch],
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) -> [TimeRange] {
    guard !range.isEmpty else { return [] }
    guard grid.step % Nanoseconds.perMinute == 0 else { return [range] }
    var fold = WindowFold(series: series, slot: slot, scan: scan, range: range, late: late)
    return fold.run(&reader, &aggregators, &context)
  }
}
