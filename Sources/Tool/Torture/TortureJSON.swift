/// A JSON text as plain values: as much of it as a server's answers need.
package enum TortureJSON: Equatable {
  case null
  case boolean(Bool)
  /// As it is written, so that nothing is rounded.
  case number(String)
  case string(String)
  case array([TortureJSON])
  case object([String: TortureJSON])

  /// How deep arrays and objects may nest.
  private static let depthMax = 32

  /// Reads a whole text; `nil` when it is none.
  package init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    guard let value = reader.value(depth: 0) else { return nil }
    reader.skipSpace()
    guard reader.position == bytes.count else { return nil }
    self = value
  }

  package subscript(_ key: String) -> TortureJSON? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  package var items: [TortureJSON] { if case .array(let items) = self { items } else { [] } }

  /// A string or the text of a number.
  package var text: String? {
    switch self {
    case .string(let text), .number(let text): text
    case .null, .boolean, .array, .object: nil
    }
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
      while let byte = next, byte == 32 || byte == 10 || byte == 13 || byte == 9 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
      skipSpace()
      guard next == byte else { return false }
      position += 1
      return true
    }

    private mutating func take(word: String) -> Bool {
      guard bytes[position...].starts(with: word.utf8) else { return false }
      position += word.utf8.count
      return true
    }

    mutating func value(depth: Int) -> TortureJSON? {
      skipSpace()
      guard depth < TortureJSON.depthMax, let byte = next else { return nil }
      switch byte {
      case UInt8(ascii: "{"): return object(depth)
      case UInt8(ascii: "["): return array(depth)
      case UInt8(ascii: "\""): return string().map(TortureJSON.string)
      case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
      case UInt8(ascii: "t"): return take(word: "true") ? .boolean(true) : nil
      case UInt8(ascii: "f"): return take(word: "false") ? .boolean(false) : nil
      default: return number()
      }
    }

    private mutating func object(_ depth: Int) -> TortureJSON? {
      position += 1
      var members: [String: TortureJSON] = [:]
      if take(UInt8(ascii: "}")) { return .object(members) }
      while true {
        skipSpace()
        guard next == UInt8(ascii: "\""), let key = string(), take(UInt8(ascii: ":")),
          let value = value(depth: depth + 1)
        else { return nil }
        members[key] = value
        if take(UInt8(ascii: "}")) { return .object(members) }
        guard take(UInt8(ascii: ",")) else { return nil }
      }
    }

    private mutating func array(_ depth: Int) -> TortureJSON? {
      position += 1
      var items: [TortureJSON] = []
      if take(UInt8(ascii: "]")) { return .array(items) }
      while true {
        guard let value = value(depth: depth + 1) else { return nil }
        items.append(value)
        if take(UInt8(ascii: "]")) { return .array(items) }
        guard take(UInt8(ascii: ",")) else { return nil }
      }
    }

    private mutating func number() -> TortureJSON? {
      let start = position
      while let byte = next,
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || byte == UInt8(ascii: "-")
          || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e")
          || byte == UInt8(ascii: "E")
      {
        position += 1
      }
      guard position > start else { return nil }
      return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func string() -> String? {
      position += 1
      var text: [UInt8] = []
      while let byte = next {
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
        case UInt8(ascii: "\\"):
          guard let escape = next else { return nil }
          position += 1
          switch escape {
          case UInt8(ascii: "n"): text.append(10)
          case UInt8(ascii: "t"): text.append(9)
          case UInt8(ascii: "r"): text.append(13)
          case UInt8(ascii: "u"):
            guard position + 4 <= bytes.count,
              let code = UInt32(
                String(decoding: bytes[position..<position + 4], as: UTF8.self),
                radix: 16
              )
            else { return nil }
            position += 4
            text += Array(String(UnicodeScalar(code) ?? "\u{fffd}").utf8)
          default: text.append(escape)
          }
        default: text.append(byte)
        }
      }
      return nil
    }
  }
}
