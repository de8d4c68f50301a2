internal import Blocks
internal import Model
internal import Query
internal import Ring

/// One state of a partition for some series: immutable, readable on any thread.
struct StoreView: Sendable {
  struct OpenSeries: Sendable {
    var series: SeriesID
    var lastSealed: Timestamp
    /// Where its runs stand in ``StoreView/runs``.
    var place: Range<Int>
  }

  typealias OpenRun = (layout: LayoutInfo, arena: Int, run: RowRun)

  var partition: PartitionID
  var blocks: [BlockReader]
  var ring: RingSnapshot
  var rollups: RollupSet
  var decoder: RowDecoder
  var fieldSets: FieldSets
  /// Ascending by series; those that the partition knows.
  var series: [OpenSeries] = []
  /// The runs of all series, those of each together.
  var runs: [OpenRun] = []
  /// Keeps the rows of the runs alive, older generation first.
  var arenas: [RowArena.Reader]
  /// Parallel to the arenas: where their generations begin.
  var generations: [Offset]

  /// Decodes the open rows of a series: the wanted fields of rows in `range`.
  ///
  /// Cost: about 3 ns a value decoded and 1 ns a value stepped over.
  func openRows(
    of id: SeriesID,
    fields: @autoclosure () -> Set<FieldID>?,
    range: TimeRange
  ) -> (fresh: [ColumnBatch], late: [ColumnBatch], rowCount: Int) {
    guard !runs.isEmpty, let open = open(id), !open.place.isEmpty else { return ([], [], 0) }
    let runs = runs[open.place]
    let layouts = runs.map(\.layout)
    var rows: [RowReference] = []
    for (index, item) in runs.enumerated()
    where item.run.newest >= range.start && item.run.oldest < range.end {
      // The sequence counts within one arena: older arenas come first.
      let first = rows.count
      arenas[item.arena].collect(item.run, index: index, into: &rows)
      for position in first..<rows.count { rows[position].sequence |= UInt64(item.arena) << 56 }
    }
    rows.removeAll { !range.contains($0.timestamp) }
    let late = rows.filter { $0.timestamp <= open.lastSealed }
    let fresh = late.isEmpty ? rows : rows.filter { $0.timestamp > open.lastSealed }
    let fields = fields()
    let isSorted = runs.count == 1 && runs[runs.startIndex].run.isAscending
    return (
      batches(fresh, layouts, isSorted, fields), batches(late, layouts, isSorted, fields),
      rows.count
    )
  }

  /// What is open of a series; `nil` when it was not asked for, or the partition knows nothing.
  func open(_ id: SeriesID) -> OpenSeries? {
    var (low, high) = (0, series.count)
    while low < high {
      let middle = (low + high) / 2
      if series[middle].series < id { low = middle + 1 } else { high = middle }
    }
    return low < series.count && series[low].series == id ? series[low] : nil
  }

  private func batches(
    _ rows: [RowReference],
    _ layouts: [LayoutInfo],
    _ isSorted: Bool,
    _ fields: Set<FieldID>?
  ) -> [ColumnBatch] {
    guard !rows.isEmpty else { return [] }
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
