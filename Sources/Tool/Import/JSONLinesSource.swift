internal import Model
internal import Platform

/// JSON lines as line protocol: the objects that exports write (``JSONLinesWriter``).
package struct JSONLinesSource: ImportSource {
  private var lines: InputLines
  private let path: String
  private let measurement: [UInt8]?
  private let precision: ImportPrecision
  private let integersAreFloats: Bool
  private let skippedLineCount: Int
  private let lineByteCountMax: Int
  private var isAtEnd = false

  package init(
    _ file: InputFile,
    measurement: String?,
    precision: ImportPrecision,
    integersAreFloats: Bool,
    skippedLineCount: Int,
    lineByteCountMax: Int = Limits.lineByteCountDefault
  ) {
    self.lineByteCountMax = lineByteCountMax
    lines = InputLines(file)
    path = file.path
    self.measurement = measurement.map { Array($0.utf8) }
    self.precision = precision
    self.integersAreFloats = integersAreFloats
    self.skippedLineCount = skippedLineCount
  }

  package var position: Int { lines.file.position }

  package mutating func next() throws(ImportFault) -> ImportPiece? {
    guard !isAtEnd else { return nil }
    var piece = ImportPiece()
    piece.file = path
    while piece.bytes.count < ImportSize.pieceByteCount {
      let text: [UInt8]?
      do { text = try lines.next() } catch { throw .system(error) }
      guard let text else {
        isAtEnd = true
        break
      }
      piece.lastFileLine = lines.number
      let isBlank = text.allSatisfy { $0 == 0x20 || $0 == 0x09 }
      if isBlank || lines.number <= skippedLineCount { continue }
      do throws(RecordLine.Fault) {
        piece.append(try line(text), from: lines.number)
      } catch {
        piece.refuse(lines.number, error.column, error.reason)
      }
    }
    return piece.bytes.isEmpty && piece.refusedCount == 0 && isAtEnd ? nil : piece
  }

  private func line(_ text: [UInt8]) throws(RecordLine.Fault) -> [[UInt8]] {
    let json: JSONValue
    do throws(JSONParser.Fault) {
      json = try JSONParser.parse(text)
    } catch {
      throw RecordLine.Fault(error.column, "no JSON: expected \(error.expected)")
    }
    guard let fields = json["fields"]?.members else {
      throw RecordLine.Fault(1, "expected an object with \"fields\", an object of values")
    }
    guard let name = json["measurement"]?.utf8 ?? measurement else {
      throw RecordLine.Fault(1, "expected \"measurement\", a string; or give --measurement")
    }
    var tags: [Tag] = []
    for (key, value) in json["tags"]?.members ?? [] {
      guard let text = value.utf8 ?? scalar(value) else {
        throw RecordLine.Fault(1, "the tag \"\(TerminalText.escape(key))\" is no string")
      }
      tags.append(Tag(key: Array(key.utf8), value: text))
    }
    var line = try RecordLine(
      measurement: name,
      tags: tags.sorted(),
      lineByteCountMax: lineByteCountMax
    )
    for (key, value) in fields {
      if case .null = value { continue }
      try line.addField(Array(key.utf8), column: 1)
      try add(value, type(of: key, in: json), to: &line)
    }
    return try line.finished(time: try time(json["time"]))
  }

  private func scalar(_ value: JSONValue) -> [UInt8]? {
    switch value {
    case .number(let digits): Array(digits.utf8)
    case .boolean(let value): Array((value ? "true" : "false").utf8)
    default: nil
    }
  }

  private func type(
    of key: String,
    in json: JSONValue
  ) throws(RecordLine.Fault) -> ColumnType? {
    guard let word = json["types"]?[key]?.string else { return nil }
    guard let type = ColumnType.allCases.first(where: { $0.name == word }) else {
      throw RecordLine.Fault(1, "\"\(TerminalText.escape(word))\" is no type")
    }
    return type
  }

  private func add(
    _ value: JSONValue,
    _ type: ColumnType?,
    to line: inout RecordLine
  ) throws(RecordLine.Fault) {
    switch value {
    case .number(let digits):
      let isWhole = digits.utf8.allSatisfy { $0 &- 48 < 10 || $0 == UInt8(ascii: "-") }
      let guess: ColumnType = isWhole && !integersAreFloats ? .integer : .float
      try line.addNumber(digits, type ?? guess, column: 1)
    case .boolean(let value): try line.addNumber("\(value)", type ?? .boolean, column: 1)
    case .string(let text):
      if let type, type != .string {
        // Large integers and what JSON has no number for.
        try line.addNumber(text, type, column: 1)
      } else {
        line.addString(Array(text.utf8))
      }
    case .bytes(let bytes): line.addString(bytes)
    case .null, .array, .object:
      throw RecordLine.Fault(1, "a value is neither number, string nor boolean")
    }
  }

  private func time(_ value: JSONValue?) throws(RecordLine.Fault) -> Timestamp? {
    switch value {
    case nil, .null: return nil
    case .string(let text): return try RecordTime.parse(text, unit: precision)
    case .number(let digits):
      guard let number = Int64(digits) else {
        throw RecordLine.Fault(1, "the time \(digits) is no whole number")
      }
      return try RecordTime.parse(number, unit: precision)
    default: throw RecordLine.Fault(1, "\"time\" is neither a string nor a number")
    }
  }
}
