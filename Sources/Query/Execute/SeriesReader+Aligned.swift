internal import Model

extension SeriesReader {
  /// Appends the points of each field, where the fields have all their rows in common and nothing
  /// has to be merged.
  ///
  /// - Parameters:
  ///   - fields: of numbers.
  ///   - first: the number of the first field.
  /// - Returns: `false` when it is not so; nothing is appended then.
  func appendAligned(
    _ fields: [FieldDefinition],
    first: Int,
    into piece: inout PointPiece,
    _ context: inout QueryContext
  ) throws(QueryError) -> Bool {
    guard let fieldSet = groups.first?.fieldSet, scan.open.rowCountMax(of: series) == 0,
      groups.allSatisfy({ $0.fieldSet == fieldSet })
    else { return false }
    let wanted = ranges(in: range)
    guard let start = wanted.first?.start, let end = wanted.last?.end else { return true }
    let ids = fields.map(\.id)
    let isolation = GroupIsolation(groups, late: [], fields: ids, &context)
    guard groups.indices.allSatisfy(isolation.isAlone) else { return false }
    var result = AlignedRows()
    for index in isolation.order {
      let group = groups[index]
      let isWanted = wanted.contains {
        $0.meets(first: group.firstTimestamp, last: group.lastTimestamp)
      }
      guard isWanted else { continue }
      try context.checkDeadline()
      let estimate = group.rowCount * 8 * (fields.count + 1)
      try context.charge(estimate)
      defer { context.release(estimate) }
      guard let batch = try? group.columns(of: ids, in: TimeRange(start: start, end: end)) else {
        return false
      }
      guard
        result.append(
          batch,
          fields,
          first,
          times.runs(of: batch.timestamps.indices, in: batch.timestamps)
        )
      else { return false }
      context.statistics.chunksDecoded += batch.columns.count
      if group.isCold { context.statistics.chunksCold += batch.columns.count }
    }
    if !result.times.isEmpty { piece.append(result.times, result.columns) }
    return true
  }
}

/// Rows of one field set, one behind another.
private struct AlignedRows {
  private(set) var times: [Timestamp] = []
  private(set) var columns: [(field: Int, cells: [Cell])] = []

  /// - Returns: `false` when the batch has other columns than the ones before, or of other types.
  mutating func append(
    _ batch: ColumnBatch,
    _ fields: [FieldDefinition],
    _ first: Int,
    _ runs: [Range<Int>]
  ) -> Bool {
    guard !batch.timestamps.isEmpty else { return true }
    if columns.isEmpty {
      for column in batch.columns {
        guard let place = fields.firstIndex(where: { $0.id == column.field }) else { return false }
        columns.append((first + place, []))
      }
    }
    guard batch.columns.count == columns.count else { return false }
    for (index, column) in batch.columns.enumerated() {
      let field = fields[columns[index].field - first]
      guard field.id == column.field, field.type == column.type,
        column.cells.count == batch.timestamps.count
      else { return false }
    }
    for run in runs {
      times.append(contentsOf: batch.timestamps[run])
      for (index, column) in batch.columns.enumerated() {
        columns[index].cells.append(contentsOf: column.cells[run])
      }
    }
    return true
  }
}
