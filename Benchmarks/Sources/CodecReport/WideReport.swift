import Blocks
import Bytes
import Codecs
import ColumnData
import Glibc
import Model
import Platform

/// Writes a CSV of series as blocks and says what a point costs, everything in the file counted.
enum WideReport {
  struct Column {
    var name: String
    var values: [Timestamp: Cell] = [:]
    var timestamps: [Timestamp] = []
  }

  static func run(_ files: [String], isWide: Bool) {
    for file in files {
      let columns = load(file)
      for (strength, rows) in [(ChunkStrength.head, 60)] + [(.young, 1_024), (.cold, 8_192)] {
        do throws(SystemError) {
          let (bytes, points) = try write(tables(columns, isWide: isWide), strength, rows)
          let text = fixed(Double(bytes) / Double(points), 3, 6)
          print("\(file) \(strength) \(rows): \(points) points, \(text) bytes a point")
        } catch {
          print("\(file): \(error)")
        }
      }
    }
  }

  /// The shapes of ``Shape``, 20 series of 8,192 rows each.
  static func runShapes() {
    for shape in Shape.allCases {
      for (strength, rows) in [(ChunkStrength.head, 60)] + [(.young, 1_024), (.cold, 8_192)] {
        do throws(SystemError) {
          let (bytes, points) = try write(shape, strength, rows)
          let text = fixed(Double(bytes) / Double(points), 3, 6)
          print("\(shape.rawValue) \(strength) \(rows): \(points) points, \(text) bytes a point")
        } catch {
          print("\(shape): \(error)")
        }
      }
    }
  }

  private static func write(
    _ shape: Shape,
    _ strength: ChunkStrength,
    _ rows: Int
  ) throws(SystemError) -> (bytes: Int, points: Int) {
    let timestamps = (0..<8_192).map {
      1_795_373_340_000_000_000 + Int64($0) * shape.stepSeconds * 1_000_000_000
    }
    let tables = (0..<20).map { series in
      shape.columns(rows: 8_192, seed: UInt64(series)).enumerated().map { index, cells in
        Table.Column(field: UInt32(index), type: shape.type, cells: cells)
      }
    }
    return try write(tables.map { Table(timestamps: timestamps, columns: $0) }, strength, rows)
  }

  /// One series.
  struct Table {
    struct Column {
      var field: UInt32
      var type: ColumnType
      var cells: [Cell]
    }
    var timestamps: [Timestamp]
    var columns: [Column]
  }

  private static func load(_ path: String) -> [Column] {
    guard let file = fopen(path, "r") else {
      print("cannot open \(path)")
      exit(1)
    }
    defer { fclose(file) }
    var columns: [Column] = []
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    _ = getline(&line, &capacity, file)
    while getline(&line, &capacity, file) > 0, let text = line {
      let parts = String(cString: text).split(separator: ",")
      guard parts.count == 3, let timestamp = Timestamp(parts[1]) else { continue }
      if columns.last?.name != String(parts[0]) { columns.append(Column(name: String(parts[0]))) }
      let value = strtod(String(parts[2]), nil)
      columns[columns.count - 1].values[timestamp] = value.bitPattern
      columns[columns.count - 1].timestamps.append(timestamp)
    }
    return columns
  }

  /// A wide series holds the timestamps that all columns have.
  private static func tables(_ columns: [Column], isWide: Bool) -> [Table] {
    (isWide ? [columns] : columns.map { [$0] }).map { table in
      var common = Set(table[0].timestamps)
      for column in table { common.formIntersection(column.timestamps) }
      let timestamps = common.sorted()
      return Table(
        timestamps: timestamps,
        columns: table.enumerated().map { index, column in
          Table.Column(
            field: UInt32(index),
            type: .float,
            cells: timestamps.map { column.values[$0] ?? 0 }
          )
        }
      )
    }
  }

  /// Writes one block, and says what is in the file.
  private static func write(
    _ tables: [Table],
    _ strength: ChunkStrength,
    _ rows: Int
  ) throws(SystemError) -> (bytes: Int, points: Int) {
    let disk = RealDisk()
    let folder = "/tmp/codec-report-\(getpid())"
    try disk.createDirectory(folder)
    var writer = try BlockWriter(
      disk: disk,
      directory: folder,
      identity: BlockIdentity(
        partition: PartitionID(0),
        tenant: TenantID(0),
        epoch: Epoch(1),
        a: Offset(0),
        b: Offset(1),
        cut: 1,
        index: 0,
        count: 1,
        strength: strength
      ),
      strength: strength
    )
    for (number, table) in tables.enumerated() {
      for start in stride(from: 0, to: table.timestamps.count, by: rows) {
        let end = min(table.timestamps.count, start + rows)
        let part = Array(table.timestamps[start..<end])
        writer.beginGroup(
          series: SeriesID(UInt32(number)),
          fieldSet: FieldSetID(UInt32(number)),
          fields: table.columns.map { (field: FieldID($0.field), type: $0.type) },
          timestamps: part.span,
          isLate: false
        )
        for column in table.columns {
          writer.appendColumn(column.cells.span.extracting(start..<end), type: column.type)
        }
        try writer.endGroup()
      }
    }
    let definitions = BlockDefinitions(tenant: TenantID(0), tenantName: [0x64])
    let summary = try writer.finish(definitions: definitions, ledger: [])
    for name in try disk.list(folder) { try disk.remove(Path.join(folder, name)) }
    return (summary.byteCount, Int(summary.pointCount))
  }
}
