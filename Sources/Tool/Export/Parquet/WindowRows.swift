internal import Cold
internal import Engine
internal import Model
internal import Rollup

/// Folds rows into windows of a minute, a row each, for `--rollup`.
enum WindowRows {
  /// - Parameter rows: whole minutes.
  static func table(
    _ rows: AlignedRows,
    of series: SeriesDefinition,
    _ schema: ExportSchema
  ) -> (rows: ParquetRows, pointCount: Int) {
    let minutes = MinuteRun.split(rows.timestamps.span).map(\.minute)
    var windows: [[UInt8]: [(row: Int, window: Window)]] = [:]
    for column in rows.columns { windows[column.field.name] = fold(column, rows, minutes) }
    var pointCount = 0
    let columns = schema.columns.map { column -> ParquetRows.Content in
      switch column.role {
      case .time:
        let unit = Nanoseconds.perMinute / (column.type == .microseconds ? 1_000 : 1)
        return .cells(minutes.map { UInt64(bitPattern: $0 &* unit) }, isPresent: nil)
      case .tag(let key): return ParquetDay.tag(key, of: series)
      case .field: return .nothing
      case .window(let member, let name, let type):
        guard let found = windows[name], !found.isEmpty else { return .nothing }
        var cells = [Cell](repeating: 0, count: minutes.count)
        var isPresent = [Bool](repeating: false, count: minutes.count)
        for (row, window) in found {
          cells[row] = cell(member, of: window, type)
          isPresent[row] = true
        }
        pointCount += found.count
        return .cells(cells, isPresent: found.count == minutes.count ? nil : isPresent)
      }
    }
    return (
      ParquetRows(rowCount: minutes.count, columns: columns, strings: rows.strings), pointCount
    )
  }

  private static func fold(
    _ column: AlignedRows.Column,
    _ rows: AlignedRows,
    _ minutes: [Int64]
  ) -> [(row: Int, window: Window)] {
    var timestamps = rows.timestamps
    var cells = column.cells
    if let isPresent = column.isPresent {
      timestamps = rows.timestamps.indices.filter { isPresent[$0] }.map { rows.timestamps[$0] }
      cells = column.cells.indices.filter { isPresent[$0] }.map { column.cells[$0] }
    }
    let runs = MinuteRun.split(timestamps.span)
    var windows: [Window] = []
    WindowFolder.fold(
      cells.span,
      type: column.field.type,
      timestamps: timestamps.span,
      runs: runs,
      into: &windows
    )
    var row = 0
    return zip(runs, windows).map { run, window in
      while minutes[row] < run.minute { row += 1 }
      return (row, window)
    }
  }

  private static func cell(
    _ member: ExportSchema.Member,
    of window: Window,
    _ type: ColumnType
  ) -> Cell {
    switch member {
    case .count: window.count
    case .sum:
      type == .float ? window.sum.low : Double(window.sum.integer).bitPattern
    case .min: window.min
    case .max: window.max
    case .first: window.first
    case .last: window.last
    }
  }
}
