package import Engine
package import Model

/// CSV (RFC 4180, line feeds alone) with a header that says what each column is:
///
///     measurement,time,tag:server,field:cpu_user:float,field:note:string
///     node,2026-11-25T19:00:00.5Z,a1,12.5,"say ""hi"""
///
/// Times are RFC 3339 in UTC with as many decimals as they need. An empty cell is no value, `""`
/// the empty string.
package struct CSVWriter: ExportWriter {
  package let unsayableCount = 0
  private let table: ExportTable
  private var series: SeriesID?
  private var tags: [UInt8] = []

  package init(_ table: ExportTable) { self.table = table }

  package mutating func begin(into bytes: inout [UInt8]) {
    bytes += "measurement,time".utf8
    for key in table.tagKeys {
      bytes.append(UInt8(ascii: ","))
      Self.append(Array("tag:".utf8) + key, into: &bytes)
    }
    for field in table.fields {
      bytes.append(UInt8(ascii: ","))
      Self.append(
        Array("field:".utf8) + field.name + Array(":\(field.type.name)".utf8),
        into: &bytes
      )
    }
    bytes.append(UInt8(ascii: "\n"))
  }

  package mutating func write(
    _ rows: AlignedRows,
    of series: SeriesDefinition,
    into bytes: inout [UInt8]
  ) {
    if series.id != self.series {
      self.series = series.id
      tags = []
      for key in table.tagKeys {
        tags.append(UInt8(ascii: ","))
        if let tag = series.tags.first(where: { $0.key == key }) {
          Self.append(tag.value, into: &tags)
        }
      }
    }
    // The rows' columns are a part of the table's, in the same order.
    var next = 0
    let columns = table.fields.map { field -> AlignedRows.Column? in
      guard next < rows.columns.count, rows.columns[next].field.id == field.id else { return nil }
      next += 1
      return rows.columns[next - 1]
    }
    var measurement: [UInt8] = []
    Self.append(table.measurement, into: &measurement)
    for row in rows.timestamps.indices {
      bytes += measurement
      bytes.append(UInt8(ascii: ","))
      bytes += TimeFormat.rfc3339(rows.timestamps[row]).utf8
      bytes += tags
      for column in columns {
        bytes.append(UInt8(ascii: ","))
        guard let column, column.hasValue(row) else { continue }
        let cell = column.cells[row]
        switch column.field.type {
        case .float: ExactText.append(Double(bitPattern: cell), into: &bytes)
        case .integer: ExactText.append(Int64(bitPattern: cell), into: &bytes)
        case .unsigned: ExactText.append(cell, into: &bytes)
        case .boolean: bytes += (cell == 0 ? "false" : "true").utf8
        case .string:
          let text = rows.strings.slice(cell) ?? []
          if text.isEmpty { bytes += "\"\"".utf8 } else { Self.append(text, into: &bytes) }
        }
      }
      bytes.append(UInt8(ascii: "\n"))
    }
  }

  /// Text in quotes where it needs them.
  static func append(_ text: some Collection<UInt8>, into bytes: inout [UInt8]) {
    let needsQuotes = text.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 0x0a || byte == 0x0d
    }
    guard needsQuotes else {
      bytes += text
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
