internal import Bytes
internal import Engine
internal import LineProtocol
internal import Model
internal import NIOCore

/// Turns JSON points into lines, item by item as the bytes come: objects one after another, in
/// arrays, or both. Belongs to the request's task.
///
/// Each item becomes one line of one field, or one refusal in a line's place, so that the number of
/// a verdict's line tells the item. Holds at most one item that has not come whole.
///
/// Cost: a plain item (``PlainPoint``) about 150 ns, any other some microseconds.
final class PointTranslator {
  /// Where in the bytes between and inside of items the scan is.
  private enum Place {
    case between
    /// Inside an object, or an array that stands where an object should.
    case container(depth: Int)
    /// Inside a string of a container, or one that stands where an object should.
    case string(depth: Int, isEscaped: Bool)
    /// Inside of something else that stands where an object should.
    case scalar
  }

  /// Integers up to it are floats unless the field is known as an integer: many writers of JSON
  /// leave the `.0` off.
  private static let exactMax: UInt64 = 1 << 53
  private static let textByteCountMax = LineVerdict.textByteCountMax

  private let precision: LinePrecision
  private let itemByteCountMax: Int
  private var types: FieldTypes
  /// The tags of the plain item that is read.
  private var plainTags: [(key: PlainPoint.Name, value: PlainPoint.Name)] = []

  /// Bytes that are not translated, from the beginning of an item on.
  private var pending: [UInt8] = []
  private var scanned = 0
  private var itemStart = 0
  private var place = Place.between
  private var isInArray = false

  private var lines = OutputBuffer()
  private var pieces: [BodyPiece] = []
  private(set) var itemCount = 0
  /// Line feeds inside of strings so far, and the lines from which on they count.
  private var extraLineCount: UInt64 = 0
  private var shifts: [(line: UInt64, extra: UInt64)] = []

  /// - Parameters:
  ///   - precision: the unit of timestamps.
  ///   - typeOf: the type of a field, if it is known. Asked once a field.
  init(
    precision: LinePrecision,
    itemByteCountMax: Int,
    typeOf: @escaping ([UInt8], [UInt8]) -> ColumnType?
  ) {
    self.precision = precision
    self.itemByteCountMax = itemByteCountMax
    types = FieldTypes(typeOf: typeOf)
  }

  /// Translates the next bytes of the body.
  func read(_ bytes: ByteBuffer) throws(BodyFault) -> [BodyPiece] {
    pending += bytes.readableBytesView
    while scanned < pending.count {
      let byte = pending[scanned]
      switch place {
      case .between:
        readPlain()
        guard scanned < pending.count else { continue }
        scanBetween(pending[scanned])
      case .scalar:
        switch byte {
        case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "{"):
          endItem()
          continue
        default: break
        }
      case .container(let depth):
        switch byte {
        case UInt8(ascii: "\""): place = .string(depth: depth, isEscaped: false)
        case UInt8(ascii: "{"), UInt8(ascii: "["): place = .container(depth: depth + 1)
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          place = .container(depth: depth - 1)
          if depth == 1 {
            scanned += 1
            endItem()
            continue
          }
        default: break
        }
      case .string(let depth, let isEscaped):
        if isEscaped {
          place = .string(depth: depth, isEscaped: false)
        } else if byte == UInt8(ascii: "\\") {
          place = .string(depth: depth, isEscaped: true)
        } else if byte == UInt8(ascii: "\"") {
          place = .container(depth: depth)
          if depth == 0 {
            scanned += 1
            endItem()
            continue
          }
        }
      }
      scanned += 1
    }
    try compact()
    return takePieces()
  }

  /// The end of the body.
  func finish() -> [BodyPiece] {
    switch place {
    case .between: break
    case .scalar: endItem()
    case .container, .string:
      refuse(pending[itemStart...], column: pending.count - itemStart + 1, "the body ends here")
    }
    if isInArray { refuse([UInt8(ascii: "[")], column: 2, "expected ']' at the end of the body") }
    pending = []
    scanned = 0
    place = .between
    isInArray = false
    return takePieces()
  }

  /// The item, from 0, whose line this is.
  func item(ofLine line: UInt64) -> Int {
    var (low, high) = (0, shifts.count)
    while low < high {
      let middle = (low + high) / 2
      if shifts[middle].line <= line { low = middle + 1 } else { high = middle }
    }
    return Int(line - 1 - (low == 0 ? 0 : shifts[low - 1].extra))
  }

  // MARK: Items

  /// Translates plain items, up to the first byte that takes more.
  private func readPlain() {
    let pending = pending
    let bytes = pending.span
    while scanned < bytes.count {
      switch bytes[scanned] {
      case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","): scanned += 1
      case UInt8(ascii: "{"):
        guard let point = PlainPoint.read(bytes, at: scanned, tags: &plainTags),
          append(point, bytes)
        else { return }
        itemCount += 1
        scanned = point.end
      default: return
      }
    }
  }

  private func scanBetween(_ byte: UInt8) {
    switch byte {
    case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","): return
    case UInt8(ascii: "[") where !isInArray: isInArray = true
    case UInt8(ascii: "]") where isInArray: isInArray = false
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      itemStart = scanned
      place = .container(depth: 1)
    case UInt8(ascii: "\""):
      itemStart = scanned
      place = .string(depth: 0, isEscaped: false)
    default:
      itemStart = scanned
      place = .scalar
    }
  }

  private func endItem() {
    let range = itemStart..<scanned
    place = .between
    do throws(JSONReader.Fault) {
      var json = JSONReader(pending, range)
      let point = try Point.read(&json, precision: precision)
      try append(point, start: range.lowerBound)
      itemCount += 1
    } catch {
      refuse(pending[range], column: error.offset - range.lowerBound + 1, error.message)
    }
  }

  private func refuse(_ text: ArraySlice<UInt8>, column: Int, _ message: String) {
    flushLines()
    pieces.append(
      .refused(
        RefusedItem(
          text: Array(text.prefix(Self.textByteCountMax)),
          column: column,
          message: message
        )
      )
    )
    itemCount += 1
  }

  /// Forgets what is translated; an item that has not come whole stays.
  private func compact() throws(BodyFault) {
    var done = scanned
    if case .between = place {} else { done = itemStart }
    pending.removeFirst(done)
    scanned -= done
    itemStart = 0
    guard pending.count <= itemByteCountMax else {
      throw .tooLarge("item \(itemCount) is longer than \(itemByteCountMax) bytes")
    }
  }

  private func flushLines() {
    guard lines.count > 0 else { return }
    var buffer = ByteBufferAllocator().buffer(capacity: lines.count)
    unsafe lines.withUnsafeBytes { _ = unsafe buffer.writeBytes($0) }
    pieces.append(.lines(buffer))
    lines.removeAll()
  }

  private func takePieces() -> [BodyPiece] {
    flushLines()
    defer { pieces = [] }
    return pieces
  }
}

// MARK: Lines

extension PointTranslator {
  private func append(_ point: Point, start: Int) throws(JSONReader.Fault) {
    guard point.measurement.first != UInt8(ascii: "#") else {
      throw JSONReader.Fault(offset: start, message: "a measurement begins with '#'")
    }
    append(name: point.measurement.span, isMeasurement: true)
    append(tag: Point.serverTag, point.server)
    for tag in point.tags { append(tag: tag.key, tag.value) }
    lines.writeByte(UInt8(ascii: " "))
    append(name: point.metric.span)
    lines.writeByte(UInt8(ascii: "="))
    switch point.value {
    case .boolean(let value): lines.writeByte(UInt8(ascii: value ? "t" : "f"))
    case .number(let text, let isIntegral):
      lines.writeBytes(text.span)
      if isIntegral, let suffix = suffix(of: text, point) { lines.writeByte(suffix) }
    case .string(let text): append(string: text)
    }
    if let timestamp = point.timestamp { append(timestamp: timestamp) }
    lines.writeByte(UInt8(ascii: "\n"))
  }

  private func append(tag key: [UInt8], _ value: [UInt8]) {
    lines.writeByte(UInt8(ascii: ","))
    append(name: key.span)
    lines.writeByte(UInt8(ascii: "="))
    append(name: value.span)
  }

  private func append(name: Span<UInt8>, isMeasurement: Bool = false) {
    for index in name.indices {
      switch name[index] {
      case UInt8(ascii: ","), UInt8(ascii: " "): lines.writeByte(UInt8(ascii: "\\"))
      case UInt8(ascii: "=") where !isMeasurement: lines.writeByte(UInt8(ascii: "\\"))
      default: break
      }
      lines.writeByte(name[index])
    }
  }

  private func append(string: [UInt8]) {
    lines.writeByte(UInt8(ascii: "\""))
    var lineFeedCount: UInt64 = 0
    for byte in string {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): lines.writeByte(UInt8(ascii: "\\"))
      case 0x0a: lineFeedCount += 1
      default: break
      }
      lines.writeByte(byte)
    }
    lines.writeByte(UInt8(ascii: "\""))
    guard lineFeedCount > 0 else { return }
    let line = UInt64(itemCount) + 1 + extraLineCount
    extraLineCount += lineFeedCount
    shifts.append((line: line + 1, extra: extraLineCount))
  }

  private func append(timestamp: Int64) {
    lines.writeByte(UInt8(ascii: " "))
    if timestamp < 0 { lines.writeByte(UInt8(ascii: "-")) }
    lines.writeDecimal(timestamp.magnitude)
  }

  // MARK: Plain items

  /// - Returns: whether it is a line now; else nothing is.
  private func append(_ point: PlainPoint, _ bytes: Span<UInt8>) -> Bool {
    var timestamp: Int64?
    if let time = point.time {
      timestamp = precision.nanoseconds(time)
      if timestamp == nil { return false }
    }
    if let measurement = point.measurement {
      append(measurement, bytes, isMeasurement: true)
    } else {
      lines.writeBytes(Point.measurementDefault[...])
    }
    lines.writeByte(UInt8(ascii: ","))
    lines.writeBytes(Point.serverTag[...])
    lines.writeByte(UInt8(ascii: "="))
    append(point.server, bytes)
    for tag in plainTags {
      lines.writeByte(UInt8(ascii: ","))
      append(tag.key, bytes)
      lines.writeByte(UInt8(ascii: "="))
      append(tag.value, bytes)
    }
    lines.writeByte(UInt8(ascii: " "))
    append(point.metric, bytes)
    lines.writeByte(UInt8(ascii: "="))
    switch point.kind {
    case .boolean(let value): lines.writeByte(UInt8(ascii: value ? "t" : "f"))
    case .fraction: lines.writeBytes(bytes.extracting(point.value))
    case .string:
      lines.writeByte(UInt8(ascii: "\""))
      lines.writeBytes(bytes.extracting(point.value))
      lines.writeByte(UInt8(ascii: "\""))
    case .integer(let magnitude, let isNegative):
      lines.writeBytes(bytes.extracting(point.value))
      let metric = bytes.extracting(point.metric.range)
      let usual = Point.measurementDefault
      var measurement = usual.span
      if let named = point.measurement { measurement = bytes.extracting(named.range) }
      if let suffix = suffix(magnitude, isNegative, measurement, metric) {
        lines.writeByte(suffix)
      }
    }
    if let timestamp { append(timestamp: timestamp) }
    lines.writeByte(UInt8(ascii: "\n"))
    return true
  }

  private func append(
    _ name: PlainPoint.Name,
    _ bytes: Span<UInt8>,
    isMeasurement: Bool = false
  ) {
    if name.needsEscape {
      append(name: bytes.extracting(name.range), isMeasurement: isMeasurement)
    } else {
      lines.writeBytes(bytes.extracting(name.range))
    }
  }

  // MARK: Integers

  /// What makes an integer the column's kind of number.
  private func suffix(of text: [UInt8], _ point: Point) -> UInt8? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = String(decoding: isNegative ? text[1...] : text[...], as: UTF8.self)
    // Beyond 64 bits it can only be the nearest float.
    guard let magnitude = UInt64(digits) else { return nil }
    return suffix(magnitude, isNegative, point.measurement.span, point.metric.span)
  }

  private func suffix(
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
