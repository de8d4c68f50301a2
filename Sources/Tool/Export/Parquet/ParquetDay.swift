internal import Cold
internal import Engine
internal import Model
internal import Platform

/// Writes the rows of one measurement and day into as many files as they need.
final class ParquetDay {
  struct Outcome {
    var files: [ExportManifest.File] = []
    var rowCount = 0
    var pointCount = 0
    /// Whether a time was no whole number of microseconds.
    var needsNanoseconds = false
  }

  private let disk: any Disk
  private let root: String
  private let folder: String
  private let schema: ExportSchema
  private let parquet: ParquetSchema
  private var part: ParquetPart?
  private var writer: ParquetWriter?
  private var partPointCount = 0
  private(set) var outcome = Outcome()

  init(disk: any Disk, root: String, folder: String, schema: ExportSchema) {
    self.disk = disk
    self.root = root
    self.folder = folder
    self.schema = schema
    parquet = schema.parquet
  }

  /// - Throws: ``InexactTimestamp``, `SystemError`.
  func append(_ rows: AlignedRows, of series: SeriesDefinition) throws {
    let table = try Self.table(rows, of: series, schema)
    if !outcome.needsNanoseconds {
      outcome.needsNanoseconds = rows.timestamps.contains { !$0.isMultiple(of: 1_000) }
    }
    try append(table)
  }

  /// Appends windows, a row each.
  ///
  /// - Throws: `SystemError`.
  func append(
    _ columns: [DirectorySnapshot.WindowColumn],
    _ unit: RollupUnit,
    of series: SeriesDefinition
  ) throws {
    let table = WindowRows.table(columns, unit, of: series, schema)
    if table.rows.rowCount > 0 { try append(table) }
  }

  private func append(_ table: (rows: ParquetRows, pointCount: Int)) throws {
    var start = 0
    repeat {
      if writer == nil { try begin() }
      let end = try writer?.append(table.rows, from: start) ?? table.rows.rowCount
      outcome.rowCount += end - start
      start = end
      if start < table.rows.rowCount { try self.end() }
    } while start < table.rows.rowCount
    // A piece that crosses into another file counts for the later one.
    partPointCount += table.pointCount
  }

  private func begin() throws(SystemError) {
    let part = try ParquetPart(
      disk: disk,
      root: root,
      folder: folder,
      number: outcome.files.count
    )
    self.part = part
    writer = try ParquetWriter(parquet, into: part, byteCountMax: ParquetPart.byteCountMax)
  }

  private func end() throws(SystemError) {
    try writer?.finish()
    let rowCount = writer?.rowCount ?? 0
    writer = nil
    guard let part else { return }
    self.part = nil
    let digest = try part.finish()
    outcome.pointCount += partPointCount
    outcome.files.append(
      ExportManifest.File(
        path: part.path,
        byteCount: part.byteCount,
        rowCount: rowCount,
        pointCount: partPointCount,
        digest: digest
      )
    )
    partPointCount = 0
  }

  func finish() throws(SystemError) { if part != nil { try end() } }

  func abandon() {
    part?.abandon()
    part = nil
    writer = nil
  }

  // MARK: Rows

  private static func table(
    _ rows: AlignedRows,
    of series: SeriesDefinition,
    _ schema: ExportSchema
  ) throws(InexactTimestamp) -> (rows: ParquetRows, pointCount: Int) {
    var places: [[UInt8]: Int] = [:]
    for (index, column) in rows.columns.enumerated() { places[column.field.name] = index }
    var pointCount = 0
    var columns: [ParquetRows.Content] = []
    columns.reserveCapacity(schema.columns.count)
    for column in schema.columns {
      switch column.role {
      case .time: columns.append(.cells(try times(rows.timestamps, column.type), isPresent: nil))
      case .tag(let key): columns.append(Self.tag(key, of: series))
      case .field(let name, _):
        guard let place = places[name] else {
          columns.append(.nothing)
          continue
        }
        let found = rows.columns[place]
        pointCount += found.isPresent.map { $0.count { $0 } } ?? found.cells.count
        columns.append(.cells(found.cells, isPresent: found.isPresent))
      case .window: columns.append(.nothing)
      }
    }
    return (
      ParquetRows(rowCount: rows.timestamps.count, columns: columns, strings: rows.strings),
      pointCount
    )
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
