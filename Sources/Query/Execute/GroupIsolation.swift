internal import Model

/// Which chunk groups of a series stand alone: no other row says anything of their fields while
/// they last, so that all of their rows count and no others.
struct GroupIsolation {
  /// In the order of their times.
  let order: [Int]
  private let alone: [Bool]

  /// - Parameters:
  ///   - groups: of one series, all that may hold any of `fields` in the times that are asked for.
  ///   - late: decoded rows that win over them.
  init(
    _ groups: [any SealedRows],
    late: [ColumnBatch],
    fields: [FieldID],
    _ context: inout QueryContext
  ) {
    let spans = groups.map { (first: $0.firstTimestamp, last: $0.lastTimestamp) }
    let order = spans.indices.sorted { spans[$0].first < spans[$1].first }
    var alone = [Bool](repeating: false, count: groups.count)
    let sets = Set(groups.map(\.fieldSet))
    if sets.count > 1, Self.areApart(sets, fields, &context) {
      for set in sets {
        Self.mark(order.filter { groups[$0].fieldSet == set }, spans, &alone)
      }
    } else {
      Self.mark(order, spans, &alone)
    }
    for batch in late {
      for index in order where alone[index] {
        let next = Self.lowerBound(batch.timestamps, spans[index].first)
        if next < batch.timestamps.count, batch.timestamps[next] <= spans[index].last {
          alone[index] = false
        }
      }
    }
    self.order = order
    self.alone = alone
  }

  func isAlone(_ index: Int) -> Bool { alone[index] }

  /// Whether no two field sets share a field that is asked for.
  private static func areApart(
    _ sets: Set<FieldSetID>,
    _ fields: [FieldID],
    _ context: inout QueryContext
  ) -> Bool {
    var owned: Set<FieldID> = []
    for set in sets {
      guard let columns = context.fieldSets.columns(of: set) else { return false }
      for field in fields where columns.index[field] != nil {
        guard owned.insert(field).inserted else { return false }
      }
    }
    return true
  }

  /// - Parameter order: ascending by first timestamps.
  private static func mark(
    _ order: [Int],
    _ spans: [(first: Timestamp, last: Timestamp)],
    _ alone: inout [Bool]
  ) {
    var reach: Timestamp?
    for (place, index) in order.enumerated() {
      let (first, last) = spans[index]
      let isBehindAll = reach.map { $0 < first } ?? true
      let isBeforeNext = place + 1 == order.count || last < spans[order[place + 1]].first
      alone[index] = isBehindAll && isBeforeNext
      reach = max(reach ?? last, last)
    }
  }

  private static func lowerBound(_ timestamps: [Timestamp], _ time: Timestamp) -> Int {
    var (low, high) = (0, timestamps.count)
    while low < high {
      let middle = (low + high) / 2
      if timestamps[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
