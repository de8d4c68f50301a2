internal import Model
internal import Platform

/// A CSV file as line protocol. An empty line ends a table; a header follows it.
package struct CSVSource: ImportSource {
  private var reader: CSVReader
  private let path: String
  private let mapping: CSVMapping
  private let measurement: [UInt8]?
  private let precision: ImportPrecision
  private let skippedLineCount: Int
  private let lineByteCountMax: Int
  /// `nil` before a header.
  private var columns: [CSVMapping.Column]?
  private var isAtEnd = false

  package init(
    _ file: InputFile,
    mapping: CSVMapping,
    measurement: String?,
    precision: ImportPrecision,
    skippedLineCount: Int,
    lineByteCountMax: Int = Limits.lineByteCountDefault
  ) {
    self.lineByteCountMax = lineByteCountMax
    reader = CSVReader(file)
    path = file.path
    self.mapping = mapping
    self.measurement = measurement.map { Array($0.utf8) }
    self.precision = precision
    self.skippedLineCount = skippedLineCount
  }

  package var position: Int { reader.position }

  package mutating func next() throws(ImportFault) -> ImportPiece? {
    guard !isAtEnd else { return nil }
    var piece = ImportPiece()
    piece.file = path
    while piece.bytes.count < ImportSize.pieceByteCount {
      guard let record = try reader.next() else {
        isAtEnd = true
        break
      }
      piece.lastFileLine = reader.lastLine
      switch record {
      case .blank: columns = nil
      case .fault(let column, let what):
        guard columns != nil else { throw .format("\(path), line \(reader.lastLine): \(what)") }
        piece.refuse(reader.lastLine, column, what)
      case .cells(let cells):
        guard let columns else {
          try readHeader(cells)
          continue
        }
        if reader.line <= skippedLineCount { continue }
        do throws(RecordLine.Fault) {
          piece.append(try line(cells, columns), from: reader.line)
        } catch {
          piece.refuse(reader.line, error.column, error.reason)
        }
      }
    }
    return piece.bytes.isEmpty && piece.refusedCount == 0 && isAtEnd ? nil : piece
  }

  private mutating func readHeader(_ cells: [CSVReader.Cell]) throws(ImportFault) {
    do throws(CSVMapping.Fault) {
      columns = try mapping.columns(of: cells.map(\.text), hasMeasurement: measurement != nil)
    } catch {
      throw .format("\(path), line \(reader.line): \(error.message)")
    }
  }

  private func line(
    _ cells: [CSVReader.Cell],
    _ columns: [CSVMapping.Column]
  ) throws(RecordLine.Fault) -> [[UInt8]] {
    guard cells.count == columns.count else {
      throw RecordLine.Fault(1, "\(cells.count) cells instead of the header's \(columns.count)")
    }
    var name = measurement ?? []
    var time: Timestamp?
    var tags: [Tag] = []
    for (cell, column) in zip(cells, columns) where !cell.isEmpty {
      switch column {
      case .measurement: name = cell.text
      case .time(let word):
        let unit = word == "auto" ? precision : ImportPrecision(rawValue: word) ?? precision
        time = try RecordTime.parse(String(decoding: cell.text, as: UTF8.self), unit: unit)
      case .tag(let key): tags.append(Tag(key: key, value: cell.text))
      case .field, .ignored: break
      }
    }
    var line = try RecordLine(measurement: name, tags: tags, lineByteCountMax: lineByteCountMax)
    for (index, cell) in cells.enumerated() where !cell.isEmpty {
      guard case .field(let field, let given) = columns[index] else { continue }
      try line.addField(field, column: index + 1)
      let type = given ?? Self.type(of: cell)
      if type == .string {
        line.addString(cell.text)
      } else {
        let text = String(decoding: cell.text, as: UTF8.self)
        try line.addNumber(text, type, column: index + 1)
      }
    }
    return try line.finished(time: time)
  }

  private static func type(of cell: CSVReader.Cell) -> ColumnType {
    guard !cell.isQuoted else { return .string }
    let text = String(decoding: cell.text, as: UTF8.self)
    if text == "true" || text == "false" { return .boolean }
    return Double(text) == nil ? .string : .float
  }
}
