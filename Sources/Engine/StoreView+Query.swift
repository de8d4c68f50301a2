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

  /// Fewer rows than these are not worth a look at each.
  private static let rowCountOfLook = 16_384

  func rowCountMax(of series: SeriesID, in range: TimeRange) -> Int {
    let most = rowCountMax(of: series)
    guard most > Self.rowCountOfLook, let open = store.open(series) else { return most }
    return store.runs[open.place].reduce(0) { count, item in
      count + store.arenas[item.arena].count(of: item.run, in: range)
    }
  }

  func openRows(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> OpenRows {
    let rows = store.openRows(of: series, fields: Set(fields), range: range)
    return OpenRows(fresh: rows.fresh, late: rows.late, rowCount: rows.rowCount)
  }

  func stretches(
    of series: SeriesID,
    fields: [FieldID],
    in range: TimeRange
  ) -> (any OpenStretches)? {
    guard RowStretches.isNeeded(rowCountMax(of: series), perStretch: store.stretchRowCount),
      let open = store.open(series)
    else { return nil }
    return OpenSeriesStretches(store, open, fields, in: range)
  }
}

/// The open rows of a series of a view, stretch by stretch.
private struct OpenSeriesStretches: OpenStretches {
  private let runs: [StoreView.OpenRun]
  private let decoder: RowDecoder
  private let fields: Set<FieldID>
  private let stretches: RowStretches
  let freshStart: Timestamp

  var ranges: [TimeRange] { stretches.ranges }

  init(_ store: StoreView, _ open: StoreView.OpenSeries, _ fields: [FieldID], in range: TimeRange) {
    runs = Array(store.runs[open.place])
    decoder = store.decoder
    self.fields = Set(fields)
    freshStart = open.lastSealed == .max ? .max : open.lastSealed + 1
    stretches = RowStretches(
      runs.map { (run: $0.run, reader: store.arenas[$0.arena]) },
      meeting: range,
      perStretch: store.stretchRowCount,
      unit: 1
    )
  }

  func rowCount(in range: TimeRange) -> Int { stretches.rowCount(in: range) }

  func rows(in range: TimeRange) -> OpenRows {
    var rows: [RowReference] = []
    let isSorted = stretches.collect(range, into: &rows)
    // The sequence counts within one arena: older arenas come first.
    for place in rows.indices {
      rows[place].sequence |= UInt64(runs[rows[place].run].arena) << 56
    }
    return StoreView.openRows(
      rows,
      isSorted,
      freshStart: freshStart,
      layouts: runs.map(\.layout),
      fields,
      decoder
    )
  }
}

extension StoreView {
  /// The view as Query reads it.
  var partitionView: PartitionView {
    PartitionView(
      blocks: blocks,
      unread: unread,
      ring: ring,
      open: OpenView(store: self),
      rollups: rollups
    )
  }
}
