internal import Catalog
internal import Model
internal import Query

/// The open rows of a view, as Query asks for them.
struct OpenView: OpenRowsSource {
  let store: StoreView

  func rowCountMax(of series: SeriesID) -> Int {
    guard !store.runs.isEmpty, let open = store.open(series) else { return 0 }
    return store.runs[open.place].reduce(0) { $0 + Int($1.run.rowCount) }
  }

  func openRows(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> OpenRows {
    let rows = store.openRows(of: series, fields: Set(fields), range: range)
    return OpenRows(fresh: rows.fresh, late: rows.late, rowCount: rows.rowCount)
  }
}

extension StoreView {
  /// The view as Query reads it.
  var partitionView: PartitionView {
    PartitionView(blocks: blocks, ring: ring, open: OpenView(store: self), rollups: rollups)
  }
}
