internal import Bytes
internal import LineProtocol
internal import Model
internal import NIOCore

/// Points as lines of line protocol with nanoseconds, one line a point. A value that is changed in
/// place, so that nothing of it is checked or copied point by point.
struct PointLines: ~Copyable {
  /// Integers up to it are floats unless the field is known as an integer: many writers of JSON
  /// leave the `.0` off.
  private static let exactMax: UInt64 = 1 << 53

  private let precision: LinePrecision
  private let lineByteCountMax: Int
  private var types: FieldTypes
  private var buffer = OutputBuffer()
  /// The tags of the plain item that is read.
  private var tags: [(key: PlainPoint.Name, value: PlainPoint.Name)] = []

  /// - Parameters:
  ///   - precision: the unit of plain items' timestamps.
  ///   - lineByteCountMax: the parser's limit.
  init(precision: LinePrecision, lineByteCountMax: Int, types: FieldTypes) {
    self.precision = precision
    self.lineByteCountMax = lineByteCountMax
    self.types = types
  }

  /// Takes the lines so far; `nil` when there are none.
  mutating func take() -> ByteBuffer? {
    guard buffer.count > 0 else { return nil }
    var taken = ByteBufferAllocator().buffer(capacity: buffer.count)
    unsafe buffer.withUnsafeBytes { _ = unsafe taken.writeBytes($0) }
    buffer.removeAll()
    return taken
  }

  // MARK: Any item

  /// - Returns: line feeds inside of its strings.
  mutating func append(_ point: Point, start: Int) throws(JSONReader.Fault) -> UInt64 {
    var lineFeedCount: UInt64 = 0
    guard point.measurement.first != UInt8(ascii: "#") else {
      throw JSONReader.Fault(offset: start, message: "measurement begins with '#'")
    }
    if case .string(let text) = point.value { try check(text, of: point, start: start) }
    append(name: point.measurement.span, isMeasurement: true)
    append(tag: Point.serverTag, point.server)
    for tag in point.tags { append(tag: tag.key, tag.value) }
    buffer.writeByte(UInt8(ascii: " "))
    append(name: point.metric.span)
    buffer.writeByte(UInt8(ascii: "="))
    switch point.value {
    case .boolean(let value): buffer.writeByte(UInt8(ascii: value ? "t" : "f"))
    case .number(let text, let isIntegral):
      buffer.writeBytes(text.span)
      if isIntegral, let suffix = suffix(of: text, point) { buffer.writeByte(suffix) }
    case .string(let text): lineFeedCount = append(string: text)
    }
    if let timestamp = point.timestamp { append(timestamp: timestamp) }
    buffer.writeByte(UInt8(ascii: "\n"))
    return lineFeedCount
  }

  /// A string of several lines must be no more than that to the parser: where it takes it for one
  /// that nobody closed, the lines in it are rows.
  private func check(
    _ text: [UInt8],
    of point: Point,
    start: Int
  ) throws(JSONReader.Fault) {
    guard text.contains(UInt8(ascii: "\n")) else { return }
    guard !StringLines.haveAcknowledge(text) else {
      throw JSONReader.Fault(
        offset: start,
        message: "the value has a line that begins with '#ack ', which a string cannot hold"
      )
    }
    // Escapes double a byte at most.
    let names = point.tags.reduce(point.server.count + point.metric.count) {
      $0 + $1.key.count + $1.value.count + 2
    }
    let byteCount = 2 * (point.measurement.count + names + text.count) + 64
    guard byteCount <= lineByteCountMax else {
      throw JSONReader.Fault(
        offset: start,
        message: "the value has line feeds and is too long for them: half of a line's "
          + "\(lineByteCountMax) bytes at most"
      )
    }
  }

  private mutating func append(tag key: [UInt8], _ value: [UInt8]) {
    buffer.writeByte(UInt8(ascii: ","))
    append(name: key.span)
    buffer.writeByte(UInt8(ascii: "="))
    append(name: value.span)
  }

  private mutating func append(name: Span<UInt8>, isMeasurement: Bool = false) {
    for index in name.indices {
      switch name[index] {
      case UInt8(ascii: ","), UInt8(ascii: " "): buffer.writeByte(UInt8(ascii: "\\"))
      case UInt8(ascii: "=") where !isMeasurement: buffer.writeByte(UInt8(ascii: "\\"))
      default: break
      }
      buffer.writeByte(name[index])
    }
  }

  private mutating func append(string: [UInt8]) -> UInt64 {
    buffer.writeByte(UInt8(ascii: "\""))
    var lineFeedCount: UInt64 = 0
    for byte in string {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): buffer.writeByte(UInt8(ascii: "\\"))
      case 0x0a: lineFeedCount += 1
      default: break
      }
      buffer.writeByte(byte)
    }
    buffer.writeByte(UInt8(ascii: "\""))
    return lineFeedCount
  }

  private mutating func append(timestamp: Int64) {
    buffer.writeByte(UInt8(ascii: " "))
    if timestamp < 0 { buffer.writeByte(UInt8(ascii: "-")) }
    buffer.writeDecimal(timestamp.magnitude)
  }

  // MARK: Plain items

  /// Appends plain items that follow one another, up to the first byte that takes more.
  ///
  /// - Returns: how many, and that byte.
  mutating func appendPlain(_ bytes: Span<UInt8>, from start: Int) -> (count: Int, end: Int) {
    var position = start
    var count = 0
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","): position += 1
      case UInt8(ascii: "{"):
        guard let point = PlainPoint.read(bytes, at: position, tags: &tags),
          append(point, bytes)
        else { return (count, position) }
        count += 1
        position = point.end
      default: return (count, position)
      }
    }
    return (count, position)
  }

  /// - Returns: whether it is a line now; else nothing is.
  private mutating func append(_ point: PlainPoint, _ bytes: Span<UInt8>) -> Bool {
    var timestamp: Int64?
    if let time = point.time {
      timestamp = precision.nanoseconds(time)
      if timestamp == nil { return false }
    }
    if let measurement = point.measurement {
      append(measurement, bytes, isMeasurement: true)
    } else {
      buffer.writeBytes(Point.measurementDefault[...])
    }
    buffer.writeByte(UInt8(ascii: ","))
    buffer.writeBytes(Point.serverTag[...])
    buffer.writeByte(UInt8(ascii: "="))
    append(point.server, bytes)
    for tag in tags {
      buffer.writeByte(UInt8(ascii: ","))
      append(tag.key, bytes)
      buffer.writeByte(UInt8(ascii: "="))
      append(tag.value, bytes)
    }
    buffer.writeByte(UInt8(ascii: " "))
    append(point.metric, bytes)
    buffer.writeByte(UInt8(ascii: "="))
    switch point.kind {
    case .boolean(let value): buffer.writeByte(UInt8(ascii: value ? "t" : "f"))
    case .fraction: buffer.writeBytes(bytes.extracting(point.value))
    case .string:
      buffer.writeByte(UInt8(ascii: "\""))
      buffer.writeBytes(bytes.extracting(point.value))
      buffer.writeByte(UInt8(ascii: "\""))
    case .integer(let magnitude, let isNegative):
      buffer.writeBytes(bytes.extracting(point.value))
      let metric = bytes.extracting(point.metric.range)
      let usual = Point.measurementDefault
      var measurement = usual.span
      if let named = point.measurement { measurement = bytes.extracting(named.range) }
      if let suffix = suffix(magnitude, isNegative, measurement, metric) {
        buffer.writeByte(suffix)
      }
    }
    if let timestamp { append(timestamp: timestamp) }
    buffer.writeByte(UInt8(ascii: "\n"))
    return true
  }

  private mutating func append(
    _ name: PlainPoint.Name,
    _ bytes: Span<UInt8>,
    isMeasurement: Bool = false
  ) {
    if name.needsEscape {
      append(name: bytes.extracting(name.range), isMeasurement: isMeasurement)
    } else {
      buffer.writeBytes(bytes.extracting(name.range))
    }
  }

  // MARK: Integers

  /// What makes an integer the column's kind of number.
  private mutating func suffix(of text: [UInt8], _ point: Point) -> UInt8? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = String(decoding: isNegative ? text[1...] : text[...], as: UTF8.self)
    // Beyond 64 bits it can only be the nearest float.
    guard let magnitude = UInt64(digits) else { return nil }
    return suffix(magnitude, isNegative, point.measurement.span, point.metric.span)
  }

  private mutating func suffix(
    _ magnitude: UInt64,
    _ isNegative: Bool,
    _ measurement: Span<UInt8>,
    _ metric: Span<UInt8>
  ) -> UInt8? {
    let isSigned = magnitude <= UInt64(Int64.max) + (isNegative ? 1 : 0)
    guard isSigned || !isNegative else { return nil }
    let exact = isSigned ? UInt8(ascii: "i") : UInt8(ascii: "u")
    let isLarge = magnitude > Self.exactMax
    let first: ColumnType = !isLarge ? .float : isSigned ? .integer : .unsigned
    switch types.type(measurement: measurement, name: metric, first: first) {
    case .float: return isLarge ? exact : nil
    case .integer: return exact
    case .unsigned: return isNegative ? UInt8(ascii: "i") : UInt8(ascii: "u")
    case .boolean, .string: return nil
    }
  }
}
