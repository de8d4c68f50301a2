/// Builds one JSON text, value by value; commas and quotes come by themselves.
///
/// Meant for small answers: what an operator reads, not what a dashboard draws.
package struct JSONText {
  package init() {}

  /// Integers beyond it are written as strings, since many readers hold numbers as doubles.
  static let integerMax: UInt64 = 1 << 53

  package private(set) var bytes: [UInt8] = []
  private var needsComma = false

  package mutating func object(_ body: (inout JSONText) -> Void) { enclosed("{", "}", body) }
  package mutating func array(_ body: (inout JSONText) -> Void) { enclosed("[", "]", body) }

  private mutating func enclosed(_ open: String, _ close: String, _ body: (inout JSONText) -> Void)
  {
    separate()
    bytes += open.utf8
    needsComma = false
    body(&self)
    bytes += close.utf8
    needsComma = true
  }

  /// Names the next value inside an object.
  package mutating func key(_ name: some StringProtocol) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func string(_ text: some StringProtocol) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 { append(byte) }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Bytes of a client; what is not UTF-8 in them becomes U+FFFD.
  package mutating func string(_ text: [UInt8]) { string(String(decoding: text, as: UTF8.self)) }

  package mutating func integer(_ value: UInt64) {
    if value > Self.integerMax { return string(String(value)) }
    literal(String(value))
  }

  package mutating func number(_ value: Double) {
    literal(value.isFinite ? MetricsText.number(value) : "null")
  }
  package mutating func boolean(_ value: Bool) { literal(value ? "true" : "false") }
  package mutating func null() { literal("null") }

  private mutating func literal(_ text: String) {
    separate()
    bytes += text.utf8
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func append(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): bytes += "\\\"".utf8
    case UInt8(ascii: "\\"): bytes += "\\\\".utf8
    case UInt8(ascii: "\n"): bytes += "\\n".utf8
    case UInt8(ascii: "\r"): bytes += "\\r".utf8
    case UInt8(ascii: "\t"): bytes += "\\t".utf8
    case 0..<0x20:
      let digits = String(byte, radix: 16)
      bytes += (digits.count == 1 ? "\\u000\(digits)" : "\\u00\(digits)").utf8
    default: bytes.append(byte)
    }
  }
}
