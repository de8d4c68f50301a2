internal import Blocks
internal import Model

/// Folds chunk groups that lie in one bucket by what their columns say of themselves, so that
/// nothing of them is decoded.
enum StatisticsFold {
  /// Folds the groups that can be.
  ///
  /// - Parameters:
  ///   - groups: of one series, all that may hold any of `fields` in `ranges`.
  ///   - late: decoded rows that win over them.
  ///   - ranges: the times wanted, ascending and apart.
  /// - Returns: what has to be decoded, in the order in which later ones win.
  static func fold(
    _ groups: [any SealedRows],
    late: [ColumnBatch],
    in ranges: [TimeRange],
    _ fields: [FieldDefinition],
    _ slot: Int,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) throws(QueryError) -> [any SealedRows] {
    guard let grid = aggregators.first else { return groups }
    let isCandidate = groups.map { group in
      group.rowCount >= BlockReader.statisticsRowCountMin
        && ranges.contains {
          $0.start <= group.firstTimestamp && group.lastTimestamp < $0.end
        }
        && grid.isOneBucket(group.firstTimestamp, group.lastTimestamp)
    }
    guard isCandidate.contains(true) else { return groups }
    let ids = fields.map(\.id)
    let isolation = GroupIsolation(groups, late: late, fields: ids, &context)
    var rest = groups.map(Optional.some)
    for index in isolation.order where isCandidate[index] && isolation.isAlone(index) {
      try context.checkDeadline()
      // Decoding the group tells what is wrong with it.
      guard let found = try? groups[index].statistics(of: ids) else { continue }
      for (field, type, window) in found.known {
        guard let place = ids.firstIndex(of: field), fields[place].type == type else { continue }
        aggregators[place].add(window, slot: slot)
      }
      context.statistics.chunksFromStatistics += found.known.count
      rest[index] = found.unknown.isEmpty ? nil : SomeColumns(groups[index], found.unknown)
    }
    return rest.compactMap { $0 }
  }
}

/// Some of a group's columns.
private struct SomeColumns: SealedRows {
  private let base: any SealedRows
  private let fields: [FieldID]

  init(_ base: any SealedRows, _ fields: [FieldID]) {
    self.base = base
    self.fields = fields
  }

  var fieldSet: FieldSetID { base.fieldSet }
  var firstTimestamp: Timestamp { base.firstTimestamp }
  var lastTimestamp: Timestamp { base.lastTimestamp }
  var rowCount: Int { base.rowCount }
  var isCold: Bool { base.isCold }

  func columns(
    of fields: [FieldID],
    in range: TimeRange
  ) throws(UnreadableRows) -> ColumnBatch {
    try base.columns(of: fields.filter(self.fields.contains), in: range)
  }

  func columns(
    of fields: [FieldID],
    in range: TimeRange,
    claim: (Int) -> Bool
  ) throws(UnreadableRows) -> ColumnBatch {
    try base.columns(of: fields.filter(self.fields.contains), in: range, claim: claim)
  }
}
