internal import Blocks
internal import Model
internal import Query
internal import Ring

/// One state of a partition for some series: immutable, readable on any thread.
struct StoreView: Sendable {
  struct OpenSeries: Sendable {
    var lastSealed: Timestamp
    var runs: [(layout: LayoutInfo, arena: Int, run: RowRun)] = []
  }

  var partition: PartitionID
  var blocks: [BlockReader]
  var ring: RingSnapshot
  var decoder: RowDecoder
  var fieldSets: FieldSets
  var series: [SeriesID: OpenSeries]
  /// Keeps the rows of the runs alive, older generation first.
  var arenas: [RowArena.Reader]
  /// Parallel to the arenas: where their generations begin.
  var generations: [Offset]

  /// Decodes the open rows of a series: the wanted fields of rows in `range`.
  ///
  /// Cost: about 3 ns a value decoded and 1 ns a value stepped over.
  func openRows(
    of id: SeriesID,
    fields: Set<FieldID>?,
    range: TimeRange
  ) -> (fresh: [ColumnBatch], late: [ColumnBatch], rowCount: Int) {
    guard let open = series[id], !open.runs.isEmpty else { return ([], [], 0) }
    let layouts = open.runs.map(\.layout)
    var rows: [RowReference] = []
    for (index, item) in open.runs.enumerated()
    where item.run.newest >= range.start && item.run.oldest < range.end {
      // The sequence counts within one arena: older arenas come first.
      let first = rows.count
      arenas[item.arena].collect(item.run, index: index, into: &rows)
      for position in first..<rows.count { rows[position].sequence |= UInt64(item.arena) << 56 }
    }
    rows.removeAll { !range.contains($0.timestamp) }
    let late = rows.filter { $0.timestamp <= open.lastSealed }
    let fresh = late.isEmpty ? rows : rows.filter { $0.timestamp > open.lastSealed }
    return (
      batches(fresh, layouts, open, fields), batches(late, layouts, open, fields), rows.count
    )
  }

  private func batches(
    _ rows: [RowReference],
    _ layouts: [LayoutInfo],
    _ open: OpenSeries,
    _ fields: Set<FieldID>?
  ) -> [ColumnBatch] {
    guard !rows.isEmpty else { return [] }
    let isSorted = open.runs.count == 1 && open.runs[0].run.isAscending
    let resolved = SeriesRows(
      layouts: layouts,
      rows: rows,
      isSorted: isSorted,
      decoder: decoder
    )
    var result: [ColumnBatch] = []
    for run in resolved.runs {
      if let fields, fields.isDisjoint(with: run.layout.fields) { continue }
      result.append(decoder.columns(of: run.layout, rows: run.rows, wanted: fields))
    }
    return result + resolved.merged
  }
}
