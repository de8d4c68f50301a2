internal import LineProtocol

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
  static let names = "serverId, metricId, value, ts, measurement and tags"

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
    try json.expect(UInt8(ascii: "{"))
    while json.peek() != UInt8(ascii: "}") {
      if !seen.isEmpty { try json.expect(UInt8(ascii: ",")) }
      _ = json.peek()
      let start = json.position
      let name = try json.readString()
      guard !seen.contains(name) else {
        throw JSONReader.Fault(offset: start, message: "a member stands twice")
      }
      seen.append(name)
      try json.expect(UInt8(ascii: ":"))
      switch String(decoding: name, as: UTF8.self) {
      case "serverId": server = try readName(&json)
      case "metricId": metric = try readName(&json)
      case "measurement": point.measurement = try readName(&json)
      case "value": value = try readValue(&json)
      case "ts":
        if !json.takeWord("null") { point.timestamp = try readTime(&json, precision) }
      case "tags": point.tags = try readTags(&json)
      default: throw JSONReader.Fault(offset: start, message: "members are \(names)")
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

  /// A name: a string, or a number as it is written.
  private static func readName(_ json: inout JSONReader) throws(JSONReader.Fault) -> [UInt8] {
    switch json.peek() {
    case UInt8(ascii: "\""):
      let start = json.position
      let name = try json.readString()
      if let reason = refusal(of: name) {
        throw JSONReader.Fault(offset: start, message: reason)
      }
      return name
    case let byte? where JSONReader.beginsNumber(byte):
      return try json.readNumber().text
    default: throw json.fault("expected a string or a number")
    }
  }

  /// Why line protocol cannot carry a name.
  private static func refusal(of name: [UInt8]) -> String? {
    guard let last = name.last else { return "a name is empty" }
    if last == UInt8(ascii: "\\") { return "a name ends with a backslash" }
    return name.contains { $0 < 0x20 || $0 == 0x7f } ? "a name has a control character" : nil
  }

  private static func readValue(_ json: inout JSONReader) throws(JSONReader.Fault) -> Value {
    switch json.peek() {
    case UInt8(ascii: "\""): return .string(try json.readString())
    case let byte? where JSONReader.beginsNumber(byte):
      let (text, isIntegral) = try json.readNumber()
      return .number(text: text, isIntegral: isIntegral)
    default:
      if json.takeWord("true") { return .boolean(true) }
      if json.takeWord("false") { return .boolean(false) }
      throw json.fault("expected a number, true, false or a string")
    }
  }

  private static func readTags(
    _ json: inout JSONReader
  ) throws(JSONReader.Fault) -> [(key: [UInt8], value: [UInt8])] {
    var tags: [(key: [UInt8], value: [UInt8])] = []
    try json.expect(UInt8(ascii: "{"))
    while !json.take(UInt8(ascii: "}")) {
      if !tags.isEmpty { try json.expect(UInt8(ascii: ",")) }
      _ = json.peek()
      let start = json.position
      let key = try readName(&json)
      guard key != serverTag, !tags.contains(where: { $0.key == key }) else {
        throw JSONReader.Fault(offset: start, message: "a tag stands twice")
      }
      try json.expect(UInt8(ascii: ":"))
      tags.append((key, try readName(&json)))
    }
    return tags
  }
}
