/// Text of clients and of damaged files on its way to a terminal: what could move the cursor, hide
/// text or turn its direction is spelled out; everything printable stays, in any script.
package enum TerminalText {
  /// Control characters as `\n`, `\t`, `\x1b`, invisible ones as `\u{202e}`, bytes that are no
  /// UTF-8 as `\xff`.
  ///
  /// - Parameter characterCountMax: what is longer is cut and ends with `…`.
  package static func escape(
    _ bytes: some Collection<UInt8>,
    characterCountMax: Int = .max
  ) -> String {
    var result = ""
    var count = 0
    var index = bytes.startIndex
    while index < bytes.endIndex {
      guard count < characterCountMax else { return result + "…" }
      count += 1
      if let scalar = scalar(at: index, in: bytes) {
        result += isPlain(scalar) ? String(Character(scalar)) : escaped(scalar)
        bytes.formIndex(&index, offsetBy: UTF8.width(scalar))
      } else {
        result += byte(bytes[index])
        bytes.formIndex(after: &index)
      }
    }
    return result
  }

  /// Bytes of the character that begins at `index`; 0 when it is none of UTF-8.
  static func characterLength(at index: Int, in bytes: [UInt8]) -> Int {
    scalar(at: index, in: bytes).map { UTF8.width($0) } ?? 0
  }

  /// The character that begins at `index`; `nil` when its bytes are no UTF-8.
  private static func scalar<Bytes: Collection<UInt8>>(
    at index: Bytes.Index,
    in bytes: Bytes
  ) -> Unicode.Scalar? {
    let first = bytes[index]
    if first < 0x80 { return Unicode.Scalar(first) }
    let length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    let character = Array(bytes[index...].prefix(length))
    return String(validating: character, as: UTF8.self)?.unicodeScalars.first
  }

  package static func escape(_ text: String, characterCountMax: Int = .max) -> String {
    escape(Array(text.utf8), characterCountMax: characterCountMax)
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7f }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned,
      .surrogate:
      return false
    default: return true
    }
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default:
      scalar.isASCII
        ? byte(UInt8(scalar.value)) : "\\u{\(String(scalar.value, radix: 16))}"
    }
  }

  private static func byte(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return "\\x" + (digits.count == 1 ? "0" : "") + digits
  }

  /// Columns that a text takes on a terminal: 2 for the wide scripts, 0 for what combines.
  package static func width(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + width($1) }
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    if scalar.isASCII { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff,
      0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff,
      0x20000...0x3fffd:
      return 2
    default: return 1
    }
  }

  /// `text` and spaces up to `width` columns.
  package static func padded(_ text: String, to width: Int, atStart: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - self.width(text)))
    return atStart ? spaces + text : text + spaces
  }
}
