/// Makes text of a client fit for a log line: printable ASCII stays, all else is escaped, and it is
/// never longer than asked for.
package enum LogText {
  package static func escape(_ text: some StringProtocol, byteCountMax: Int = 200) -> String {
    escape(Array(text.utf8.prefix(byteCountMax + 1)), byteCountMax: byteCountMax)
  }

  package static func escape(_ bytes: [UInt8], byteCountMax: Int = 200) -> String {
    var result = ""
    for byte in bytes.prefix(byteCountMax) {
      switch byte {
      case UInt8(ascii: "\\"): result += "\\\\"
      case UInt8(ascii: "\""): result += "\\\""
      case UInt8(ascii: "\n"): result += "\\n"
      case UInt8(ascii: "\r"): result += "\\r"
      case UInt8(ascii: "\t"): result += "\\t"
      case 0x20..<0x7f: result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "\\x" + hex(byte >> 4) + hex(byte & 15)
      }
    }
    return bytes.count > byteCountMax ? result + "…" : result
  }

  private static func hex(_ digit: UInt8) -> String { String(digit, radix: 16) }
}
