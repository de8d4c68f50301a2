/// The token of a request, from wherever InfluxDB's clients put it.
enum Credentials {
  /// - Parameters:
  ///   - authorization: `Token T`, `Bearer T` or `Basic` with the token as the password.
  ///   - password: the query item `p`.
  static func token(_ authorization: String?, password: String?) -> [UInt8]? {
    guard let authorization else { return password.map { Array($0.utf8) } }
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2 else { return Array(authorization.utf8) }
    switch parts[0].lowercased() {
    case "basic":
      guard let pair = decodeBase64(parts[1]), let colon = pair.firstIndex(of: 0x3a) else {
        return Array(parts[1].utf8)
      }
      return Array(pair[(colon + 1)...])
    default: return Array(parts[1].utf8)
    }
  }

  /// RFC 4648, padding optional; `nil` for anything else.
  static func decodeBase64(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    for byte in text.utf8.filter({ $0 != UInt8(ascii: "=") }) {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0") + 52
      case UInt8(ascii: "+"), UInt8(ascii: "-"): digit = 62
      case UInt8(ascii: "/"), UInt8(ascii: "_"): digit = 63
      default: return nil
      }
      bits = bits << 6 | UInt32(digit)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
      }
    }
    return bytes
  }
}
