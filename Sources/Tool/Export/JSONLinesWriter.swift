package import Engine
package import Model

/// One JSON object a line:
///
///     {"measurement":"node","tags":{"server":"a1"},"time":"2026-11-25T19:00:00Z",
///      "fields":{"cpu_user":12.5,"mem":3210},"types":{"mem":"unsigned"}}
///
/// A number with a point or an exponent is a float, one without is an integer; `types` names the
/// fields that this does not tell (unsigned ones, and floats that are texts: `NaN`, `+Inf`). Bytes
/// that are no UTF-8 stand as `\udc80` ... `\udcff`, as Python's `surrogateescape` has it.
package struct JSONLinesWriter: ExportWriter {
  package let unsayableCount = 0
  private var series: SeriesID?
  private var head: [UInt8] = []

  package init() {}

  package mutating func write(
    _ rows: AlignedRows,
    of series: SeriesDefinition,
    into bytes: inout [UInt8]
  ) {
    if series.id != self.series {
      self.series = series.id
      head = Self.head(series)
    }
    let names = rows.columns.map { column -> [UInt8] in
      var name: [UInt8] = []
      Self.appendString(column.field.name, into: &name)
      return name
    }
    for row in rows.timestamps.indices {
      bytes += head
      bytes += TimeFormat.rfc3339(rows.timestamps[row]).utf8
      bytes += "\",\"fields\":{".utf8
      var isFirst = true
      var types: [(name: [UInt8], type: ColumnType)] = []
      for (index, column) in rows.columns.enumerated() where column.hasValue(row) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes += names[index]
        bytes.append(UInt8(ascii: ":"))
        if Self.append(column.cells[row], column.field.type, rows.strings, into: &bytes) {
          types.append((names[index], column.field.type))
        }
      }
      bytes.append(UInt8(ascii: "}"))
      for (index, item) in types.enumerated() {
        bytes += (index == 0 ? ",\"types\":{" : ",").utf8
        bytes += item.name
        bytes += ":\"\(item.type.name)\"".utf8
      }
      bytes += (types.isEmpty ? "}\n" : "}}\n").utf8
    }
  }

  private static func head(_ series: SeriesDefinition) -> [UInt8] {
    var head = Array("{\"measurement\":".utf8)
    appendString(series.measurementName, into: &head)
    head += ",\"tags\":{".utf8
    for (index, tag) in series.tags.enumerated() {
      if index > 0 { head.append(UInt8(ascii: ",")) }
      appendString(tag.key, into: &head)
      head.append(UInt8(ascii: ":"))
      appendString(tag.value, into: &head)
    }
    head += "},\"time\":\"".utf8
    return head
  }

  /// - Returns: whether the text does not tell the type.
  private static func append(
    _ cell: Cell,
    _ type: ColumnType,
    _ strings: StringArena,
    into bytes: inout [UInt8]
  ) -> Bool {
    switch type {
    case .float:
      let value = Double(bitPattern: cell)
      if !value.isFinite { bytes.append(UInt8(ascii: "\"")) }
      ExactText.append(value, into: &bytes)
      if !value.isFinite { bytes.append(UInt8(ascii: "\"")) }
      return !value.isFinite
    case .integer: ExactText.append(Int64(bitPattern: cell), into: &bytes)
    case .unsigned:
      ExactText.append(cell, into: &bytes)
      return true
    case .boolean: bytes += (cell == 0 ? "false" : "true").utf8
    case .string: appendString(Array(strings.slice(cell) ?? []), into: &bytes)
    }
    return false
  }

  /// A quoted string, whatever the bytes.
  static func appendString(_ text: [UInt8], into bytes: inout [UInt8]) {
    if String(validating: text, as: UTF8.self) != nil {
      JSONValue.writeString(text, into: &bytes)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    var index = 0
    while index < text.count {
      let length = TerminalText.characterLength(at: index, in: text)
      if length > 0 {
        var quoted: [UInt8] = []
        JSONValue.writeString(text[index..<index + length], into: &quoted)
        bytes += quoted.dropFirst().dropLast()
        index += length
      } else {
        bytes += "\\udc\(String(text[index], radix: 16))".utf8
        index += 1
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
