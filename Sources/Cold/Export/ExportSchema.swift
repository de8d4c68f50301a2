public import Model

/// How a measurement is laid out as columns: the time, its tags, its fields; or, of windows, the
/// members of each field's windows (docs/format/parquet.md).
///
/// The exact names and types stand in the file's notes, so that an import gives back what was
/// exported, whatever had to be changed for the readers of Parquet.
public struct ExportSchema: Hashable, Sendable {
  public enum Member: String, Hashable, Sendable, CaseIterable {
    case count, sum, min, max, first, last

    static func members(of type: ColumnType) -> [Member] {
      type == .string ? [.count, .first, .last] : allCases
    }

    func type(of field: ColumnType) -> ParquetType {
      switch self {
      case .count: .integer
      case .sum: .double
      case .min, .max, .first, .last: field.parquet
      }
    }
  }

  public enum Role: Hashable, Sendable {
    case time
    case tag([UInt8])
    case field([UInt8], ColumnType)
    case window(Member, [UInt8], ColumnType)
  }

  public struct Column: Hashable, Sendable {
    public var name: String
    public var role: Role
    public var type: ParquetType
  }

  /// Why a file's notes are not those of an export.
  public struct Fault: Error, Hashable, Sendable {
    public var what: String
  }

  private static let measurementKey = "varve.measurement"
  private static let columnsKey = "varve.columns"
  private static let windowKey = "varve.window"
  public private(set) var measurement: [UInt8]
  public private(set) var columns: [Column]
  /// The length of the windows that the rows are, as the notes and the option say it; `nil` for raw
  /// points.
  public private(set) var window: RollupUnit?
  public var isRollup: Bool { window != nil }

  /// - Parameters:
  ///   - tagKeys: ascending.
  ///   - fields: ascending by name.
  ///   - window: what the rows are windows of; `nil` for raw points.
  public init(
    measurement: [UInt8],
    tagKeys: [[UInt8]],
    fields: [FieldName],
    hasNanoseconds: Bool,
    window: RollupUnit? = nil
  ) {
    self.measurement = measurement
    self.window = window
    var names = ColumnNames()
    columns = [
      Column(
        name: ColumnNames.time,
        role: .time,
        type: hasNanoseconds ? .nanoseconds : .microseconds
      )
    ]
    for key in tagKeys {
      columns.append(
        Column(name: names.name(key, prefix: "tag_"), role: .tag(key), type: .string)
      )
    }
    for field in fields {
      guard window != nil else {
        columns.append(
          Column(
            name: names.name(field.name, prefix: "field_"),
            role: .field(field.name, field.type),
            type: field.type.parquet
          )
        )
        continue
      }
      for member in Member.members(of: field.type) {
        columns.append(
          Column(
            name: names.name(field.name + "_\(member.rawValue)".utf8, prefix: "field_"),
            role: .window(member, field.name, field.type),
            type: member.type(of: field.type)
          )
        )
      }
    }
  }

  /// The file's schema.
  public var parquet: ParquetSchema {
    var notes = [
      ParquetSchema.Note(key: Self.measurementKey, value: Self.escape(measurement)),
      ParquetSchema.Note(
        key: Self.columnsKey,
        value: columns.map { Self.text($0.role) }.joined(separator: "\n")
      ),
    ]
    if let window { notes.append(ParquetSchema.Note(key: Self.windowKey, value: window.name)) }
    return ParquetSchema(
      columns: columns.map { column in
        ParquetColumn(name: column.name, type: column.type, isOptional: column.role != .time)
      },
      notes: notes
    )
  }

  /// Reads the notes of a file.
  public init(parsing schema: ParquetSchema) throws(Fault) {
    guard let measurement = schema.note(Self.measurementKey).flatMap(Self.unescape),
      let text = schema.note(Self.columnsKey)
    else {
      throw Fault(
        what: "expected a file that varve export wrote, found none of its notes "
          + "(\(Self.columnsKey)); other Parquet files can be imported as CSV"
      )
    }
    self.measurement = measurement
    if let name = schema.note(Self.windowKey) {
      guard let unit = RollupUnit.allCases.first(where: { $0.name == name }) else {
        throw Fault(what: "expected windows of 1m or 1h in the notes, found \"\(name)\"")
      }
      window = unit
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == schema.columns.count else {
      throw Fault(
        what: "expected \(schema.columns.count) columns in the notes, found \(lines.count)"
      )
    }
    columns = []
    for (line, column) in zip(lines, schema.columns) {
      guard let role = Self.role(line), Self.fits(role, column) else {
        throw Fault(
          what: "column \"\(column.name)\": expected notes that fit its type, found \"\(line)\""
        )
      }
      columns.append(Column(name: column.name, role: role, type: column.type))
    }
    guard columns.count(where: { $0.role == .time }) == 1 else {
      throw Fault(what: "expected one column of times")
    }
  }

  private static func fits(_ role: Role, _ column: ParquetColumn) -> Bool {
    switch role {
    case .time:
      !column.isOptional && (column.type == .microseconds || column.type == .nanoseconds)
    case .tag: column.type == .string
    case .field(_, let type): column.type == type.parquet
    case .window(let member, _, let type): column.type == member.type(of: type)
    }
  }

  private static func text(_ role: Role) -> String {
    switch role {
    case .time: "time"
    case .tag(let key): "tag \(escape(key))"
    case .field(let name, let type): "field \(type.name) \(escape(name))"
    case .window(let member, let name, let type):
      "window \(member.rawValue) \(type.name) \(escape(name))"
    }
  }

  private static func role(_ line: Substring) -> Role? {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard let name = words.last.flatMap({ unescape(String($0)) }) else { return nil }
    func type(_ index: Int) -> ColumnType? {
      ColumnType.allCases.first { $0.name == words[index] }
    }
    switch (words[0], words.count) {
    case ("time", 1): return .time
    case ("tag", 2): return .tag(name)
    case ("field", 3): return type(1).map { .field(name, $0) }
    case ("window", 4):
      guard let member = Member(rawValue: String(words[1])), let type = type(2) else { return nil }
      return .window(member, name, type)
    default: return nil
    }
  }

  /// Printable ASCII but for `%` stands, all else is `%XX`.
  private static func escape(_ name: [UInt8]) -> String {
    name.map { byte in
      byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "%")
        ? String(UnicodeScalar(byte)) : "%" + HiveName.hex(byte)
    }.joined()
  }

  private static func unescape(_ text: String) -> [UInt8]? {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "%") else {
        result.append(bytes[index])
        index += 1
        continue
      }
      guard index + 2 < bytes.count,
        let byte = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)
      else { return nil }
      result.append(byte)
      index += 3
    }
    return result
  }
}

/// Gives columns names that differ for readers that do not tell `A` from `a`, and from the names
/// that folders give.
private struct ColumnNames {
  static let time = "timestamp"
  private var taken: Set<String> = [time, "measurement", "date"]

  mutating func name(_ name: [UInt8], prefix: String) -> String {
    var result = Self.text(name)
    if taken.contains(result.lowercased()) { result = prefix + result }
    while taken.contains(result.lowercased()) { result += "_" }
    taken.insert(result.lowercased())
    return result
  }

  /// Bytes that are no UTF-8 are `%XX`.
  private static func text(_ name: [UInt8]) -> String {
    String(validating: name, as: UTF8.self)
      ?? name.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + HiveName.hex($0) }.joined()
  }
}

extension ColumnType {
  /// The type of a field's column.
  public var parquet: ParquetType {
    switch self {
    case .float: .double
    case .integer: .integer
    case .unsigned: .unsigned
    case .boolean: .boolean
    case .string: .string
    }
  }
}
