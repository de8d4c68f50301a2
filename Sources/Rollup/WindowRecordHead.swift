internal import Bytes

/// Everything of a record before its payloads: where the arrays begin.
struct WindowRecordHead {
  private var shared: WindowTiming?
  private var timings: [WindowTiming] = []
  private var isWide = false
  private var numbers = 0
  private var places = 0
  private var controls = 0
  private(set) var payloads = 0
  private(set) var countByteCount = 0

  init(_ bytes: Span<UInt8>, columnCount: Int) throws(WindowError) {
    var reader = ByteReader(bytes)
    guard let version = reader.readByte() else { throw .truncated }
    guard version == WindowRecord.version else { throw .version(version) }
    guard let flags = reader.readByte() else { throw .truncated }
    guard flags & ~WindowRecord.Flags.known == 0 else { throw .malformed(.flags) }
    guard let fieldSet = reader.readVarint(), let columns = reader.readVarint() else {
      throw .truncated
    }
    guard fieldSet <= UInt64(UInt32.max) else { throw .malformed(.fieldSet) }
    guard columns == UInt64(columnCount) else {
      throw .columnCount(found: Int(clamping: columns), expected: columnCount)
    }
    let unit = WindowTiming.units[Int(flags & WindowRecord.Flags.unit)]
    isWide = flags & WindowRecord.Flags.isWide != 0
    if flags & WindowRecord.Flags.isMixed == 0 {
      guard let timing = WindowTiming(&reader, unit: unit) else { throw .malformed(.timing) }
      shared = timing
      countByteCount = Self.byteCount(timing.count)
      numbers = reader.offset
      places = numbers
    } else {
      try readTimings(&reader, unit: unit, columnCount: columnCount)
      numbers = reader.offset
      places = numbers + columnCount * (isWide ? 2 : 1)
    }
    controls = places + (columnCount - 1) / WindowRecord.stride * 4
    payloads = controls + columnCount * 2
    guard payloads <= bytes.count else { throw .truncated }
  }

  private mutating func readTimings(
    _ reader: inout ByteReader,
    unit: UInt64,
    columnCount: Int
  ) throws(WindowError) {
    guard let count = reader.readVarint() else { throw .truncated }
    guard count <= UInt64(columnCount) else { throw .malformed(.timing) }
    var largest: UInt64 = 0
    for _ in 0..<Int(count) {
      guard let timing = WindowTiming(&reader, unit: unit) else { throw .malformed(.timing) }
      timings.append(timing)
      largest = max(largest, timing.count)
    }
    countByteCount = Self.byteCount(largest)
  }

  private static func byteCount(_ count: UInt64) -> Int { (71 - count.leadingZeroBitCount) / 8 }

  @inline(__always)
  func control(_ column: Int, _ bytes: Span<UInt8>) -> WindowControl {
    let place = controls &+ 2 &* column
    return WindowControl(rawValue: UInt16(bytes[place]) | UInt16(bytes[place &+ 1]) << 8)
  }

  /// Where the payload of a column, a multiple of the stride, begins; `nil` when that is not here.
  func place(ofColumn column: Int, _ bytes: Span<UInt8>) -> Int? {
    if column == 0 { return payloads }
    var reader = WindowPayload(bytes, places + (column / WindowRecord.stride - 1) * 4)
    guard let offset = reader.read(4), offset <= UInt64(bytes.count - payloads) else { return nil }
    return payloads + Int(offset)
  }

  /// The timing of a column; `nil` when it is absent.
  @inline(__always)
  func timing(_ column: Int, _ bytes: Span<UInt8>) throws(WindowError) -> WindowTiming? {
    if let shared { return shared }
    var number = 0
    if isWide {
      number = Int(bytes[numbers + 2 * column]) | Int(bytes[numbers + 2 * column + 1]) << 8
    } else {
      number = Int(bytes[numbers + column])
    }
    if number == 0 { return nil }
    guard number <= timings.count else { throw .malformed(.timingIndex) }
    return timings[number - 1]
  }
}
