internal import Engine
package import Logging
internal import Model
internal import Server

/// One log event, ready to be written. Whatever a message or its metadata hold, it stays one line,
/// and no byte of it drives a terminal.
package struct LogLine {
  package var nanoseconds: Int64
  package var level: Logger.Level
  package var logger: String
  package var message: String
  package var metadata: Logger.Metadata

  package init(
    nanoseconds: Int64,
    level: Logger.Level,
    logger: String,
    message: String,
    metadata: Logger.Metadata
  ) {
    self.nanoseconds = nanoseconds
    self.level = level
    self.logger = logger
    self.message = message
    self.metadata = metadata
  }

  /// ``LogKind``, as its metadata says it.
  private var kind: Logger.MetadataValue? { metadata[LogKind.key] }

  private var time: String { CivilTime(nanoseconds: nanoseconds).rfc3339(decimals: 3) }

  // MARK: Text

  private static let levelWidth = 7

  /// `2026-11-25T16:20:00.123Z WARNING varve: message key=value`, without the kind: people read the
  /// message.
  package var text: String {
    let name = level.rawValue.uppercased()
    let gap = String(repeating: " ", count: max(0, Self.levelWidth - name.count))
    var text = "\(time) \(name)\(gap) \(logger): \(Self.plain(message))"
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where key != LogKind.key {
      text += " \(Self.plain(key))=\(Self.plainValue("\(value)"))"
    }
    return text + "\n"
  }

  /// Control characters escaped, everything else as it is.
  private static func plain(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isControl(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// C0, DEL, C1, and what breaks or turns lines: they could forge a line or move a cursor.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }

  /// In quotes where a reader could not tell its end.
  private static func plainValue(_ text: String) -> String {
    let plain = plain(text)
    guard plain.isEmpty || plain.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else {
      return plain
    }
    return "\"" + plain.map { $0 == "\"" ? "\\\"" : String($0) }.joined() + "\""
  }

  // MARK: JSON

  /// `{"time":…,"level":…,"logger":…,"kind":…,"message":…,"metadata":{…}}`; no kind or metadata, no
  /// member. Numbers of the metadata are numbers.
  package var json: String {
    var text = JSONText()
    text.object { text in
      text.key("time")
      text.string(time)
      text.key("level")
      text.string(level.rawValue)
      text.key("logger")
      text.string(logger)
      if let kind {
        text.key(LogKind.key)
        Self.write(kind, into: &text)
      }
      text.key("message")
      text.string(message)
      let rest = metadata.filter { $0.key != LogKind.key }
      guard !rest.isEmpty else { return }
      text.key("metadata")
      Self.write(rest, into: &text)
    }
    return String(decoding: text.bytes, as: UTF8.self) + "\n"
  }

  private static func write(_ metadata: Logger.Metadata, into text: inout JSONText) {
    text.object { text in
      for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
        text.key(key)
        write(value, into: &text)
      }
    }
  }

  private static func write(_ value: Logger.MetadataValue, into text: inout JSONText) {
    switch value {
    case .string(let string): text.string(string)
    case .stringConvertible(let value):
      switch value {
      case let count as any BinaryInteger:
        guard let count = UInt64(exactly: count) else { return text.string("\(count)") }
        text.integer(count)
      case let number as Double: text.number(number)
      default: text.string("\(value)")
      }
    case .dictionary(let dictionary): write(dictionary, into: &text)
    case .array(let values): text.array { for value in values { write(value, into: &$0) } }
    }
  }
}
