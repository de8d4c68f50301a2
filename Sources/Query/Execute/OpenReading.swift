internal import Model

/// The open rows of a series for one query: read at once where they are few, else stretch by
/// stretch of time, so that a series with millions of them fits a query's memory.
///
/// What collecting takes is charged beforehand, and the columns once they are there; both are given
/// back, these by ``release(_:_:)`` and ``end(_:)``.
struct OpenReading {
  /// Some fresh rows.
  struct Part {
    var rows: [ColumnBatch]
    var range: TimeRange
    fileprivate var byteCount: Int
  }

  private let range: TimeRange
  private let stretches: (any OpenStretches)?
  /// All rows, where they are few; else the late ones once they were asked for.
  private var open: OpenRows?
  private var byteCount = 0
  /// The times of the parts of fresh rows, ascending.
  let freshRanges: [TimeRange]

  /// - Parameter counts: whether the rows are the answer's and not looked at for a condition.
  init(
    of series: SeriesID,
    _ fields: [FieldID],
    in range: TimeRange,
    from scan: PartitionScan,
    counts: Bool = true,
    _ context: inout QueryContext
  ) throws(QueryError) {
    self.range = range
    isCounted = counts
    stretches = scan.open.stretches(of: series, fields: fields, in: range)
    guard let stretches else {
      freshRanges = [range]
      let estimate = scan.open.rowCountMax(of: series, in: range) * OpenRows.referenceByteCount
      try context.charge(estimate)
      defer { context.release(estimate) }
      let rows = scan.open.openRows(of: series, fields: fields, in: range)
      try keep(rows, &context)
      return
    }
    freshRanges = stretches.ranges.compactMap { stretch in
      let start = max(stretch.start, stretches.freshStart, range.start)
      let end = min(stretch.end, range.end)
      return start < end ? TimeRange(start: start, end: end) : nil
    }
  }

  private let isCounted: Bool

  private mutating func keep(_ rows: OpenRows, _ context: inout QueryContext) throws(QueryError) {
    try context.charge(rows.byteCount)
    byteCount += rows.byteCount
    if isCounted { context.statistics.rowsOpen += rows.rowCount }
    open = rows
  }

  /// Rows that win over sealed ones.
  mutating func late(_ context: inout QueryContext) throws(QueryError) -> [ColumnBatch] {
    if let open { return open.late }
    guard let stretches, range.start < stretches.freshStart else { return [] }
    let past = TimeRange(start: range.start, end: min(stretches.freshStart, range.end))
    let estimate = stretches.rowCount(in: past) * OpenRows.referenceByteCount
    try context.charge(estimate)
    defer { context.release(estimate) }
    try keep(stretches.rows(in: past), &context)
    return open?.late ?? []
  }

  /// The fresh rows of one of ``freshRanges``: newer than all that is sealed or late.
  func fresh(_ index: Int, _ context: inout QueryContext) throws(QueryError) -> Part {
    let range = freshRanges[index]
    guard let stretches else { return Part(rows: open?.fresh ?? [], range: range, byteCount: 0) }
    try context.checkDeadline()
    let estimate = stretches.rowCount(in: range) * OpenRows.referenceByteCount
    try context.charge(estimate)
    defer { context.release(estimate) }
    let rows = stretches.rows(in: range)
    try context.charge(rows.byteCount)
    if isCounted { context.statistics.rowsOpen += rows.rowCount }
    return Part(rows: rows.fresh, range: range, byteCount: rows.byteCount)
  }

  func release(_ part: Part, _ context: inout QueryContext) { context.release(part.byteCount) }

  func end(_ context: inout QueryContext) { context.release(byteCount) }
}
