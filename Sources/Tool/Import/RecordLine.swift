internal import Model
internal import Query

/// Builds the line of line protocol that says what a record in another format does; several lines
/// of one time where it would be too long for one.
struct RecordLine {
  /// Why a record is no line; the column is the place in the record, as far as known.
  struct Fault: Error {
    var column: Int
    var reason: String

    init(_ column: Int, _ reason: String) {
      self.column = column
      self.reason = reason
    }
  }

  private(set) var bytes: [UInt8] = []
  private let lineByteCountMax: Int
  /// Where fields begin.
  private var starts: [Int] = []

  /// - Parameters:
  ///   - tags: those with an empty value are left out.
  ///   - lineByteCountMax: what the reader of the lines takes.
  init(
    measurement: [UInt8],
    tags: [Tag],
    lineByteCountMax: Int = Limits.lineByteCountDefault
  ) throws(Fault) {
    self.lineByteCountMax = lineByteCountMax
    let given = tags.filter { !$0.value.isEmpty }
    guard !measurement.isEmpty, let head = LineText.head(measurement: measurement, tags: given)
    else {
      let names = [measurement] + given.flatMap { [$0.key, $0.value] }
      let odd = names.first { LineText.name($0, escapes: []) == nil } ?? measurement
      throw Fault(1, "the name \"\(TerminalText.escape(odd))\" has no spelling in line protocol")
    }
    bytes = head
    bytes.append(UInt8(ascii: " "))
  }

  mutating func addField(_ name: [UInt8], column: Int) throws(Fault) {
    guard let name = LineText.name(name, escapes: LineText.keyEscapes) else {
      throw Fault(
        column,
        "the field name \"\(TerminalText.escape(name))\" has no spelling in line protocol"
      )
    }
    begin(name)
  }

  private mutating func begin(_ name: [UInt8]) {
    if !starts.isEmpty { bytes.append(UInt8(ascii: ",")) }
    starts.append(bytes.count)
    bytes += name
    bytes.append(UInt8(ascii: "="))
  }

  /// A number as it stands in the record, of the given type.
  mutating func addNumber(
    _ text: String,
    _ type: ColumnType,
    column: Int
  ) throws(Fault) {
    switch type {
    case .float:
      guard let value = Double(text), !text.hasPrefix("0x") else {
        throw Fault(column, "found \"\(TerminalText.escape(text))\", expected a float")
      }
      guard value.isFinite else {
        throw Fault(column, "\(TerminalText.escape(text)) has no spelling in line protocol")
      }
      // The digits as they are, for they may be exact where a double is not shortest.
      if text.utf8.allSatisfy({ $0 &- 48 < 10 || "+-.eE".utf8.contains($0) }), text.first != "+" {
        bytes += text.utf8
      } else {
        ExactText.append(value, into: &bytes)
      }
    case .integer:
      guard let value = Int64(text) else {
        throw Fault(column, "found \"\(TerminalText.escape(text))\", expected an integer")
      }
      ExactText.append(value, into: &bytes)
      bytes.append(UInt8(ascii: "i"))
    case .unsigned:
      guard let value = UInt64(text) else {
        throw Fault(column, "found \"\(TerminalText.escape(text))\", expected an unsigned integer")
      }
      ExactText.append(value, into: &bytes)
      bytes.append(UInt8(ascii: "u"))
    case .boolean:
      switch text.lowercased() {
      case "true", "t", "1": bytes += "true".utf8
      case "false", "f", "0": bytes += "false".utf8
      default: throw Fault(column, "found \"\(TerminalText.escape(text))\", expected a boolean")
      }
    case .string: addString(Array(text.utf8))
    }
  }

  /// A field that is stored: a name as it is spelt, and a cell.
  mutating func add(
    _ name: [UInt8],
    _ cell: Cell,
    _ type: ColumnType,
    _ strings: StringArena
  ) throws(Fault) {
    begin(name)
    switch type {
    case .float:
      let value = Double(bitPattern: cell)
      guard value.isFinite else {
        throw Fault(1, "\(TerminalText.escape(name))=\(value) has no spelling in line protocol")
      }
      ExactText.append(value, into: &bytes)
    case .integer:
      ExactText.append(Int64(bitPattern: cell), into: &bytes)
      bytes.append(UInt8(ascii: "i"))
    case .unsigned:
      ExactText.append(cell, into: &bytes)
      bytes.append(UInt8(ascii: "u"))
    case .boolean: bytes += (cell == 0 ? "false" : "true").utf8
    case .string: addString(Array(strings.slice(cell) ?? []))
    }
  }

  mutating func addString(_ text: [UInt8]) { LineText.appendString(text, into: &bytes) }

  /// Ends the line.
  ///
  /// - Parameter time: nanoseconds; `nil` lets the server stamp the row.
  /// - Returns: one line, or several of the same time, none of which is longer than lines may be
  ///   unless a single value is.
  consuming func finished(time: Timestamp?) throws(Fault) -> [[UInt8]] {
    guard !starts.isEmpty else { throw Fault(1, "the record has no value") }
    var end: [UInt8] = []
    if let time {
      end.append(UInt8(ascii: " "))
      ExactText.append(time, into: &end)
    }
    let limit = lineByteCountMax
    guard bytes.count + end.count > limit, time != nil else { return [try oneRow(bytes + end)] }
    let head = bytes[..<starts[0]]
    var lines: [[UInt8]] = []
    var line = Array(head)
    for (index, start) in starts.enumerated() {
      // Without the comma behind it.
      let field = bytes[start..<(index + 1 < starts.count ? starts[index + 1] - 1 : bytes.count)]
      if line.count > head.count {
        if line.count + 1 + field.count + end.count > limit {
          lines.append(try oneRow(line + end))
          line = Array(head)
        } else {
          line.append(UInt8(ascii: ","))
        }
      }
      line += field
    }
    lines.append(try oneRow(line + end))
    return lines
  }

  /// Of a string that a server takes for one that nobody closed it would read the rest as lines.
  private func oneRow(_ line: [UInt8]) throws(Fault) -> [UInt8] {
    guard LineText.isOneRow(line, byteCountMax: lineByteCountMax) else {
      throw Fault(
        1,
        "a string of several lines has no spelling in line protocol: one of them begins with "
          + "\"#ack \", or it is longer than the \(lineByteCountMax) bytes of a line"
      )
    }
    return line
  }
}

/// Times of records in other formats.
enum RecordTime {
  /// Nanoseconds of a text: RFC 3339 with a zone, or a whole number in `unit`.
  static func parse(_ text: String, unit: ImportPrecision) throws(RecordLine.Fault) -> Timestamp {
    if let number = Int64(text) { return try parse(number, unit: unit) }
    if let remedy = TimeArgument.remedyForMissingZone(text) {
      throw RecordLine.Fault(1, "the time \"\(text)\" has no zone; \(remedy)")
    }
    guard let time = RFC3339.parse(Array(text.utf8)), let exact = Timestamp(exactly: time) else {
      throw RecordLine.Fault(
        1,
        "found \"\(TerminalText.escape(text, characterCountMax: 64))\", expected a time: RFC 3339 "
          + "or a whole number"
      )
    }
    return exact
  }

  static func parse(
    _ number: Int64,
    unit: ImportPrecision
  ) throws(RecordLine.Fault) -> Timestamp {
    let factor = unit.factor(of: number)
    let (time, overflow) = number.multipliedReportingOverflow(by: factor)
    guard !overflow else { throw RecordLine.Fault(1, "the time \(number) lies behind 2262") }
    return time
  }
}

/// `--precision` of `varve import`: the unit of whole numbers.
package enum ImportPrecision: String, CaseIterable, Sendable {
  case ns, us, ms, s, auto

  /// Nanoseconds of one; by magnitude for `auto`.
  func factor(of number: Int64) -> Int64 {
    switch self {
    case .ns: 1
    case .us: 1_000
    case .ms: 1_000_000
    case .s: 1_000_000_000
    case .auto:
      switch number.magnitude {
      case ..<5_000_000_000: 1_000_000_000
      case ..<5_000_000_000_000: 1_000_000
      case ..<5_000_000_000_000_000: 1_000
      default: 1
      }
    }
  }
}
