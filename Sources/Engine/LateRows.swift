internal import Blocks
internal import Model

/// Compares late rows of one series with what its blocks hold already.
///
/// A point that is stored with an equal value is a duplicate; with another value it replaces that
/// one. A row whose points are all duplicates is not stored again.
struct LateRows {
  /// Late rows are compared with stored ones an hour at a time, so that rows spread over days do
  /// not bring days of blocks into memory.
  static let sliceNanoseconds = Nanoseconds.perHour

  private(set) var kept: [ColumnBatch] = []
  private(set) var counts = CutCounts()

  /// A stored batch with its columns by field.
  private struct Stored {
    var batch: ColumnBatch
    var columns: [FieldID: Int]

    init(_ batch: ColumnBatch) {
      self.batch = batch
      columns = Dictionary(
        batch.columns.enumerated().map { ($1.field, $0) },
        uniquingKeysWith: { $1 }
      )
    }
  }

  /// - Parameter batches: late rows without conflicts among themselves.
  init(_ batches: [ColumnBatch], series: SeriesID, blocks: [BlockReader]) {
    let stored = StoredRows(blocks: blocks)
    for batch in batches {
      var start = 0
      while start < batch.timestamps.count {
        let slice = batch.timestamps[start] / Self.sliceNanoseconds
        var end = start + 1
        while end < batch.timestamps.count,
          batch.timestamps[end] / Self.sliceNanoseconds == slice
        {
          end += 1
        }
        let range = TimeRange(
          start: batch.timestamps[start],
          end: batch.timestamps[end - 1] &+ 1
        )
        let found = stored.batches(
          of: series,
          fields: batch.columns.map(\.field),
          range: range
        ).batches.map(Stored.init)
        compare(batch, start..<end, with: found)
        start = end
      }
    }
  }

  private mutating func compare(
    _ batch: ColumnBatch,
    _ rows: Range<Int>,
    with stored: [Stored]
  ) {
    var result = ColumnBatch(
      columns: batch.columns.map { .init(field: $0.field, type: $0.type, cells: []) }
    )
    for row in rows {
      var isNews = false
      // Newest first; where the row stands is looked up once for all its columns.
      let hits = stored.indices.reversed().compactMap { index in
        stored[index].batch.timestamps.sortedIndex(of: batch.timestamps[row]).map { (index, $0) }
      }
      for column in batch.columns {
        let value = Self.value(column, row, batch.strings)
        switch Self.lookUp(column.field, hits, in: stored) {
        case nil:
          counts.stored += 1
          counts.late += 1
          isNews = true
        case .some(let old) where old == value:
          counts.duplicate += 1
        case .some:
          counts.replaced += 1
          isNews = true
        }
      }
      guard isNews else { continue }
      result.timestamps.append(batch.timestamps[row])
      for (index, column) in batch.columns.enumerated() {
        var cell = column.cells[row]
        if column.type == .string, let text = batch.strings.slice(cell) {
          cell = result.strings.append(Array(text)) ?? 0
        }
        result.columns[index].cells.append(cell)
      }
    }
    if !result.timestamps.isEmpty { kept.append(result) }
  }

  /// A value that can be compared across arenas.
  private enum Value: Equatable {
    case cell(Cell)
    case text(ArraySlice<UInt8>)
  }

  private static func value(
    _ column: ColumnBatch.Column,
    _ row: Int,
    _ strings: StringArena
  ) -> Value {
    let cell = column.cells[row]
    guard column.type == .string else { return .cell(cell) }
    return .text(strings.slice(cell) ?? [])
  }

  /// The newest stored value of a field in the batches and rows of `hits`.
  private static func lookUp(
    _ field: FieldID,
    _ hits: [(stored: Int, row: Int)],
    in stored: [Stored]
  ) -> Value? {
    for hit in hits {
      guard let column = stored[hit.stored].columns[field] else { continue }
      return value(
        stored[hit.stored].batch.columns[column],
        hit.row,
        stored[hit.stored].batch.strings
      )
    }
    return nil
  }
}

extension [Timestamp] {
  /// The index of `timestamp` in an ascending array, or `nil`.
  func sortedIndex(of timestamp: Timestamp) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < timestamp { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low] == timestamp ? low : nil
  }
}
