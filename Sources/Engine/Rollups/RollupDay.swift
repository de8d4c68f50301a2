internal import Blocks
internal import Model
internal import Rollup

/// Folds what blocks hold of one series and day into minute windows, some columns at a time.
struct RollupDay {
  private static let minutesPerDay = 24 * 60

  let series: SeriesID
  let day: Int64

  private var firstMinute: Int64 { day * Int64(Self.minutesPerDay) }

  var range: TimeRange {
    let start = day * RollupUnit.nanosecondsPerDay
    return TimeRange(start: start, end: start + RollupUnit.nanosecondsPerDay)
  }

  /// Rows of one chunk group, split into minutes.
  private struct Piece {
    var batch: ColumnBatch
    var runs: [MinuteRun]
    /// The run of each minute of the day that has one.
    var places: [Int32]

    init(_ batch: ColumnBatch, firstMinute: Int64) {
      self.batch = batch
      runs = MinuteRun.split(batch.timestamps.span)
      places = Array(repeating: -1, count: RollupDay.minutesPerDay)
      for (index, run) in runs.enumerated() { places[Int(run.minute - firstMinute)] = Int32(index) }
    }
  }

  /// Cells that are decoded side by side, about: a day of many rows is folded in parts.
  private static let cellCountMax = 4 << 20
  /// Parts of a day, each of whole minutes.
  private static let partCounts = [1, 24, 288, minutesPerDay]

  /// The windows of `columns`; those without rows are left out.
  ///
  /// - Parameter damagedGroupCount: counts groups that fail their check and are left out.
  /// - Throws: what the operating system says: rows that cannot be read now may be whole.
  func fold(
    _ columns: [(field: FieldID, type: ColumnType)],
    _ blocks: [BlockReader],
    damagedGroupCount: inout Int
  ) throws(BlockError) -> [RollupColumn] {
    var damaged = 0
    var rowCount = 0
    for (_, entry) in try groups(range, blocks, &damaged) { rowCount += entry.rowCount }
    let wanted = rowCount * (columns.count + 1) / Self.cellCountMax + 1
    let count = Self.partCounts.first { $0 >= wanted } ?? Self.minutesPerDay
    let step = RollupUnit.nanosecondsPerDay / Int64(count)
    var result = columns.map { RollupColumn(field: $0.field, type: $0.type) }
    for part in 0..<Int64(count) {
      let start = range.start + part * step
      let rows = try rows(
        columns.map(\.field),
        TimeRange(start: start, end: start + step),
        blocks,
        &damaged
      )
      let pieces = rows.map { Piece($0, firstMinute: firstMinute) }
      var contested: [Int: WindowSet] = [:]
      for index in result.indices {
        let column = columns[index]
        let folded = fold(column.field, column.type, pieces, &contested)
        result[index].append(folded, folded.windows.indices)
      }
    }
    damagedGroupCount += damaged
    return result.filter { !$0.windows.isEmpty }
  }

  /// The groups that have rows of the series in `range`, in the order of their offsets.
  private func groups(
    _ range: TimeRange,
    _ blocks: [BlockReader],
    _ damagedGroupCount: inout Int
  ) throws(BlockError) -> [(block: BlockReader, entry: ChunkGroupEntry)] {
    var result: [(block: BlockReader, entry: ChunkGroupEntry)] = []
    for block in blocks where block.summary.meets(range) {
      do throws(BlockError) {
        for entry in try block.groups(series: series)
        where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
          result.append((block, entry))
        }
      } catch {
        if error.isRefusal { throw error }
        damagedGroupCount += 1
      }
    }
    return result
  }

  /// One batch a chunk group, in the order of their offsets.
  private func rows(
    _ fields: [FieldID],
    _ range: TimeRange,
    _ blocks: [BlockReader],
    _ damagedGroupCount: inout Int
  ) throws(BlockError) -> [ColumnBatch] {
    var result: [ColumnBatch] = []
    var statistics = ReadStatistics()
    for (block, entry) in try groups(range, blocks, &damagedGroupCount) {
      do throws(BlockError) {
        let batch = try block.read(entry, fields: fields, range: range, statistics: &statistics)
        if !batch.timestamps.isEmpty, !batch.columns.isEmpty { result.append(batch) }
      } catch {
        if error.isRefusal { throw error }
        damagedGroupCount += 1
      }
    }
    return result
  }

  private func fold(
    _ field: FieldID,
    _ type: ColumnType,
    _ pieces: [Piece],
    _ contested: inout [Int: WindowSet]
  ) -> RollupColumn {
    // How many pieces have a minute: where two hold the same timestamp the later one wins, so that
    // such minutes are folded point by point.
    var holders = [UInt8](repeating: 0, count: Self.minutesPerDay)
    var found: [(piece: Piece, column: ColumnBatch.Column)] = []
    for piece in pieces {
      guard let column = piece.batch.columns.first(where: { $0.field == field }) else { continue }
      found.append((piece, column))
      for run in piece.runs where holders[Int(run.minute - firstMinute)] < 2 {
        holders[Int(run.minute - firstMinute)] += 1
      }
    }
    var result = RollupColumn(field: field, type: type)
    guard !found.isEmpty else { return result }
    var windows: [(minute: Int, window: Window)] = []
    var folded: [Window] = []
    for (piece, column) in found where column.type == type {
      let runs = piece.runs.filter { holders[Int($0.minute - firstMinute)] == 1 }
      folded.removeAll(keepingCapacity: true)
      WindowFolder.fold(
        column.cells.span,
        type: type,
        timestamps: piece.batch.timestamps.span,
        runs: runs,
        into: &folded
      )
      for (run, window) in zip(runs, folded) {
        let kept = Self.kept(window, type, piece.batch.strings, &result.strings)
        windows.append((Int(run.minute - firstMinute), kept))
      }
    }
    for minute in 0..<Self.minutesPerDay where holders[minute] > 1 {
      let set = contested[minute] ?? WindowSet(folding: pieces.compactMap { rows($0, minute) })
      contested[minute] = set
      guard let column = set.columns[field], column.type == type else { continue }
      windows.append((minute, Self.kept(column.window, type, set.strings, &result.strings)))
    }
    windows.sort { $0.minute < $1.minute }
    result.numbers = windows.map { firstMinute + Int64($0.minute) }
    result.windows = windows.map(\.window)
    return result
  }

  /// The rows of one minute.
  private func rows(_ piece: Piece, _ minute: Int) -> ColumnBatch? {
    guard piece.places[minute] >= 0 else { return nil }
    let rows = piece.runs[Int(piece.places[minute])].rows
    return ColumnBatch(
      timestamps: Array(piece.batch.timestamps[rows]),
      columns: piece.batch.columns.map {
        .init(field: $0.field, type: $0.type, cells: Array($0.cells[rows]))
      },
      strings: piece.batch.strings
    )
  }

  private static func kept(
    _ window: Window,
    _ type: ColumnType,
    _ source: StringArena,
    _ strings: inout StringArena
  ) -> Window {
    guard type == .string else { return window }
    var result = window
    result.first = strings.append(copying: window.first, from: source)
    result.last = strings.append(copying: window.last, from: source)
    return result
  }
}

extension RollupColumn {
  /// Windows of an hour made of those of minutes.
  var hours: RollupColumn {
    var result = RollupColumn(field: field, type: type, strings: strings)
    for (minute, window) in zip(numbers, windows) {
      if result.numbers.last == minute / 60 {
        result.windows[result.windows.count - 1].merge(window, type: type)
      } else {
        result.numbers.append(minute / 60)
        result.windows.append(window)
      }
    }
    return result
  }
}
