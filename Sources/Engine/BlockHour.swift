internal import Blocks
internal import Model
internal import Rollup

/// Folds what blocks hold of one series and hour into windows, some columns at a time.
struct BlockHour {
  private static let minutesPerHour = 60

  let series: SeriesID
  let hour: Int64
  /// A bit for each minute that is not wanted.
  let skipped: UInt64

  init(series: SeriesID, hour: Int64, skipping skipped: UInt64) {
    self.series = series
    self.hour = hour
    self.skipped = skipped
  }

  /// Folds `columns`.
  ///
  /// - Parameters:
  ///   - windows: sixty for each of `columns`; minutes without rows are left as they are.
  ///   - strings: gets the first and last of string columns.
  func fold(
    _ columns: [(field: FieldID, type: ColumnType)],
    _ blocks: [BlockReader],
    into windows: inout [Window],
    _ strings: inout StringArena
  ) {
    let stored = StoredRows(blocks: blocks).batches(
      of: series,
      fields: columns.map(\.field),
      range: TimeRange.hour(hour)
    ).batches
    var places: [FieldID: Int] = [:]
    for (place, column) in columns.enumerated() { places[column.field] = place }
    let contested = Self.contestedMinutes(stored, hour)
    for batch in stored {
      let runs = MinuteRun.split(batch.timestamps.span).filter {
        (skipped | contested) & bit($0.minute) == 0
      }
      guard !runs.isEmpty else { continue }
      fold(batch, runs, places, into: &windows, &strings)
    }
    for minute in 0..<Self.minutesPerHour
    where contested & 1 << UInt64(minute) != 0 && skipped & 1 << UInt64(minute) == 0 {
      let start = (hour * 60 + Int64(minute)) * Nanoseconds.perMinute
      let range = TimeRange(start: start, end: start + Nanoseconds.perMinute)
      let set = WindowSet(folding: stored.map { $0.rows(in: range) })
      for (field, column) in set.columns {
        guard let place = places[field] else { continue }
        let index = place * Self.minutesPerHour + minute
        windows[index] = Self.kept(column.window, column.type, set.strings, &strings)
      }
    }
  }

  private func bit(_ minute: Int64) -> UInt64 { 1 << UInt64(minute - hour * 60) }

  /// Minutes of which more than one batch has rows: where these hold the same timestamp the later
  /// one wins, so they are folded point by point.
  private static func contestedMinutes(_ batches: [ColumnBatch], _ hour: Int64) -> UInt64 {
    var seen: UInt64 = 0
    var contested: UInt64 = 0
    for batch in batches {
      var minutes: UInt64 = 0
      for run in MinuteRun.split(batch.timestamps.span) {
        minutes |= 1 << UInt64(run.minute - hour * 60)
      }
      contested |= seen & minutes
      seen |= minutes
    }
    return contested
  }

  private func fold(
    _ batch: ColumnBatch,
    _ runs: [MinuteRun],
    _ places: [FieldID: Int],
    into windows: inout [Window],
    _ strings: inout StringArena
  ) {
    var folded: [Window] = []
    for column in batch.columns {
      guard let place = places[column.field] else { continue }
      folded.removeAll(keepingCapacity: true)
      WindowFolder.fold(
        column.cells.span,
        type: column.type,
        timestamps: batch.timestamps.span,
        runs: runs,
        into: &folded
      )
      for (run, window) in zip(runs, folded) {
        let index = place * Self.minutesPerHour + Int(run.minute - hour * 60)
        windows[index] = Self.kept(window, column.type, batch.strings, &strings)
      }
    }
  }

  private static func kept(
    _ window: Window,
    _ type: ColumnType,
    _ source: StringArena,
    _ strings: inout StringArena
  ) -> Window {
    guard type == .string else { return window }
    var result = window
    result.first = strings.append(source.slice(window.first)) ?? 0
    result.last = strings.append(source.slice(window.last)) ?? 0
    return result
  }
}

extension StringArena {
  /// Stores a text and returns its cell; an empty one when there is none.
  mutating func append(_ value: ArraySlice<UInt8>?) -> Cell? {
    guard let value else { return append([UInt8]()) }
    return append(value.span)
  }
}
