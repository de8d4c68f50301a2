internal import Cold
internal import Model
package import Platform

/// A Parquet file that `varve export` wrote, as line protocol: the same verdicts as for all else.
///
/// Lines of the report are numbers of rows, from 1. Memory: one row group.
package struct ParquetSource: ImportSource {
  /// A row group with its columns read.
  private struct Group {
    var rowCount = 0
    var row = 0
    var columns: [ParquetValues] = []
    /// The next cell of each column.
    var next: [Int] = []
  }

  private let reader: ParquetReader
  private let schema: ExportSchema
  private let timeUnit: Int64
  /// Of fields as line protocol spells them; `nil` when it cannot.
  private let fieldNames: [[UInt8]?]
  private let skippedRowCount: Int
  private let lineByteCountMax: Int
  private var group = Group()
  private var groupNumber = 0
  private var rowNumber = 0
  /// The line of the last row up to its fields, and the tags that it is of.
  private var head: (tags: [Tag], line: RecordLine)?

  /// - Throws: when the file is damaged or no export of raw points.
  package init(
    disk: any Disk,
    path: String,
    skippedRowCount: Int = 0,
    lineByteCountMax: Int = Limits.lineByteCountDefault
  ) throws(ImportFault) {
    self.lineByteCountMax = lineByteCountMax
    do throws(ParquetError) {
      reader = try ParquetReader(disk: disk, path: path)
    } catch {
      throw .format(Self.text(error))
    }
    do throws(ExportSchema.Fault) {
      schema = try ExportSchema(parsing: reader.schema)
    } catch {
      throw .format("\(path): \(error.what)")
    }
    if let window = schema.window {
      throw .format(
        "\(path): expected raw points, found windows of \(window.name): they cannot be "
          + "turned back into points"
      )
    }
    let time = schema.columns.first { $0.role == .time }
    timeUnit = time?.type == .microseconds ? 1_000 : 1
    fieldNames = schema.columns.map { column in
      guard case .field(let name, _) = column.role else { return nil }
      return LineText.name(name, escapes: LineText.keyEscapes)
    }
    self.skippedRowCount = skippedRowCount
  }

  /// What is wrong and what to do about it.
  private static func text(_ error: ParquetError) -> String {
    switch error.kind {
    case .damage where error.what.contains("export it again"): "\(error)"
    case .damage: "\(error): it is damaged, copy or export it again"
    case .foreign: "\(error): varve export has not written it; import it as CSV"
    case .system: "\(error)"
    }
  }

  package var position: Int { reader.offset(ofGroup: groupNumber) }

  package mutating func next() throws(ImportFault) -> ImportPiece? {
    var piece = ImportPiece()
    piece.file = reader.path
    while piece.bytes.count < ImportSize.pieceByteCount {
      if group.row == group.rowCount {
        guard groupNumber < reader.groupCount else { break }
        try readGroup()
        continue
      }
      rowNumber += 1
      piece.lastFileLine = rowNumber
      if rowNumber <= skippedRowCount {
        skipRow()
        continue
      }
      do throws(RecordLine.Fault) {
        piece.append(try line(), from: rowNumber)
      } catch {
        piece.refuse(rowNumber, error.column, error.reason)
        if piece.refusedCount >= 100_000 { break }
      }
    }
    return piece.bytes.isEmpty && piece.refusedCount == 0 ? nil : piece
  }

  private mutating func readGroup() throws(ImportFault) {
    group = Group()
    do throws(ParquetError) {
      for index in schema.columns.indices {
        group.columns.append(try reader.read(column: index, ofGroup: groupNumber))
      }
    } catch {
      throw .format(Self.text(error))
    }
    group.rowCount = reader.rowCount(ofGroup: groupNumber)
    group.next = Array(repeating: 0, count: group.columns.count)
    groupNumber += 1
  }

  private mutating func skipRow() {
    for index in group.columns.indices where group.columns[index].rows[group.row] {
      group.next[index] += 1
    }
    group.row += 1
  }

  private mutating func line() throws(RecordLine.Fault) -> [[UInt8]] {
    let row = group.row
    // Whatever becomes of the line, the columns go on together.
    let cells = group.columns.indices.map { index in
      group.columns[index].rows[row] ? group.next[index] : nil
    }
    skipRow()
    var tags: [Tag] = []
    var time: Timestamp?
    for (index, column) in schema.columns.enumerated() {
      guard let cell = cells[index] else { continue }
      switch column.role {
      case .tag(let key):
        let values = group.columns[index]
        tags.append(
          Tag(key: key, value: Array(values.strings.slice(values.cells[cell]) ?? []))
        )
      case .time:
        let (value, overflow) = Int64(bitPattern: group.columns[index].cells[cell])
          .multipliedReportingOverflow(by: timeUnit)
        guard !overflow else { throw RecordLine.Fault(1, "the time lies behind 2262") }
        time = value
      case .field, .window: break
      }
    }
    var line = try self.line(of: tags)
    for (index, column) in schema.columns.enumerated() {
      guard let cell = cells[index], case .field(let name, let type) = column.role else { continue }
      guard let escaped = fieldNames[index] else {
        try line.addField(name, column: 1)
        continue
      }
      let values = group.columns[index]
      try line.add(escaped, values.cells[cell], type, values.strings)
    }
    return try line.finished(time: time)
  }

  private mutating func line(of tags: [Tag]) throws(RecordLine.Fault) -> RecordLine {
    if let head, head.tags == tags { return head.line }
    let line = try RecordLine(
      measurement: schema.measurement,
      tags: tags.sorted(),
      lineByteCountMax: lineByteCountMax
    )
    head = (tags, line)
    return line
  }
}
