internal import Model

/// Answers a request without a step: points, series by series and field by field, up to the page's
/// end.
struct RawQuery {
  /// Fields that are read side by side at most.
  static let fieldsPerPassMax = 32
  /// Memory of a series of the answer beside its points.
  static let seriesByteCount = 256

  let request: RangeRequest
  let selection: Selection
  let views: [PartitionID: PartitionView]

  /// What the page has room for. A page also ends when half of the budget is filled.
  private struct Page {
    var pointsLeft: Int
    var bytesLeft: Int
    var isEmpty = true

    /// Points of 16 bytes that still fit: at least one on every page.
    var room: Int { isEmpty ? max(1, capacity) : capacity }
    private var capacity: Int { max(0, min(pointsLeft, bytesLeft / 16)) }
  }

  func run(
    into answer: inout RangeAnswer,
    _ context: inout QueryContext
  ) throws(QueryError) {
    guard !request.range.isEmpty else { return }
    // One half of the budget is the page's, the other one is for what is decoded to fill it.
    var page = Page(pointsLeft: request.limit, bytesLeft: context.bytesLeft / 2)
    try context.charge(page.bytesLeft)
    var position = try startPosition()
    while position.group < selection.groups.count {
      let group = selection.groups[position.group]
      guard let series = group.members.first,
        let view = selection.partitions[series].flatMap({ views[$0] })
      else { break }
      let reader = SeriesReader(series, view, request.range, selection.fields, &context)
      while position.field < selection.fields.count {
        let start = position.timestamp ?? request.range.start
        let range = TimeRange(start: start, end: request.range.end)
        let rowCount = reader.rowCount(of: selection.fields[position.field], in: range, &context)
        let count = passWidth(position, room: page.room, rowCount: rowCount)
        let fields = Array(selection.fields[position.field..<position.field + count])
        let columns = try reader.points(
          fields,
          in: range,
          pointCountMax: page.room + 1,
          byteCountMax: page.bytesLeft,
          &context
        )
        if let next = append(columns, fields, series, group.tags, &page, &answer) {
          answer.next = next
          return
        }
        position = (position.group, position.field + count, nil)
      }
      position = (position.group + 1, 0, nil)
    }
  }

  /// Where the page begins: a token's position, or the start.
  private func startPosition() throws(QueryError) -> (
    group: Int, field: Int, timestamp: Timestamp?
  ) {
    guard let next = request.next else { return (0, 0, nil) }
    guard let group = selection.groups.firstIndex(where: { $0.members == [next.series] }),
      let field = selection.fields.firstIndex(where: { $0.id == next.field })
    else {
      throw QueryError(.badData, "next: the series or field at which the page begins is gone")
    }
    return (group, field, next.timestamp)
  }

  /// Fields that surely fit the page together; one where that is not sure.
  private func passWidth(
    _ position: (group: Int, field: Int, timestamp: Timestamp?),
    room: Int,
    rowCount: Int
  ) -> Int {
    guard position.timestamp == nil else { return 1 }
    let fitting = max(1, min(room / max(1, rowCount), Self.fieldsPerPassMax))
    let rest = selection.fields[position.field...].prefix(fitting)
    // The bytes of strings are known only when they are read.
    return max(1, rest.prefix { $0.type != .string }.count)
  }

  /// Appends columns of one series to the answer.
  ///
  /// - Returns: the first point that the page has no room for.
  private func append(
    _ columns: [PointColumn],
    _ fields: [FieldDefinition],
    _ series: SeriesID,
    _ tags: [Tag],
    _ page: inout Page,
    _ answer: inout RangeAnswer
  ) -> ContinuationToken? {
    for (column, field) in zip(columns, fields) where !column.timestamps.isEmpty {
      let room = page.room
      let count = min(room, column.fittingCount(in: page.bytesLeft, isFirst: page.isEmpty))
      if count > 0 {
        let kept = column.prefix(count)
        page.pointsLeft -= count
        page.bytesLeft -= kept.byteCount + Self.seriesByteCount
        page.isEmpty = false
        answer.series.append(
          RangeAnswer.Series(
            measurement: request.measurement,
            tags: tags,
            field: field.name,
            type: field.type,
            content: .points(timestamps: kept.timestamps, values: kept.values)
          )
        )
      }
      if count < column.timestamps.count {
        return ContinuationToken(
          request: request.fingerprint,
          range: request.range,
          series: series,
          field: field.id,
          timestamp: column.timestamps[count]
        )
      }
    }
    return nil
  }
}

/// Reads the points of one series.
private struct SeriesReader {
  let series: SeriesID
  let view: PartitionView
  private let groups: [any SealedRows]

  init(
    _ series: SeriesID,
    _ view: PartitionView,
    _ range: TimeRange,
    _ fields: [FieldDefinition],
    _ context: inout QueryContext
  ) {
    self.series = series
    self.view = view
    groups = context.groups(of: series, fields: fields.map(\.id), in: range, from: view)
  }

  /// Rows that may hold a field: an upper bound of its points.
  func rowCount(
    of field: FieldDefinition,
    in range: TimeRange,
    _ context: inout QueryContext
  ) -> Int {
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
      ranges: [range]
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
            columns[index].append(cursor.inputs[input], run, pointCountMax, byteCountMax)
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
}

/// Points of one field, as they are collected.
private struct PointColumn {
  let type: ColumnType
  private(set) var timestamps: [Timestamp] = []
  private var cells: [Cell] = []
  private var strings = StringArena()

  init(type: ColumnType) { self.type = type }

  /// Whether a further point is wanted: one beyond what a page has room for shows that there are
  /// more, on a full page too.
  func hasRoom(_ pointCountMax: Int, _ byteCountMax: Int) -> Bool {
    timestamps.isEmpty || timestamps.count < pointCountMax && byteCount <= byteCountMax
  }

  var byteCount: Int { timestamps.count * 16 + strings.bytes.count }

  mutating func append(
    _ input: MergeInput,
    _ rows: Range<Int>,
    _ pointCountMax: Int,
    _ byteCountMax: Int
  ) {
    let rows = rows.prefix(pointCountMax - timestamps.count)
    guard type == .string else {
      timestamps.append(contentsOf: input.timestamps[rows])
      cells.append(contentsOf: input.cells[rows])
      return
    }
    for row in rows where hasRoom(pointCountMax, byteCountMax) {
      guard let slice = input.strings.slice(input.cells[row]),
        let cell = strings.append(slice.span)
      else { continue }
      timestamps.append(input.timestamps[row])
      cells.append(cell)
    }
  }

  /// Points whose bytes fit; at least one when it is the page's first.
  func fittingCount(in byteCountMax: Int, isFirst: Bool) -> Int {
    if byteCount <= byteCountMax { return timestamps.count }
    guard type == .string else {
      return min(timestamps.count, max(isFirst ? 1 : 0, byteCountMax / 16))
    }
    var sum = 0
    var count = 0
    for cell in cells {
      sum += 16 + Int(cell & 0xffff_ffff)
      guard sum <= byteCountMax || (count == 0 && isFirst) else { break }
      count += 1
    }
    return count
  }

  func prefix(_ count: Int) -> PointColumn {
    guard count < timestamps.count else { return self }
    var column = PointColumn(type: type)
    column.timestamps = Array(timestamps.prefix(count))
    guard type == .string else {
      column.cells = Array(cells.prefix(count))
      return column
    }
    for cell in cells.prefix(count) {
      guard let slice = strings.slice(cell), let copy = column.strings.append(slice.span) else {
        continue
      }
      column.cells.append(copy)
    }
    return column
  }

  var values: AnswerValues {
    switch type {
    case .float: .float(cells)
    case .integer: .integer(cells)
    case .unsigned: .unsigned(cells)
    case .boolean: .boolean(cells)
    case .string: .string(cells, strings)
    }
  }
}
