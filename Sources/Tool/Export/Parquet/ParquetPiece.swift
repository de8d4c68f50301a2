internal import Cold
internal import Engine
internal import Model

/// Rows of one series as the columns of an export, and when they are.
struct ParquetPiece {
  let rows: ParquetRows
  /// Parallel to the rows, ascending.
  let timestamps: [Timestamp]
  /// The columns whose values are points: neither times nor tags.
  private let valueColumns: [Int]
  private let isOfWholeMicroseconds: Bool

  init(_ rows: ParquetRows, timestamps: [Timestamp], _ schema: ExportSchema) {
    self.rows = rows
    self.timestamps = timestamps
    valueColumns = schema.columns.indices.filter { index in
      switch schema.columns[index].role {
      case .time, .tag: false
      case .field, .window: true
      }
    }
    isOfWholeMicroseconds = timestamps.allSatisfy { $0.isMultiple(of: 1_000) }
  }

  /// Lays rows out as `schema` says.
  ///
  /// - Throws: ``InexactTimestamp`` where the schema has microseconds and a row needs more.
  init(
    _ rows: AlignedRows,
    of series: SeriesDefinition,
    _ schema: ExportSchema
  ) throws(InexactTimestamp) {
    var places: [[UInt8]: Int] = [:]
    for (index, column) in rows.columns.enumerated() { places[column.field.name] = index }
    var contents: [ParquetRows.Content] = []
    contents.reserveCapacity(schema.columns.count)
    for column in schema.columns {
      switch column.role {
      case .time:
        contents.append(.cells(try Self.times(rows.timestamps, column.type), isPresent: nil))
      case .tag(let key): contents.append(Self.tag(key, of: series))
      case .field(let name, _):
        guard let place = places[name] else {
          contents.append(.nothing)
          continue
        }
        let found = rows.columns[place]
        contents.append(.cells(found.cells, isPresent: found.isPresent))
      case .window: contents.append(.nothing)
      }
    }
    let count = rows.timestamps.count
    self.init(
      ParquetRows(rowCount: count, columns: contents, strings: rows.strings),
      timestamps: rows.timestamps,
      schema
    )
  }

  /// The values of some rows, added to those of the hours of their day.
  ///
  /// - Returns: how many they are.
  func countPoints(_ range: Range<Int>, byHour hours: inout [Int]) -> Int {
    var total = 0
    var start = range.lowerBound
    while start < range.upperBound {
      let hour = ExportManifest.Day.hour(of: timestamps[start])
      var end = start + 1
      let rest = timestamps[end..<range.upperBound]
      end += rest.prefix { ExportManifest.Day.hour(of: $0) == hour }.count
      let count = pointCount(start..<end)
      hours[hour] += count
      total += count
      start = end
    }
    return total
  }

  /// The values of some rows.
  private func pointCount(_ range: Range<Int>) -> Int {
    valueColumns.reduce(0) { count, index in
      switch rows.columns[index] {
      case .nothing: count
      case .text, .cells(_, isPresent: nil): count + range.count
      case .cells(_, let isPresent?): count + isPresent[range].count { $0 }
      }
    }
  }

  /// Whether one of some rows has a time that is no whole number of microseconds.
  func needsNanoseconds(_ range: Range<Int>) -> Bool {
    !isOfWholeMicroseconds && timestamps[range].contains { !$0.isMultiple(of: 1_000) }
  }

  static func tag(_ key: [UInt8], of series: SeriesDefinition) -> ParquetRows.Content {
    series.tags.first { $0.key == key }.map { .text($0.value) } ?? .nothing
  }

  private static func times(
    _ timestamps: [Timestamp],
    _ type: ParquetType
  ) throws(InexactTimestamp) -> [Cell] {
    guard type == .microseconds else { return timestamps.map { UInt64(bitPattern: $0) } }
    var cells: [Cell] = []
    cells.reserveCapacity(timestamps.count)
    for time in timestamps {
      let (microseconds, rest) = time.quotientAndRemainder(dividingBy: 1_000)
      guard rest == 0 else { throw InexactTimestamp(time: time) }
      cells.append(UInt64(bitPattern: microseconds))
    }
    return cells
  }
}
