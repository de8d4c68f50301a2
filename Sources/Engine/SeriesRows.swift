internal import Model

/// Open rows of one series, in time order and without conflicts: what a cut writes and a query
/// reads. Two pieces never hold the same field at the same timestamp.
struct SeriesRows {
  /// Rows of one layout, strictly ascending.
  struct Run {
    var layout: LayoutInfo
    var rows: [RowReference]
  }

  var runs: [Run] = []
  /// Rows that several arrivals of one timestamp were merged into, by field set.
  var merged: [ColumnBatch] = []
  var counts = CutCounts()

  /// Sorts `rows` and resolves conflicts: a second value of the same (field, timestamp) is a
  /// duplicate when it is equal and replaces when it is not; the later arrival wins.
  ///
  /// - Parameters:
  ///   - layouts: the series' layouts; a row's `run` is its index here.
  ///   - rows: in any order; they are sorted in place, so that a caller that gives them up has no
  ///     second copy of them.
  ///   - isSorted: whether `rows` is known to be strictly ascending and of one layout.
  init(
    layouts: [LayoutInfo],
    rows: consuming [RowReference],
    isSorted: Bool,
    decoder: RowDecoder
  ) {
    guard let first = rows.first else { return }
    if !isSorted {
      rows.sort {
        $0.timestamp == $1.timestamp ? $0.sequence < $1.sequence : $0.timestamp < $1.timestamp
      }
    }
    if isSorted || Self.areOfOneLayoutAndDistinct(rows) {
      counts.stored = UInt64(rows.count) * UInt64(layouts[first.run].width)
      runs = [Run(layout: layouts[first.run], rows: rows)]
      return
    }
    var look = ConflictLook(layouts)
    var byLayout: [[RowReference]] = Array(repeating: [], count: layouts.count)
    var merger = RowMerger(decoder: decoder)
    var start = 0
    while start < rows.count {
      var end = start + 1
      while end < rows.count, rows[end].timestamp == rows[start].timestamp { end += 1 }
      let cluster = Self.withoutCopies(rows[start..<end], layouts, &counts)
      if look.findsConflict(cluster) {
        merger.merge(cluster, layouts, &counts)
      } else {
        for row in cluster {
          byLayout[row.run].append(row)
          counts.stored += UInt64(layouts[row.run].width)
        }
      }
      start = end
    }
    for (index, rows) in byLayout.enumerated() where !rows.isEmpty {
      runs.append(Run(layout: layouts[index], rows: rows))
    }
    merged = merger.finish()
  }

  /// Whether sorted rows are of one layout, each of another timestamp.
  private static func areOfOneLayoutAndDistinct(_ rows: borrowing [RowReference]) -> Bool {
    for place in 1..<rows.count
    where rows[place].run != rows[0].run || rows[place].timestamp == rows[place - 1].timestamp {
      return false
    }
    return true
  }

  /// Drops rows that repeat an earlier one of their timestamp byte for byte: the usual retry.
  private static func withoutCopies(
    _ cluster: ArraySlice<RowReference>,
    _ layouts: [LayoutInfo],
    _ counts: inout CutCounts
  ) -> ArraySlice<RowReference> {
    guard cluster.count > 1 else { return cluster }
    var kept: [RowReference] = []
    for row in cluster {
      // Only the newest row so far can vouch for a copy: one between them may have replaced it.
      if let last = kept.last, last.run == row.run, last.hasSamePayload(as: row) {
        counts.duplicate += UInt64(layouts[row.run].width)
      } else {
        kept.append(row)
      }
    }
    return kept[...]
  }
}

/// Tells whether two rows of one timestamp have a field in common.
///
/// Cost: O(fields of the rows), so that a server that sends each of its metrics as a row of its own
/// costs no more than one that sends them together.
struct ConflictLook {
  private let layouts: [LayoutInfo]
  /// Per layout, the places of its fields in `seenIn`; made with the first look that needs them.
  private var places: [[Int]] = []
  /// Per field, the number of the last cluster that it was seen in.
  private var seenIn: [Int] = []
  private var cluster = 0

  init(_ layouts: [LayoutInfo]) { self.layouts = layouts }

  /// - Parameter rows: of one timestamp; a row's `run` is the index of its layout.
  mutating func findsConflict(_ rows: ArraySlice<RowReference>) -> Bool {
    guard rows.count > 1 else { return false }
    if places.isEmpty { number() }
    cluster += 1
    for row in rows {
      for place in places[row.run] {
        if seenIn[place] == cluster { return true }
        seenIn[place] = cluster
      }
    }
    return false
  }

  private mutating func number() {
    var known: [FieldID: Int] = [:]
    places = layouts.map { layout in
      layout.fields.map { field in
        let place = known[field] ?? known.count
        known[field] = place
        return place
      }
    }
    seenIn = Array(repeating: 0, count: known.count)
  }
}

/// Merges rows of one timestamp into one row, the later arrival winning field by field.
struct RowMerger {
  private let decoder: RowDecoder
  private var batches: [[FieldID]: ColumnBatch] = [:]

  init(decoder: RowDecoder) { self.decoder = decoder }

  mutating func merge(
    _ cluster: ArraySlice<RowReference>,
    _ layouts: [LayoutInfo],
    _ counts: inout CutCounts
  ) {
    guard let first = cluster.first else { return }
    var winners: [FieldID: (type: ColumnType, cell: Cell, text: ArraySlice<UInt8>?)] = [:]
    for row in cluster {
      let layout = layouts[row.run]
      let batch = decoder.columns(of: layout, rows: [row])
      for column in batch.columns {
        let cell = column.cells[0]
        let text = column.type == .string ? batch.strings.slice(cell) : nil
        if let old = winners[column.field] {
          let isEqual = column.type == .string ? old.text == text : old.cell == cell
          if isEqual { counts.duplicate += 1 } else { counts.replaced += 1 }
        } else {
          counts.stored += 1
        }
        winners[column.field] = (column.type, cell, text)
      }
    }
    let fields = winners.keys.sorted()
    var batch =
      batches[fields]
      ?? ColumnBatch(
        columns: fields.map { field in
          ColumnBatch.Column(field: field, type: winners[field]?.type ?? .float, cells: [])
        }
      )
    batch.timestamps.append(first.timestamp)
    for (index, field) in fields.enumerated() {
      guard let winner = winners[field] else { continue }
      let cell = winner.text.map { batch.strings.append(Array($0)) ?? 0 } ?? winner.cell
      batch.columns[index].cells.append(cell)
    }
    batches[fields] = batch
  }

  /// The merged rows, by field set, each in time order.
  consuming func finish() -> [ColumnBatch] {
    batches.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }
}
