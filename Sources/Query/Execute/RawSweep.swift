internal import Model

/// Walks the rows of one series through time, slice by slice, so that only a slice of them is
/// decoded at once. Every chunk is decoded once, however many slices it reaches into.
struct RawSweep {
  private struct Pending {
    let rows: any SealedRows
    let priority: Int
    let first: Timestamp
    let last: Timestamp
  }

  private struct Active {
    let batch: ColumnBatch
    let priority: Int
    let last: Timestamp
    let byteCount: Int
    /// Where each wanted field stands among the batch's columns; -1 for nowhere.
    let columns: [Int]
  }

  let fields: [FieldID]
  private let types: [ColumnType]
  private let ranges: [TimeRange]
  private var rangeIndex = 0
  private var cursor: Timestamp
  private var pending: [Pending] = []
  private var pendingIndex = 0
  private var active: [Active] = []
  private var activeByteCount = 0
  /// Where a field stands in `fields`; empty while those are few.
  private let places: [FieldID: Int]
  private static let fewFields = 16

  /// - Parameters:
  ///   - groups: sealed rows, a later one winning over an earlier one.
  ///   - late: decoded rows that win over all of them, by the same rule.
  ///   - ranges: the times wanted, ascending and apart.
  init(
    groups: [any SealedRows],
    late: [ColumnBatch],
    fields: [FieldDefinition],
    ranges: [TimeRange]
  ) {
    self.fields = fields.map(\.id)
    types = fields.map(\.type)
    places =
      fields.count <= Self.fewFields
      ? [:]
      : Dictionary(
        fields.enumerated().map { ($1.id, $0) },
        uniquingKeysWith: { first, _ in first }
      )
    self.ranges = ranges
    cursor = ranges.first?.start ?? 0
    for (priority, rows) in groups.enumerated() {
      let (first, last) = (rows.firstTimestamp, rows.lastTimestamp)
      guard Self.meets(ranges, first: first, last: last) else { continue }
      pending.append(Pending(rows: rows, priority: priority, first: first, last: last))
    }
    pending.sort { $0.first < $1.first }
    for (index, batch) in late.enumerated() {
      guard let last = batch.timestamps.last else { continue }
      activate(batch, priority: groups.count + index, last: last, byteCount: 0)
    }
  }

  /// Rows at most that a scan of the sealed groups would meet.
  var pendingRowCount: Int { pending.reduce(0) { $0 + $1.rows.rowCount } }

  /// Moves to the next slice and decodes what begins in it.
  ///
  /// - Returns: the times for which ``inputs(for:in:)`` now has every row, or `nil` after the last.
  mutating func next(_ context: inout QueryContext) throws(QueryError) -> TimeRange? {
    try context.checkDeadline()
    while rangeIndex < ranges.count, cursor >= ranges[rangeIndex].end {
      rangeIndex += 1
      if rangeIndex < ranges.count { cursor = ranges[rangeIndex].start }
    }
    guard rangeIndex < ranges.count else {
      retire(before: .max, &context)
      return nil
    }
    let start = cursor
    var end = ranges[rangeIndex].end
    retire(before: start, &context)
    while pendingIndex < pending.count, pending[pendingIndex].first < end {
      let candidate = pending[pendingIndex]
      if candidate.first > start, activeByteCount >= context.sliceByteCountMax {
        end = candidate.first
        break
      }
      pendingIndex += 1
      // What lies before this slice lies in a gap: no range behind it needs it.
      if candidate.last >= start { try load(candidate, &context) }
    }
    cursor = end
    return TimeRange(start: start, end: end)
  }

  /// The columns of field number `index` that have rows in `range`, later ones winning.
  func inputs(for index: Int, in range: TimeRange) -> [MergeInput] {
    var inputs: [MergeInput] = []
    for item in active where item.columns[index] >= 0 {
      let input = MergeInput(
        timestamps: item.batch.timestamps,
        cells: item.batch.columns[item.columns[index]].cells,
        strings: item.batch.strings,
        range: range
      )
      if !input.rows.isEmpty { inputs.append(input) }
    }
    return inputs
  }

  /// Gives back everything that was charged; for a sweep that ends early.
  mutating func stop(_ context: inout QueryContext) { retire(before: .max, &context) }

  private mutating func load(
    _ candidate: Pending,
    _ context: inout QueryContext
  ) throws(QueryError) {
    let hull = TimeRange(start: ranges[0].start, end: ranges[ranges.count - 1].end)
    let estimate = candidate.rows.rowCount * 8 * (fields.count + 1)
    try context.charge(estimate)
    // Strings may be of any length: they are charged before they are decoded.
    var claimed = 0
    var excess: QueryError?
    let batch: ColumnBatch
    do throws(UnreadableRows) {
      batch = try candidate.rows.columns(of: fields, in: hull) { [context] count in
        claimed += count
        do throws(QueryError) { try context.charge(count) } catch { excess = error }
        return excess == nil
      }
    } catch {
      context.release(estimate + claimed)
      context.warn(error.message)
      return
    }
    context.release(estimate + claimed)
    if let excess { throw excess }
    let byteCount = batch.byteCount
    try context.charge(byteCount)
    context.statistics.chunksDecoded += batch.columns.count
    if candidate.rows.isCold { context.statistics.chunksCold += batch.columns.count }
    guard let last = batch.timestamps.last else {
      context.release(byteCount)
      return
    }
    activate(batch, priority: candidate.priority, last: last, byteCount: byteCount)
  }

  /// Inserts a batch behind all of lower priority.
  private mutating func activate(
    _ batch: ColumnBatch,
    priority: Int,
    last: Timestamp,
    byteCount: Int
  ) {
    var columns = Array(repeating: -1, count: fields.count)
    for (column, content) in batch.columns.enumerated() {
      guard let index = place(of: content.field), content.type == types[index] else { continue }
      if content.cells.count == batch.timestamps.count { columns[index] = column }
    }
    let item = Active(
      batch: batch,
      priority: priority,
      last: last,
      byteCount: byteCount,
      columns: columns
    )
    let place = active.firstIndex { $0.priority > priority } ?? active.count
    active.insert(item, at: place)
    activeByteCount += byteCount
  }

  private func place(of field: FieldID) -> Int? {
    places.isEmpty ? fields.firstIndex(of: field) : places[field]
  }

  /// Drops the batches that have no row from `time` on.
  private mutating func retire(before time: Timestamp, _ context: inout QueryContext) {
    for item in active where item.last < time {
      context.release(item.byteCount)
      activeByteCount -= item.byteCount
    }
    active.removeAll { $0.last < time }
  }

  /// Whether the closed interval `first ... last` meets any of `ranges`.
  private static func meets(_ ranges: [TimeRange], first: Timestamp, last: Timestamp) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].end <= first { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].meets(first: first, last: last)
  }
}

extension ColumnBatch {
  /// Memory of timestamps, cells and strings.
  var byteCount: Int { timestamps.count * 8 * (columns.count + 1) + strings.bytes.count }
}
