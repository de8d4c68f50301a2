/// Finds places in line protocol where a control line may stand: behind a line feed that is not in
/// a string. Every byte is looked at once.
package struct LineCutter {
  private enum Zone {
    case start, comment, key, fields, string
  }

  private var zone = Zone.start
  private var offset = 0
  private var isEscaping = false
  private var isBehindEquals = false
  /// Behind the last line feed that ends a row.
  private var lastEnd = 0

  package init() {}

  /// The end of a piece of about ``ImportSize/pieceByteCount`` bytes at the start of `bytes`; `nil`
  /// when more bytes must come. The bytes up to it must be gone at the next call.
  package mutating func end(
    in bytes: [UInt8],
    isAtEnd: Bool,
    pieceByteCount: Int = ImportSize.pieceByteCount
  ) -> Int? {
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "\n"), zone != .string {
        zone = .start
        isEscaping = false
        isBehindEquals = false
        lastEnd = offset
        if offset >= pieceByteCount { return cut(at: offset) }
      } else {
        step(byte)
      }
      if zone == .string, offset - lastEnd > ImportSize.openStringByteCountMax {
        // A string that was never closed: the server goes on behind its first line, and so do we.
        let found = bytes[lastEnd..<offset].lastIndex(of: UInt8(ascii: "\n"))
        if let found { return cut(at: found + 1) }
      }
    }
    guard isAtEnd, !bytes.isEmpty else { return nil }
    return cut(at: bytes.count)
  }

  /// Whatever lies behind the cut begins with a row.
  private mutating func cut(at end: Int) -> Int {
    zone = .start
    isEscaping = false
    isBehindEquals = false
    offset = 0
    lastEnd = 0
    return end
  }

  private mutating func step(_ byte: UInt8) {
    let wasEscaping = isEscaping
    isEscaping = byte == UInt8(ascii: "\\")
    switch zone {
    case .start:
      if byte == UInt8(ascii: "#") {
        zone = .comment
      } else if byte != UInt8(ascii: " ") {
        zone = .key
      }
    case .comment: break
    case .key:
      if byte == UInt8(ascii: " "), !wasEscaping { zone = .fields }
    case .fields:
      if byte == UInt8(ascii: "\""), isBehindEquals {
        zone = .string
        isEscaping = false
      }
      isBehindEquals = byte == UInt8(ascii: "=") && !wasEscaping
    case .string:
      if wasEscaping {
        isEscaping = false
      } else if byte == UInt8(ascii: "\"") {
        zone = .fields
      }
    }
  }
}
