internal import Model

extension StoreView {
  /// Which open rows of a series somebody has seen.
  struct Seen: Sendable {
    /// Where the generations that were there begin.
    var generations: [Offset]
    var runs: [(generation: Offset, layout: LayoutID, run: RowRun)]
    /// The newest of all rows that were seen or sealed.
    var newest: Timestamp
  }

  /// All that this view shows of a series.
  func seen(of id: SeriesID) -> Seen {
    let open = open(id)
    let runs = runs[open?.place ?? 0..<0]
    return Seen(
      generations: generations,
      runs: runs.map { (generations[$0.arena], $0.layout.layout, $0.run) },
      newest: runs.reduce(open?.lastSealed ?? .min) { max($0, $1.run.newest) }
    )
  }

  /// The rows of a series that have come since, those of `range` decoded; `nil` when they are not
  /// all here any more (a cut has ended), or when one is not newer than all that was seen: then
  /// what was folded of them does not hold.
  func rows(
    of id: SeriesID,
    since seen: Seen,
    fields: [FieldDefinition],
    _ range: TimeRange
  ) -> (batches: [ColumnBatch], seen: Seen)? {
    guard seen.generations.allSatisfy({ generations.contains($0) }) else { return nil }
    guard let open = open(id) else { return ([], self.seen(of: id)) }
    let runs = runs[open.place]
    var rows: [RowReference] = []
    for (index, item) in runs.enumerated() {
      let known = seen.runs.first {
        $0.generation == generations[item.arena] && $0.layout == item.layout.layout
      }
      let first = rows.count
      arenas[item.arena].collect(item.run, after: known?.run, index: index, into: &rows)
      for position in first..<rows.count { rows[position].sequence |= UInt64(item.arena) << 56 }
    }
    guard rows.allSatisfy({ $0.timestamp > seen.newest }) else { return nil }
    let layouts = runs.map(\.layout)
    rows.removeAll { !range.contains($0.timestamp) }
    let isSorted = zip(rows, rows.dropFirst()).allSatisfy {
      $0.run == $1.run && $0.timestamp < $1.timestamp
    }
    let resolved = SeriesRows(layouts: layouts, rows: rows, isSorted: isSorted, decoder: decoder)
    let wanted = Set(fields.map(\.id))
    let batches = resolved.runs.filter { !wanted.isDisjoint(with: $0.layout.fields) }.map {
      decoder.columns(of: $0.layout, rows: $0.rows, wanted: wanted)
    }
    return (batches + resolved.merged, self.seen(of: id))
  }
}
