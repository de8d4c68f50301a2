internal import Model

/// Reads the points of one series.
struct SeriesReader {
  let series: SeriesID
  let view: PartitionView
  private let groups: [any SealedRows]
  /// The rows wanted; `nil` for all.
  private let times: MatchingTimes?

  init(
    _ series: SeriesID,
    _ view: PartitionView,
    _ range: TimeRange,
    _ fields: [FieldDefinition],
    _ times: MatchingTimes?,
    _ context: inout QueryContext
  ) {
    self.series = series
    self.view = view
    self.times = times
    groups = context.groups(of: series, fields: fields.map(\.id), in: range, from: view)
  }

  /// Rows that may hold a field: an upper bound of its points.
  func rowCount(
    of field: FieldDefinition,
    in range: TimeRange,
    _ context: inout QueryContext
  ) -> Int {
    if let times { return times.times.count }
    var count = view.open.rowCountMax(of: series)
    for group in groups
    where range.meets(first: group.firstTimestamp, last: group.lastTimestamp)
      && context.fieldSets.mayHold([field.id], in: group.fieldSet)
    {
      count += group.rowCount
    }
    return count
  }

  /// Up to `pointCountMax` points of each field, oldest first.
  func points(
    _ fields: [FieldDefinition],
    in range: TimeRange,
    pointCountMax: Int,
    byteCountMax: Int,
    _ context: inout QueryContext
  ) throws(QueryError) -> [PointColumn] {
    let ids = fields.map(\.id)
    var columns = fields.map { PointColumn(type: $0.type) }
    let open = view.open.openRows(of: series, fields: ids, in: range)
    let openByteCount = open.byteCount
    try context.charge(openByteCount)
    defer { context.release(openByteCount) }
    context.statistics.rowsOpen += open.rowCount
    let sealed = RawSweep(
      groups: groups.filter { context.fieldSets.mayHold(ids, in: $0.fieldSet) },
      late: open.late,
      fields: fields,
      ranges: ranges(in: range)
    )
    // Fresh rows are newer than all others, so that they follow them.
    let fresh = RawSweep(groups: [], late: open.fresh, fields: fields, ranges: [range])
    for var rows in [sealed, fresh] {
      while let slice = try rows.next(&context) {
        var isFull = true
        for index in columns.indices {
          var cursor = MergeCursor(rows.inputs(for: index, in: slice))
          while columns[index].hasRoom(pointCountMax, byteCountMax),
            let (input, run) = cursor.next()
          {
            let timestamps = cursor.inputs[input].timestamps
            for rows in times.runs(of: run, in: timestamps) {
              columns[index].append(cursor.inputs[input], rows, pointCountMax, byteCountMax)
            }
          }
          isFull = isFull && !columns[index].hasRoom(pointCountMax, byteCountMax)
        }
        if isFull {
          rows.stop(&context)
          return columns
        }
      }
    }
    return columns
  }

  /// The newest `count` points of each field, oldest first.
  ///
  /// Goes back from the open rows, chunk group by chunk group, until every field has enough.
  func newest(
    _ count: Int,
    _ fields: [FieldDefinition],
    in range: TimeRange,
    _ context: inout QueryContext
  ) throws(QueryError) -> [PointColumn] {
    let ids = fields.map(\.id)
    let open = view.open.openRows(of: series, fields: ids, in: range)
    let openByteCount = open.byteCount
    try context.charge(openByteCount)
    defer { context.release(openByteCount) }
    context.statistics.rowsOpen += open.rowCount
    let candidates = groups.filter { context.fieldSets.mayHold(ids, in: $0.fieldSet) }
    let fresh = RawSweep(groups: [], late: open.fresh, fields: fields, ranges: [range])
    var columns = try collect(fresh, fields, newest: count, &context)
    var end = range.end
    // Slices that begin where groups do: nothing before a slice can belong to it.
    let starts = Set(candidates.map { max($0.firstTimestamp, range.start) }).union([range.start])
    for start in starts.sorted(by: >) where start < end {
      let places = columns.indices.filter { columns[$0].timestamps.count < count }
      guard !places.isEmpty else { break }
      let slice = TimeRange(start: start, end: end)
      end = start
      let ranges = ranges(in: slice)
      guard !ranges.isEmpty else { continue }
      let lacking = places.map { fields[$0] }
      let sweep = RawSweep(groups: candidates, late: open.late, fields: lacking, ranges: ranges)
      let older = try collect(sweep, lacking, newest: count, &context)
      for (place, column) in zip(places, older) {
        columns[place] = column.followed(by: columns[place], newest: count)
      }
    }
    return columns
  }

  private func collect(
    _ rows: consuming RawSweep,
    _ fields: [FieldDefinition],
    newest count: Int,
    _ context: inout QueryContext
  ) throws(QueryError) -> [PointColumn] {
    var columns = fields.map { PointColumn(type: $0.type) }
    while let slice = try rows.next(&context) {
      for index in columns.indices {
        var found = PointColumn(type: fields[index].type)
        var cursor = MergeCursor(rows.inputs(for: index, in: slice))
        while let (input, run) = cursor.next() {
          let timestamps = cursor.inputs[input].timestamps
          for rows in times.runs(of: run, in: timestamps) {
            // All but the last ones of a run would be dropped again.
            found.append(cursor.inputs[input], rows.suffix(count), .max, .max)
          }
        }
        columns[index] = columns[index].followed(by: found, newest: count)
      }
    }
    return columns
  }

  /// What of `range` must be read.
  private func ranges(in range: TimeRange) -> [TimeRange] {
    guard let times else { return [range] }
    return times.ranges.compactMap { wanted in
      let (start, end) = (max(wanted.start, range.start), min(wanted.end, range.end))
      return start < end ? TimeRange(start: start, end: end) : nil
    }
  }
}
