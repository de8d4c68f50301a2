internal import Model

/// Answers a request without a step: points, series by series and field by field, up to the page's
/// end.
///
/// Series that surely fit the page together are read in the order in which they are stored, on all
/// threads that help; where the page may end within a series, that one is read by itself.
struct RawQuery {
  /// Fields that are read side by side at most.
  static let fieldsPerPassMax = 32
  /// Memory of a series of the answer beside its points.
  static let seriesByteCount = 256

  let request: RangeRequest
  let selection: Selection
  /// By the partition's number.
  let views: [PartitionView?]
  var helpers: (any QueryHelpers)?

  /// What the page has room for. A page also ends when half of the budget is filled.
  private struct Page {
    var pointsLeft: Int
    var bytesLeft: Int
    var isEmpty = true

    /// Points of 16 bytes that still fit: at least one on every page.
    var room: Int { isEmpty ? max(1, capacity) : capacity }
    private var capacity: Int { max(0, min(pointsLeft, bytesLeft / 16)) }
  }

  private typealias Position = (group: Int, field: Int, timestamp: Timestamp?)

  func run(
    into answer: inout RangeAnswer,
    _ context: inout QueryContext
  ) throws(QueryError) {
    guard !request.range.isEmpty else { return }
    // One half of the budget is the page's, the other one is for what is decoded to fill it.
    var page = Page(pointsLeft: request.limit, bytesLeft: context.bytesLeft / 2)
    try context.charge(page.bytesLeft)
    var batches = RawBatches(
      request: request,
      selection: selection,
      views: views,
      helpers: helpers
    )
    var scans = PartitionScans(views)
    var position = try startPosition()
    while position.group < selection.groups.count {
      if position.field == 0, position.timestamp == nil {
        let batch = try batches.next(
          from: position.group,
          pointCountMax: min(page.pointsLeft, page.bytesLeft / 16),
          byteCountMax: page.bytesLeft,
          &context
        )
        if batch.groupCount > 0 {
          append(batch, &page, &answer)
          position = (position.group + batch.groupCount, 0, nil)
          continue
        }
      }
      if let next = try answerGroup(position, &scans, &page, &answer, &context) {
        answer.next = next
        return
      }
      position = (position.group + 1, 0, nil)
    }
  }

  /// Answers one group from a position on.
  ///
  /// - Returns: the first point that the page has no room for.
  private func answerGroup(
    _ start: Position,
    _ scans: inout PartitionScans,
    _ page: inout Page,
    _ answer: inout RangeAnswer,
    _ context: inout QueryContext
  ) throws(QueryError) -> ContinuationToken? {
    var position = start
    let group = selection.groups[position.group]
    let member = selection.members[group.members.lowerBound]
    guard let scan = scans[member.partition] else { return nil }
    let series = member.series
    let times = try selection.filter?.times(of: series, in: request.range, from: scan, &context)
    defer { context.release(times?.byteCount ?? 0) }
    if times?.times.isEmpty == true { return nil }
    let reader = SeriesReader(series, scan, request.range, selection.fields, times, &context)
    while position.field < selection.fields.count {
      let start = max(position.timestamp ?? 0, request.range.start)
      let range = TimeRange(start: start, end: max(start, request.range.end))
      let rowCount = min(
        reader.rowCount(of: selection.fields[position.field], in: range, &context),
        request.newest ?? .max
      )
      let count = passWidth(position, room: page.room, rowCount: rowCount)
      let fields = Array(selection.fields[position.field..<position.field + count])
      let columns =
        if let newest = request.newest {
          try reader.newest(newest, fields, in: range, &context)
        } else {
          try reader.points(
            fields,
            in: range,
            pointCountMax: page.room + 1,
            byteCountMax: page.bytesLeft,
            &context
          )
        }
      if let next = append(columns, fields, series, group.labels, &page, &answer) { return next }
      position = (position.group, position.field + count, nil)
    }
    return nil
  }

  /// Where the page begins: a token's position, or the start.
  private func startPosition() throws(QueryError) -> Position {
    guard let next = request.next else { return (0, 0, nil) }
    guard
      let group = selection.groups.firstIndex(where: { group in
        group.members.count == 1
          && selection.members[group.members.lowerBound].series == next.series
      }),
      let field = selection.fields.firstIndex(where: { $0.id == next.field })
    else {
      throw QueryError(.badData, "next: the series or field at which the page begins is gone")
    }
    return (group, field, next.timestamp)
  }

  /// Fields that surely fit the page together; one where that is not sure.
  private func passWidth(_ position: Position, room: Int, rowCount: Int) -> Int {
    guard position.timestamp == nil else { return 1 }
    let fitting = max(1, min(room / max(1, rowCount), Self.fieldsPerPassMax))
    let rest = selection.fields[position.field...].prefix(fitting)
    // The bytes of strings are known only when they are read.
    return max(1, rest.prefix { $0.type != .string }.count)
  }

  /// Appends groups that are known to fit.
  private func append(_ batch: RawBatch, _ page: inout Page, _ answer: inout RangeAnswer) {
    answer.series.reserveCapacity(answer.series.count + batch.seriesCount)
    batch.forEach { group, field, timestamps, cells in
      let definition = selection.fields[field]
      page.pointsLeft -= timestamps.count
      page.bytesLeft -= timestamps.count * 16 + Self.seriesByteCount
      page.isEmpty = false
      answer.series.append(
        RangeAnswer.Series(
          measurement: request.measurement,
          labels: selection.groups[group].labels,
          field: definition.name,
          type: definition.type,
          content: .points(
            timestamps: timestamps,
            values: AnswerValues(cells, definition.type, StringArena())
          )
        )
      )
    }
  }

  /// Appends columns of one series to the answer.
  ///
  /// - Returns: the first point that the page has no room for.
  private func append(
    _ columns: [PointColumn],
    _ fields: [FieldDefinition],
    _ series: SeriesID,
    _ labels: Labels,
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
            labels: labels,
            field: field.name,
            type: field.type,
            content: .points(timestamps: SharedColumn(kept.timestamps), values: kept.values)
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
