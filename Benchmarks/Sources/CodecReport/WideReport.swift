import Blocks
import Bytes
import Codecs
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
          let (bytes, points) = try write(columns, strength, rows, isWide: isWide)
          let text = fixed(Double(bytes) / Double(points), 3, 6)
          print("\(file) \(strength) \(rows): \(points) points, \(text) bytes a point")
        } catch {
          print("\(file): \(error)")
        }
      }
    }
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

  /// Writes one block; a wide series holds the timestamps that all columns have.
  private static func write(
    _ columns: [Column],
    _ strength: ChunkStrength,
    _ rows: Int,
    isWide: Bool
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
        count: 1
      ),
      strength: strength
    )
    let tables = isWide ? [columns] : columns.map { [$0] }
    for (number, table) in tables.enumerated() {
      var common = Set(table[0].timestamps)
      for column in table { common.formIntersection(column.timestamps) }
      let timestamps = common.sorted()
      let fields = table.indices.map {
        (field: FieldID(UInt32(isWide ? $0 : number)), type: ColumnType.float)
      }
      for start in stride(from: 0, to: timestamps.count, by: rows) {
        let part = Array(timestamps[start..<min(timestamps.count, start + rows)])
        writer.beginGroup(
          series: SeriesID(UInt32(number)),
          fieldSet: FieldSetID(UInt32(number)),
          fields: fields,
          timestamps: part.span,
          isLate: false
        )
        for column in table {
          let cells = part.map { column.values[$0] ?? 0 }
          writer.appendColumn(cells.span, type: .float)
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
