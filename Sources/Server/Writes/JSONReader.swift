/// Reads one JSON text (RFC 8259), token by token, strictly.
struct JSONReader {
  struct Fault: Error {
    /// Offset of the first byte that cannot stand there.
    var offset: Int
    var message: String
  }

  private let bytes: [UInt8]
  private(set) var position: Int
  private let end: Int

  init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// Whether a number begins with `byte`.
  static func beginsNumber(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// The next byte that is no white space, without taking it; `nil` at the end.
  mutating func peek() -> UInt8? {
    while position < end {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return bytes[position]
      }
    }
    return nil
  }

  /// Takes a byte that must come next.
  ///
  /// - Parameter expectation: what a client should have written, if more than that byte.
  mutating func expect(_ byte: UInt8, _ expectation: String? = nil) throws(Fault) {
    guard peek() == byte else {
      let expected = expectation ?? "'\(Character(Unicode.Scalar(byte)))'"
      throw fault("expected \(expected), found \(found())")
    }
    position += 1
  }

  /// What comes next, in a word or two for messages.
  mutating func found() -> String {
    guard let byte = peek() else { return "the end" }
    switch byte {
    case UInt8(ascii: "\""): return "a string"
    case UInt8(ascii: "{"): return "an object"
    case UInt8(ascii: "["): return "an array"
    case _ where Self.beginsNumber(byte): return "a number"
    default: break
    }
    let word = bytes[position..<end].prefix(Self.wordCountMax).prefix(while: Self.isLetter)
    return word.isEmpty
      ? "'\(LogText.escape([byte]))'" : String(decoding: word, as: UTF8.self)
  }

  private static let wordCountMax = 16

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// Takes the byte if it comes next.
  mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  func fault(_ message: String) -> Fault { Fault(offset: position, message: message) }

  /// - Parameter what: what the string is, for messages.
  mutating func readString(_ what: String = "a string") throws(Fault) -> [UInt8] {
    try expect(UInt8(ascii: "\""), "\(what) in double quotes")
    let start = position
    while position < end {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return copy(start..<position - 1)
      }
      if byte == UInt8(ascii: "\\") { return try readEscaped(from: start) }
      guard byte >= 0x20 else { throw fault("expected a control character to be escaped") }
      position += 1
    }
    throw fault("expected '\"' to close a string")
  }

  private func copy(_ range: Range<Int>) -> [UInt8] {
    Array(bytes[range])
  }

  /// The rest of a string whose first escape is next.
  private mutating func readEscaped(from start: Int) throws(Fault) -> [UInt8] {
    var text = copy(start..<position)
    while position < end {
      let byte = bytes[position]
      guard byte >= 0x20 else { throw fault("expected a control character to be escaped") }
      position += 1
      if byte == UInt8(ascii: "\"") { return text }
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      guard position < end else { break }
      let escape = bytes[position]
      position += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0c)
      case UInt8(ascii: "n"): text.append(0x0a)
      case UInt8(ascii: "r"): text.append(0x0d)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "u"): text += try readUnicode()
      default:
        position -= 1
        throw fault("expected an escape that JSON knows")
      }
    }
    throw fault("expected '\"' to close a string")
  }

  /// What stands behind `\u`: four hex digits, or two such for one character.
  private mutating func readUnicode() throws(Fault) -> [UInt8] {
    let start = position
    var scalar = try readHex()
    if (0xd800..<0xdc00).contains(scalar), position + 1 < end,
      bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      let low = try readHex()
      guard (0xdc00..<0xe000).contains(low) else {
        position = start
        throw fault("expected a surrogate pair")
      }
      scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let character = Unicode.Scalar(scalar) else {
      position = start
      throw fault("expected a surrogate pair")
    }
    return Array(String(Character(character)).utf8)
  }

  private mutating func readHex() throws(Fault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < end, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw fault("expected four hex digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// A number as it was written, and whether it is one without fraction and exponent.
  mutating func readNumber() throws(Fault) -> (text: [UInt8], isIntegral: Bool) {
    _ = peek()
    let start = position
    var isIntegral = true
    if position < end, bytes[position] == UInt8(ascii: "-") { position += 1 }
    let digits = position
    try readDigits()
    if bytes[digits] == UInt8(ascii: "0"), position > digits + 1 {
      position = digits + 1
      throw fault("expected no digit behind a leading zero")
    }
    if position < end, bytes[position] == UInt8(ascii: ".") {
      isIntegral = false
      position += 1
      try readDigits()
    }
    if position < end, bytes[position] | 0x20 == UInt8(ascii: "e") {
      isIntegral = false
      position += 1
      if position < end,
        bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
      {
        position += 1
      }
      try readDigits()
    }
    return (copy(start..<position), isIntegral)
  }

  private mutating func readDigits() throws(Fault) {
    let start = position
    while position < end, (0x30...0x39).contains(bytes[position]) { position += 1 }
    guard position > start else { throw fault("expected a digit") }
  }

  /// Takes `true`, `false` or `null`.
  mutating func takeWord(_ word: String) -> Bool {
    _ = peek()
    let count = word.utf8.count
    guard end - position >= count,
      bytes[position..<position + count].elementsEqual(word.utf8)
    else { return false }
    position += count
    return true
  }

  /// Nothing but white space may be left.
  mutating func expectEnd() throws(Fault) {
    guard peek() == nil else { throw fault("expected the end of the item") }
  }
}
