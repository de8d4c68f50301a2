internal import Blocks
internal import Cold
internal import Engine
internal import Model

/// Lays windows of a series out as rows, a row each, for `--rollup`.
enum WindowRows {
  static func piece(
    _ columns: [DirectorySnapshot.WindowColumn],
    _ unit: RollupUnit,
    of series: SeriesDefinition,
    _ schema: ExportSchema
  ) -> ParquetPiece {
    let numbers = Set(columns.flatMap(\.windows.numbers)).sorted()
    var strings = StringArena()
    var windows: [[UInt8]: [(row: Int, window: Window)]] = [:]
    for column in columns {
      var row = 0
      windows[column.field.name] = zip(column.windows.numbers, column.windows.windows).map {
        number,
        window in
        while numbers[row] < number { row += 1 }
        guard column.field.type == .string else { return (row, window) }
        var window = window
        window.first = strings.append(copying: window.first, from: column.windows.strings)
        window.last = strings.append(copying: window.last, from: column.windows.strings)
        return (row, window)
      }
    }
    let contents = schema.columns.map { column -> ParquetRows.Content in
      switch column.role {
      case .time:
        let length = unit.nanoseconds / (column.type == .microseconds ? 1_000 : 1)
        return .cells(numbers.map { UInt64(bitPattern: $0 &* length) }, isPresent: nil)
      case .tag(let key): return ParquetPiece.tag(key, of: series)
      case .field: return .nothing
      case .window(let member, let name, let type):
        guard let found = windows[name], !found.isEmpty else { return .nothing }
        var cells = [Cell](repeating: 0, count: numbers.count)
        var isPresent = [Bool](repeating: false, count: numbers.count)
        for (row, window) in found {
          cells[row] = cell(member, of: window, type)
          isPresent[row] = true
        }
        return .cells(cells, isPresent: found.count == numbers.count ? nil : isPresent)
      }
    }
    return ParquetPiece(
      ParquetRows(rowCount: numbers.count, columns: contents, strings: strings),
      timestamps: numbers.map { $0 &* unit.nanoseconds },
      schema
    )
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
