/// Reads one JSON text (RFC 8259). Nothing in the bytes can trap; nesting is bounded.
///
/// A lone `\udc80` ... `\udcff` is the byte 0x80 ... 0xff, as exports write what is no UTF-8.
package struct JSONParser {
  /// What is wrong and the byte where, counted from 1.
  package struct Fault: Error, Equatable {
    package var column: Int
    package var expected: String
  }

  private static let depthMax = 64

  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The value that `bytes` hold, and nothing but white space around it.
  package static func parse(_ bytes: [UInt8]) throws(Fault) -> JSONValue {
    var parser = JSONParser(bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.fault("the end of the text") }
    return value
  }

  private func fault(_ expected: String) -> Fault {
    Fault(column: position + 1, expected: expected)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
      position += 1
    }
  }

  private mutating func take(_ byte: Character) -> Bool {
    guard let ascii = byte.asciiValue, next == ascii else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(Fault) -> JSONValue {
    guard depth < Self.depthMax else { throw fault("less than \(Self.depthMax) levels") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return try anyString()
    case UInt8(ascii: "t"): return try literal("true", .boolean(true))
    case UInt8(ascii: "f"): return try literal("false", .boolean(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: return try number()
    }
  }

  private mutating func literal(_ text: String, _ value: JSONValue) throws(Fault) -> JSONValue {
    guard bytes[position...].starts(with: text.utf8) else { throw fault("a value") }
    position += text.utf8.count
    return value
  }

  private mutating func object(_ depth: Int) throws(Fault) -> JSONValue {
    position += 1
    var members: [(key: String, value: JSONValue)] = []
    skipSpace()
    if take("}") { return .object([]) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw fault("a member's name in quotes") }
      let key = try string()
      skipSpace()
      guard take(":") else { throw fault("a colon") }
      members.append((key: key, value: try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw fault("a comma or }") }
    }
  }

  private mutating func array(_ depth: Int) throws(Fault) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array([]) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw fault("a comma or ]") }
    }
  }

  private mutating func number() throws(Fault) -> JSONValue {
    let start = position
    _ = take("-")
    let whole = digits()
    guard whole.count > 0, whole.count == 1 || bytes[whole.lowerBound] != UInt8(ascii: "0") else {
      position = start
      throw fault("a value")
    }
    if take("."), digits().isEmpty { throw fault("a digit") }
    if take("e") || take("E") {
      _ = take("+") || take("-")
      if digits().isEmpty { throw fault("a digit") }
    }
    return .number(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func digits() -> Range<Int> {
    let start = position
    while let byte = next, byte &- 48 < 10 { position += 1 }
    return start..<position
  }

  private mutating func string() throws(Fault) -> String {
    guard case .string(let text) = try anyString() else { throw fault("a name of UTF-8") }
    return text
  }

  /// A string; ``JSONValue/bytes(_:)`` when lone halves of characters stand for bytes.
  private mutating func anyString() throws(Fault) -> JSONValue {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        if let valid = String(validating: text, as: UTF8.self) { return .string(valid) }
        return .bytes(text)
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20:
        position -= 1
        throw fault("no control character in a string")
      default: text.append(byte)
      }
    }
    throw fault("the end of a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(Fault) {
    guard let byte = next else { throw fault("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try unit())
      if (0xd800..<0xdc00).contains(code) {
        guard take("\\"), take("u") else { throw fault("the second half of a character") }
        let low = UInt32(try unit())
        guard (0xdc00..<0xe000).contains(low) else { throw fault("the second half of a character") }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      if (0xdc80...0xdcff).contains(code) {
        text.append(UInt8(truncatingIfNeeded: code))
        return
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault("a character") }
      text += String(Character(scalar)).utf8
    default:
      position -= 1
      throw fault("an escape")
    }
  }

  private mutating func unit() throws(Fault) -> UInt16 {
    guard bytes.count - position >= 4 else { throw fault("four hexadecimal digits") }
    let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
    guard !digits.hasPrefix("+"), !digits.hasPrefix("-"), let unit = UInt16(digits, radix: 16)
    else {
      throw fault("four hexadecimal digits")
    }
    position += 4
    return unit
  }
}
