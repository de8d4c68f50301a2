internal import LineProtocol
internal import Query

/// One value as a JSON object names it.
///
///     {"serverId":"a1b2","metricId":"cpu_user","value":12.5,"ts":1795373340000}
///
/// It is the field `metricId` of measurement `metrics` (or `measurement`), in the series with the
/// tag `server` and those of `tags`. Without `ts` it has the time at which it came.
struct Point {
  enum Value {
    case number(text: [UInt8], isIntegral: Bool)
    case boolean(Bool)
    case string([UInt8])
  }

  static let measurementDefault = Array("metrics".utf8)
  static let serverTag = Array("server".utf8)
  private static let members = ["serverId", "metricId", "value", "ts", "measurement", "tags"]

  var server: [UInt8] = []
  var metric: [UInt8] = []
  var measurement = Self.measurementDefault
  var value: Value
  var tags: [(key: [UInt8], value: [UInt8])] = []
  /// In nanoseconds; `nil` for now.
  var timestamp: Int64?

  /// Reads an object strictly: a member that is not known is a mistake that nobody would notice.
  static func read(
    _ json: inout JSONReader,
    precision: LinePrecision
  ) throws(JSONReader.Fault) -> Point {
    var server: [UInt8]?
    var metric: [UInt8]?
    var value: Value?
    var point = Point(value: .boolean(false))
    var seen: [[UInt8]] = []
    try json.expect(UInt8(ascii: "{"), "an object")
    while json.peek() != UInt8(ascii: "}") {
      if !seen.isEmpty { try json.expect(UInt8(ascii: ","), "',' or '}'") }
      _ = json.peek()
      let start = json.position
      let bytes = try json.readString("the name of a member")
      let name = String(decoding: bytes, as: UTF8.self)
      guard !seen.contains(bytes) else {
        throw JSONReader.Fault(offset: start, message: "\(LogText.escape(name)) stands twice")
      }
      seen.append(bytes)
      try json.expect(UInt8(ascii: ":"))
      switch name {
      case "serverId": server = try readName(&json, name)
      case "metricId": metric = try readName(&json, name)
      case "measurement": point.measurement = try readName(&json, name)
      case "value": value = try readValue(&json)
      case "ts":
        if !json.takeWord("null") { point.timestamp = try readTime(&json, precision) }
      case "tags": point.tags = try readTags(&json)
      default: throw JSONReader.Fault(offset: start, message: unknown(name))
      }
    }
    guard let server else { throw json.fault("serverId is missing") }
    guard let metric else { throw json.fault("metricId is missing") }
    guard let value else { throw json.fault("value is missing") }
    try json.expect(UInt8(ascii: "}"))
    try json.expectEnd()
    point.server = server
    point.metric = metric
    point.value = value
    return point
  }

  private static func unknown(_ name: String) -> String {
    let hint =
      NearName.suggestion(for: name, among: members).map { "did you mean \($0)?" }
      ?? "expected one of \(members.joined(separator: ", "))"
    return "there is no member '\(LogText.escape(name, byteCountMax: 40))'; \(hint)"
  }

  /// A name: a string, or a number as it is written.
  ///
  /// - Parameter what: whose name it is, for messages.
  private static func readName(
    _ json: inout JSONReader,
    _ what: String
  ) throws(JSONReader.Fault) -> [UInt8] {
    switch json.peek() {
    case UInt8(ascii: "\""):
      let start = json.position
      let name = try json.readString()
      if let reason = refusal(of: name) {
        throw JSONReader.Fault(offset: start, message: "\(what) \(reason)")
      }
      return name
    case let byte? where JSONReader.beginsNumber(byte):
      return try json.readNumber().text
    default: throw json.fault("\(what) is \(json.found()); expected a string or a number")
    }
  }

  /// Why line protocol cannot carry a name.
  private static func refusal(of name: [UInt8]) -> String? {
    guard let last = name.last else { return "is empty" }
    if last == UInt8(ascii: "\\") { return "ends with a backslash" }
    return name.contains { $0 < 0x20 || $0 == 0x7f } ? "has a control character" : nil
  }

  private static func readValue(_ json: inout JSONReader) throws(JSONReader.Fault) -> Value {
    switch json.peek() {
    case UInt8(ascii: "\""): return .string(try json.readString())
    case let byte? where JSONReader.beginsNumber(byte):
      let start = json.position
      let (text, isIntegral) = try json.readNumber()
      guard Double(String(decoding: text, as: UTF8.self))?.isFinite == true else {
        let message = "value is beyond what a float holds, 1.8e308"
        throw JSONReader.Fault(offset: start, message: message)
      }
      return .number(text: text, isIntegral: isIntegral)
    default:
      if json.takeWord("true") { return .boolean(true) }
      if json.takeWord("false") { return .boolean(false) }
      throw json.fault("value is \(json.found()); expected a number, true, false or a string")
    }
  }

  private static func readTags(
    _ json: inout JSONReader
  ) throws(JSONReader.Fault) -> [(key: [UInt8], value: [UInt8])] {
    var tags: [(key: [UInt8], value: [UInt8])] = []
    try json.expect(UInt8(ascii: "{"), "an object of tags")
    while !json.take(UInt8(ascii: "}")) {
      if !tags.isEmpty { try json.expect(UInt8(ascii: ","), "',' or '}'") }
      _ = json.peek()
      let start = json.position
      let key = try readName(&json, "the key of a tag")
      let name = "tag '\(LogText.escape(key, byteCountMax: 40))'"
      guard key != serverTag else {
        throw JSONReader.Fault(offset: start, message: "\(name) is what serverId gives")
      }
      guard !tags.contains(where: { $0.key == key }) else {
        throw JSONReader.Fault(offset: start, message: "\(name) stands twice")
      }
      try json.expect(UInt8(ascii: ":"))
      tags.append((key, try readName(&json, name)))
    }
    return tags
  }
}
