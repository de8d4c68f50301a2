package import Engine
internal import LineProtocol
package import Model

/// InfluxDB line protocol: one line a timestamp, nanoseconds, types as suffixes, escapes where
/// names need them. Begins with `#precision ns`, a comment to other servers.
///
/// NaN and infinities have no spelling in it and are left out, and so are names that no escape can
/// carry (a backslash at their end) and strings that a parser would read as lines of their own:
/// with a line that begins with `#ack `, or of several lines and longer than one may be. All are
/// counted. A row that is too long for a line is several of the same time.
package struct LineWriter: ExportWriter {
  package private(set) var unsayableCount = 0
  private var series: SeriesID?
  private var head: [UInt8]?
  private var names: [FieldID: [UInt8]?] = [:]
  private let lineByteCountMax: Int

  /// - Parameter lineByteCountMax: what the reader takes.
  package init(lineByteCountMax: Int = Limits.lineByteCountDefault) {
    self.lineByteCountMax = lineByteCountMax
  }

  package mutating func begin(into bytes: inout [UInt8]) { bytes += "#precision ns\n".utf8 }

  package mutating func write(
    _ rows: AlignedRows,
    of series: SeriesDefinition,
    into bytes: inout [UInt8]
  ) {
    if series.id != self.series {
      self.series = series.id
      head = LineText.head(series)
    }
    guard let head else {
      unsayableCount += rows.timestamps.count
      return
    }
    let names = rows.columns.map { name(of: $0.field) }
    var time: [UInt8] = []
    for row in rows.timestamps.indices {
      time.removeAll(keepingCapacity: true)
      time.append(UInt8(ascii: " "))
      ExactText.append(rows.timestamps[row], into: &time)
      time.append(UInt8(ascii: "\n"))
      var start = bytes.count
      bytes += head
      bytes.append(UInt8(ascii: " "))
      var fieldStart = bytes.count
      for (index, column) in rows.columns.enumerated() where column.hasValue(row) {
        guard let name = names[index] else {
          unsayableCount += 1
          continue
        }
        let end = bytes.count
        if end > fieldStart { bytes.append(UInt8(ascii: ",")) }
        let field = bytes.count
        bytes += name
        bytes.append(UInt8(ascii: "="))
        if !LineText.append(column.cells[row], column.field.type, rows.strings, into: &bytes) {
          unsayableCount += 1
          bytes.removeLast(bytes.count - end)
          continue
        }
        guard bytes.count - start + time.count > lineByteCountMax else { continue }
        // Too long: the field begins a line of its own.
        let text = Array(bytes[field...])
        bytes.removeLast(bytes.count - end)
        if end > fieldStart {
          bytes += time
          start = bytes.count
          bytes += head
          bytes.append(UInt8(ascii: " "))
          fieldStart = bytes.count
        }
        let isLong = bytes.count - start + text.count + time.count > lineByteCountMax
        if isLong, text.contains(UInt8(ascii: "\n")) {
          unsayableCount += 1
        } else {
          bytes += text
        }
      }
      guard bytes.count > fieldStart else {
        bytes.removeLast(bytes.count - start)
        continue
      }
      bytes += time
    }
  }

  private mutating func name(of field: FieldDefinition) -> [UInt8]? {
    if let known = names[field.id] { return known }
    let name = LineText.name(field.name, escapes: LineText.keyEscapes)
    names[field.id] = .some(name)
    return name
  }
}

/// The pieces of a line of line protocol.
enum LineText {
  static let measurementEscapes: [UInt8] = Array(", ".utf8)
  static let keyEscapes: [UInt8] = Array(",= ".utf8)

  /// Measurement and tags; `nil` when a name has no spelling.
  static func head(_ series: SeriesDefinition) -> [UInt8]? {
    head(measurement: series.measurementName, tags: series.tags)
  }

  static func head(measurement: [UInt8], tags: [Tag]) -> [UInt8]? {
    guard measurement.first != UInt8(ascii: "#"),
      var head = name(measurement, escapes: measurementEscapes)
    else { return nil }
    for tag in tags {
      guard let key = name(tag.key, escapes: keyEscapes),
        let value = name(tag.value, escapes: keyEscapes)
      else { return nil }
      head.append(UInt8(ascii: ","))
      head += key
      head.append(UInt8(ascii: "="))
      head += value
    }
    return head
  }

  /// A name with its escapes; `nil` when it is empty, ends with a backslash, which would take the
  /// meaning of what follows, or holds control characters.
  static func name(_ name: [UInt8], escapes: [UInt8]) -> [UInt8]? {
    guard let last = name.last, last != UInt8(ascii: "\\") else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(name.count)
    for byte in name {
      if byte < 0x20 || byte == 0x7f { return nil }
      if escapes.contains(byte) { result.append(UInt8(ascii: "\\")) }
      result.append(byte)
    }
    return result
  }

  /// A value.
  ///
  /// - Returns: whether there is a spelling; nothing whole is appended otherwise.
  static func append(
    _ cell: Cell,
    _ type: ColumnType,
    _ strings: StringArena,
    into bytes: inout [UInt8]
  ) -> Bool {
    switch type {
    case .float:
      let value = Double(bitPattern: cell)
      guard value.isFinite else { return false }
      ExactText.append(value, into: &bytes)
    case .integer:
      ExactText.append(Int64(bitPattern: cell), into: &bytes)
      bytes.append(UInt8(ascii: "i"))
    case .unsigned:
      ExactText.append(cell, into: &bytes)
      bytes.append(UInt8(ascii: "u"))
    case .boolean: bytes += (cell == 0 ? "false" : "true").utf8
    case .string:
      let text = strings.slice(cell) ?? []
      guard !StringLines.haveAcknowledge(text) else { return false }
      appendString(text, into: &bytes)
    }
    return true
  }

  /// Whether a parser takes a line for one row, whatever line feeds its strings have.
  static func isOneRow(_ line: [UInt8], byteCountMax: Int) -> Bool {
    guard line.contains(UInt8(ascii: "\n")) else { return true }
    return line.count <= byteCountMax && !StringLines.haveAcknowledge(line)
  }

  static func appendString(_ text: some Sequence<UInt8>, into bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        bytes.append(UInt8(ascii: "\\"))
      }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// A row as one line, without its line feed; `nil` when it has no spelling. For people who look
  /// into the queue.
  static func line(_ rows: AlignedRows, of series: SeriesDefinition) -> [UInt8] {
    var writer = LineWriter()
    var bytes: [UInt8] = []
    writer.write(rows, of: series, into: &bytes)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return bytes
  }
}
