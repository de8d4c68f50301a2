/// A JSON text in memory: read with the digits of its numbers untouched, for a double would change
/// large integers.
package indirect enum JSONValue: Sendable {
  case null
  case boolean(Bool)
  /// The digits as they stand in the text.
  case number(String)
  case string(String)
  /// A string that is no UTF-8.
  case bytes([UInt8])
  case array([JSONValue])
  /// Members in order; of a name that comes twice the last one counts.
  case object([(key: String, value: JSONValue)])

  package static func integer(_ value: Int64) -> JSONValue { .number("\(value)") }
  package static func unsigned(_ value: UInt64) -> JSONValue { .number("\(value)") }
  /// What JSON has no number for becomes a string.
  package static func double(_ value: Double) -> JSONValue {
    value.isFinite ? .number("\(value)") : .string("\(value)")
  }

  package subscript(_ key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  package var elements: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  package var members: [(key: String, value: JSONValue)]? {
    if case .object(let members) = self { members } else { nil }
  }

  package var string: String? { if case .string(let text) = self { text } else { nil } }

  /// A number, or a string of one: how answers write large integers and infinities.
  package var double: Double? {
    switch self {
    case .number(let digits): Double(digits)
    case .string("+Inf"): .infinity
    case .string("-Inf"): -.infinity
    case .string("NaN"): .nan
    case .string(let text): Double(text)
    case .boolean(let value): value ? 1 : 0
    default: nil
    }
  }

  /// The bytes of a string.
  package var utf8: [UInt8]? {
    switch self {
    case .string(let text): Array(text.utf8)
    case .bytes(let bytes): bytes
    default: nil
    }
  }

  package var int64: Int64? {
    switch self {
    case .number(let digits), .string(let digits): Int64(digits)
    default: nil
    }
  }

  // MARK: Writing

  /// Without spaces.
  package var text: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(into bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += "null".utf8
    case .boolean(let value): bytes += (value ? "true" : "false").utf8
    case .number(let digits): bytes += digits.utf8
    case .string(let text): Self.writeString(text.utf8, into: &bytes)
    case .bytes(let text): Self.writeString(TerminalText.escape(text).utf8, into: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(into: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.writeString(member.key.utf8, into: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(into: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  /// Appends a quoted string; `text` is UTF-8.
  package static func writeString(_ text: some Sequence<UInt8>, into bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case UInt8(ascii: "\n"): bytes += "\\n".utf8
      case UInt8(ascii: "\r"): bytes += "\\r".utf8
      case UInt8(ascii: "\t"): bytes += "\\t".utf8
      case 0..<0x20, 0x7f:
        let digits = String(byte, radix: 16)
        bytes += (digits.count == 1 ? "\\u000\(digits)" : "\\u00\(digits)").utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
