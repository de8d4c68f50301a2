package import Model

/// A table that is printed aligned for people and as JSON for programs: every command that lists
/// something builds one.
package struct TextTable: Sendable {
  /// One cell: people see units and grouped digits, programs see the plain number.
  package enum Cell: Sendable, Hashable {
    case none
    case text(String)
    /// Bytes of a client: escaped for people; for programs text, `\xff` where it is no UTF-8.
    case name([UInt8])
    case integer(Int)
    case unsigned(UInt64)
    /// A number with so many decimals for people.
    case decimal(Double, Int)
    case byteCount(Int)
    /// Nanoseconds since the epoch; RFC 3339 either way.
    case time(Timestamp)
    case boolean(Bool)
  }

  package struct Column: Sendable {
    /// The key in JSON; people see it with spaces for underscores.
    package var key: String
    package var isRight: Bool
  }

  package private(set) var columns: [Column]
  package private(set) var rows: [[Cell]] = []

  /// - Parameter columns: keys in `snake_case`; one that ends with `>` is aligned right.
  package init(_ columns: [String]) {
    self.columns = columns.map { name in
      let isRight = name.hasSuffix(">")
      return Column(key: isRight ? String(name.dropLast()) : name, isRight: isRight)
    }
  }

  package mutating func add(_ row: [Cell]) {
    precondition(row.count == columns.count)
    rows.append(row)
  }

  package var isEmpty: Bool { rows.isEmpty }
  package var rowCount: Int { rows.count }

  // MARK: For people

  /// Two spaces between columns, none at the ends of lines. Empty without rows.
  package func text(indent: String = "") -> String {
    guard !rows.isEmpty else { return "" }
    let titles = columns.map { $0.key.replacingUnderscores() }
    let texts = rows.map { $0.map(Self.text) }
    let widths = columns.indices.map { index in
      texts.reduce(TerminalText.width(titles[index])) {
        max($0, TerminalText.width($1[index]))
      }
    }
    var result = line(titles, widths, indent)
    for row in texts { result += line(row, widths, indent) }
    return result
  }

  private func line(_ cells: [String], _ widths: [Int], _ indent: String) -> String {
    var result = indent
    for (index, cell) in cells.enumerated() {
      if index > 0 { result += "  " }
      result += TerminalText.padded(cell, to: widths[index], atStart: columns[index].isRight)
    }
    while result.last == " " { result.removeLast() }
    return result + "\n"
  }

  package static func text(_ cell: Cell) -> String {
    switch cell {
    case .none: "-"
    case .text(let text): TerminalText.escape(text)
    case .name(let bytes): TerminalText.escape(bytes)
    case .integer(let value): Quantity.grouped(value)
    case .unsigned(let value): Quantity.grouped(value)
    case .decimal(let value, let decimals):
      value.isFinite && value.magnitude < 1e15 ? Quantity.decimals(value, decimals) : "\(value)"
    case .byteCount(let value): "\(ByteSize(byteCount: value))"
    case .time(let time): TimeFormat.short(time)
    case .boolean(let value): value ? "yes" : "no"
    }
  }

  // MARK: For programs

  /// An array of objects, one a row.
  package var json: JSONValue {
    .array(
      rows.map { row in
        .object(zip(columns, row).map { (key: $0.key, value: Self.json($1)) })
      }
    )
  }

  package static func json(_ cell: Cell) -> JSONValue {
    switch cell {
    case .none: .null
    case .text(let text): .string(text)
    case .name(let bytes):
      .string(
        String(validating: bytes, as: UTF8.self) ?? TerminalText.escape(bytes)
      )
    case .integer(let value), .byteCount(let value): .integer(Int64(value))
    case .unsigned(let value): .unsigned(value)
    case .decimal(let value, _): .double(value)
    case .time(let time): .string(TimeFormat.rfc3339(time))
    case .boolean(let value): .boolean(value)
    }
  }
}

extension String {
  fileprivate func replacingUnderscores() -> String { String(map { $0 == "_" ? " " : $0 }) }
}

/// Facts and tables under headings: what one command prints, as text or as one JSON object.
package struct TextReport: Sendable {
  private enum Part: Sendable {
    case fact(String, TextTable.Cell)
    case table(title: String, key: String, TextTable)
  }

  private var parts: [Part] = []

  package init() {}

  /// - Parameter key: in `snake_case`; people see spaces.
  package mutating func fact(_ key: String, _ cell: TextTable.Cell) {
    parts.append(.fact(key, cell))
  }

  package mutating func table(_ title: String, key: String, _ table: TextTable) {
    parts.append(.table(title: title, key: key, table))
  }

  /// Facts as `name   value`, tables under their titles; an empty table is left out.
  package var text: String {
    var result = ""
    let width = parts.reduce(0) {
      if case .fact(let key, _) = $1 { max($0, key.count) } else { $0 }
    }
    for part in parts {
      switch part {
      case .fact(let key, let cell):
        let name = key.replacingUnderscores()
        result += TerminalText.padded(name, to: width) + "  " + TextTable.text(cell) + "\n"
      case .table(let title, _, let table):
        guard !table.isEmpty else { continue }
        result += (result.isEmpty ? "" : "\n") + title + "\n" + table.text(indent: "  ")
      }
    }
    return result
  }

  package var json: JSONValue {
    .object(
      parts.map { part in
        switch part {
        case .fact(let key, let cell): (key: key, value: TextTable.json(cell))
        case .table(_, let key, let table): (key: key, value: table.json)
        }
      }
    )
  }

  /// One of both, with a line feed at its end.
  package func rendered(asJSON: Bool) -> String { asJSON ? json.text + "\n" : text }
}
