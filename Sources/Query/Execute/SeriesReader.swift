internal import Model

/// Reads the points of one series.
struct SeriesReader {
  let series: SeriesID
  let scan: PartitionScan
  let groups: [any SealedRows]
  let range: TimeRange
  /// The rows wanted; `nil` for all.
  let times: MatchingTimes?

  init(
    _ series: SeriesID,
    _ scan: PartitionScan,
    _ range: TimeRange,
    _ fields: [FieldDefinition],
    _ times: MatchingTimes?,
    _ context: inout QueryContext
  ) {
    self.series = series
    self.scan = scan
    self.range = range
    self.times = times
    groups = context.groups(of: series, fields: fields.map(\.id), in: range, from: scan)
  }

  /// Rows that may hold a field: an upper bound of its points.
  func rowCount(
    of field: FieldDefinition,
    in range: TimeRange,
    _ context: inout QueryContext
  ) -> Int {
    if let times { return times.times.count }
    var count = scan.open.rowCountMax(of: series)
    for group in groups
    where range.meets(first: group.firstTimestamp, last: group.lastTimestamp)
      && context.fieldSets.mayHold([field.id], in: group.fieldSet)
    {
      count += group.rowCount
    }
    return count
  }

  /// The same for any field.
  func rowCount(in range: TimeRange) -> Int {
    var count = scan.open.rowCountMax(of: series)
    for group in groups where range.meets(first: group.firstTimestamp, last: group.lastTimestamp) {
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
    var open = try OpenReading(of: series, ids, in: range, from: scan, &context)
    defer { open.end(&context) }
    let sealed = RawSweep(
      groups: groups.filter { context.fieldSets.mayHold(ids, in: $0.fieldSet) },
      late: try open.late(&context),
      fields: fields,
      ranges: ranges(in: range)
    )
    let isFull = try append(sealed, to: &columns, pointCountMax, byteCountMax, &context)
    // Fresh rows are newer than all others, so that they follow them.
    for index in open.freshRanges.indices where !isFull {
      let part = try open.fresh(index, &context)
      defer { open.release(part, &context) }
      let fresh = RawSweep(groups: [], late: part.rows, fields: fields, ranges: [part.range])
      if try append(fresh, to: &columns, pointCountMax, byteCountMax, &context) { break }
    }
    return columns
  }

  /// - Returns: whether no column has room for more.
  private func append(
    _ rows: consuming RawSweep,
    to columns: inout [PointColumn],
    _ pointCountMax: Int,
    _ byteCountMax: Int,
    _ context: inout QueryContext
  ) throws(QueryError) -> Bool {
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
        return true
      }
    }
    return false
  }

  /// Appends the newest `count` points of each field, oldest first.
  ///
  /// - Parameter first: the number of the first field.
  func newest(
    _ count: Int,
    _ fields: [FieldDefinition],
    first: Int,
    into piece: inout PointPiece,
    _ context: inout QueryContext
  ) throws(QueryError) {
    if count == 1, times == nil, let row = try newestRow(fields, &context) {
      for (index, column) in row.columns.enumerated() {
        piece.append(row.timestamps[...], column.cells[...], field: first + index)
      }
      return
    }
    let columns = try newest(count, fields, in: range, &context)
    for (index, column) in columns.enumerated() { piece.append(column, field: first + index) }
  }

  /// The newest row, where one place surely has it with all fields.
  private func newestRow(
    _ fields: [FieldDefinition],
    _ context: inout QueryContext
  ) throws(QueryError) -> ColumnBatch? {
    guard scan.open.rowCountMax(of: series) == 0, var top = groups.first else { return nil }
    for group in groups.dropFirst() where group.lastTimestamp >= top.lastTimestamp { top = group }
    let time = top.lastTimestamp
    guard range.contains(time), groups.count(where: { $0.lastTimestamp == time }) == 1 else {
      return nil
    }
    let estimate = top.rowCount * 8 * (fields.count + 1)
    try context.charge(estimate)
    defer { context.release(estimate) }
    let (row, decodedCount): (ColumnBatch, Int)
    do throws(UnreadableRows) {
      (row, decodedCount) = try top.lastRow(of: fields.map(\.id))
    } catch {
      return nil
    }
    guard row.timestamps.count == 1, row.columns.count == fields.count,
      zip(row.columns, fields).allSatisfy({ $0.field == $1.id && $0.type == $1.type })
    else { return nil }
    context.statistics.chunksDecoded += decodedCount
    context.statistics.chunksFromStatistics += row.columns.count - decodedCount
    if top.isCold { context.statistics.chunksCold += decodedCount }
    return row
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
    // Of long strings one row may be all that there is memory for.
    let hasStrings = fields.contains { $0.type == .string }
    if count == 1, hasStrings, times == nil, range == self.range,
      let row = try newestRow(fields, &context)
    {
      return row.columns.map { column in
        var points = PointColumn(type: column.type)
        let input = MergeInput(
          timestamps: row.timestamps,
          cells: column.cells,
          strings: row.strings,
          range: range
        )
        points.append(input, 0..<1, .max, .max)
        return points
      }
    }
    let ids = fields.map(\.id)
    var open = try OpenReading(of: series, ids, in: range, from: scan, &context)
    defer { open.end(&context) }
    var columns = fields.map { PointColumn(type: $0.type) }
    for index in open.freshRanges.indices.reversed() {
      let places = columns.indices.filter { columns[$0].timestamps.count < count }
      guard !places.isEmpty else { break }
      let part = try open.fresh(index, &context)
      defer { open.release(part, &context) }
      let lacking = places.map { fields[$0] }
      let fresh = RawSweep(groups: [], late: part.rows, fields: lacking, ranges: [part.range])
      let older = try collect(fresh, lacking, newest: count, &context)
      for (place, column) in zip(places, older) {
        columns[place] = column.followed(by: columns[place], newest: count)
      }
    }
    guard columns.contains(where: { $0.timestamps.count < count }) else { return columns }
    let late = try open.late(&context)
    let candidates = groups.filter { context.fieldSets.mayHold(ids, in: $0.fieldSet) }
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
      let sweep = RawSweep(groups: candidates, late: late, fields: lacking, ranges: ranges)
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
  func ranges(in range: TimeRange) -> [TimeRange] {
    guard let times else { return [range] }
    return times.ranges.compactMap { wanted in
      let (start, end) = (max(wanted.start, range.start), min(wanted.end, range.end))
      return start < end ? TimeRange(start: start, end: end) : nil
    }
  }
}
