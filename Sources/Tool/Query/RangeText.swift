internal import Model

/// Range answers as CSV and as tables.
package enum RangeText {
  /// One line a timestamp of a series and field, tags in columns of their own:
  ///
  ///     time,measurement,server,field,min,max
  ///     2026-11-25T19:00:00Z,node,a1,cpu_user,1.5,9
  ///
  /// Buckets without data are left out; an aggregate that a column's type has not is empty.
  package static func csv(_ reply: RangeReply) -> String {
    let keys = tagKeys(reply)
    let columns = columnNames(reply)
    var lines = [(["time", "measurement"] + keys + ["field"] + columns).map(quoted)]
    for series in reply.series {
      let tags = Dictionary(series.tags.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
      let head =
        [quoted(series.measurement)] + keys.map { quoted(tags[$0] ?? "") }
        + [quoted(series.field)]
      let values = columns.map { name in series.columns.first { $0.name == name }?.values }
      for (index, time) in series.timestamps.enumerated() {
        let cells = values.map { $0.map { text($0[index]) } ?? "" }
        guard hasData(series, at: index) else { continue }
        lines.append([TimeFormat.rfc3339(time)] + head + cells.map(quoted))
      }
    }
    return lines.map { $0.joined(separator: ",") + "\n" }.joined()
  }

  /// Times down, series across while they fit; else one line a time and series.
  ///
  /// - Parameter columnCount: of the terminal; `nil` is 160.
  package static func table(_ reply: RangeReply, columnCount: Int?) -> String {
    guard !reply.series.isEmpty else { return "" }
    let width = columnCount ?? 160
    let labels = shortLabels(reply)
    let across = labels.reduce(0) { $0 + max(10, TerminalText.width($1.label)) + 2 }
    return across + 24 <= width ? wide(reply, labels) : long(reply)
  }

  private typealias Label = (label: String, series: Int, column: Int)

  /// What tells the columns apart, and no more.
  private static func shortLabels(_ reply: RangeReply) -> [Label] {
    let isOneMeasurement = Set(reply.series.map(\.measurement)).count == 1
    let constant = Set(
      tagKeys(reply).filter { key in
        Set(reply.series.map { series in series.tags.first { $0.key == key }?.value }).count == 1
      }
    )
    let isOneColumn = columnNames(reply).count == 1
    var labels: [Label] = []
    for (index, series) in reply.series.enumerated() {
      var parts = series.tags.filter { !constant.contains($0.key) }.map(\.value)
      if !isOneMeasurement { parts.insert(series.measurement, at: 0) }
      parts.append(series.field)
      for (column, values) in series.columns.enumerated() {
        let name = (isOneColumn ? parts : parts + [values.name]).joined(separator: " ")
        labels.append((TerminalText.escape(name), index, column))
      }
    }
    return labels
  }

  private static func wide(_ reply: RangeReply, _ labels: [Label]) -> String {
    var rows: [Timestamp: [TextTable.Cell]] = [:]
    for (place, label) in labels.enumerated() {
      let series = reply.series[label.series]
      for (index, time) in series.timestamps.enumerated() where hasData(series, at: index) {
        rows[time, default: Array(repeating: .none, count: labels.count)][place] =
          cell(series.columns[label.column].values[index])
      }
    }
    var table = TextTable(["time"] + labels.map { "\($0.label)>" })
    for (time, cells) in rows.sorted(by: { $0.key < $1.key }) { table.add([.time(time)] + cells) }
    return table.text()
  }

  private static func long(_ reply: RangeReply) -> String {
    let names = columnNames(reply)
    var table = TextTable(["time", "series"] + names.map { "\($0)>" })
    for series in reply.series {
      for (index, time) in series.timestamps.enumerated() where hasData(series, at: index) {
        let cells = names.map { name in
          series.columns.first { $0.name == name }.map { cell($0.values[index]) } ?? .none
        }
        table.add([.time(time), .text(series.label)] + cells)
      }
    }
    return table.text()
  }

  private static func hasData(_ series: RangeReply.Series, at index: Int) -> Bool {
    series.columns.contains { column in
      switch column.values[index] {
      case .null: false
      case .number("0"): column.name != "count"
      default: true
      }
    }
  }

  private static func cell(_ value: JSONValue) -> TextTable.Cell {
    if case .null = value { return .none }
    return .text(text(value))
  }

  /// A number's own digits; nothing for `null`.
  package static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .boolean(let value): value ? "true" : "false"
    case .number(let text), .string(let text): text
    case .bytes, .array, .object: value.text
    }
  }

  private static func tagKeys(_ reply: RangeReply) -> [String] {
    Set(reply.series.flatMap { $0.tags.map(\.key) }).sorted()
  }

  /// In the order in which they first come.
  private static func columnNames(_ reply: RangeReply) -> [String] {
    var names: [String] = []
    for column in reply.series.flatMap(\.columns) where !names.contains(column.name) {
      names.append(column.name)
    }
    return names
  }

  private static func quoted(_ text: String) -> String {
    let needsQuotes = text.utf8.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 0x0a || byte == 0x0d
    }
    guard needsQuotes else { return text }
    var result = "\""
    for character in text.unicodeScalars {
      if character == "\"" { result += "\"" }
      result.unicodeScalars.append(character)
    }
    return result + "\""
  }
}
