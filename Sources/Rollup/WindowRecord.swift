public import Bytes
public import Model

/// The windows of one series' minute as bytes: what the ring stores (docs/format/window.md).
///
///     | version u8 | flags u8 | columns u16 | field set u32 | minute i64 |
///     | count varint | first varint | last varint |      of all columns, with flag 1 (uniform)
///     | length of each column u8 ... | column ... |
///     column := length 0: absent
///             | count varint, first varint, last varint | unless uniform
///             | kind u8 | members |
///
/// `first` and `last` are timestamps in nanoseconds from the minute's start. A length of 255 means
/// that the column begins with its real length as u32. Little-endian. The record has no checksum of
/// its own: the ring's record header covers it.
public enum WindowRecord {
  public static let version: UInt8 = 1
  static let isUniform: UInt8 = 1
  static let headByteCount = 16
  static let longLength: UInt8 = 255

  /// Why bytes are no window record.
  public enum Fault: Error, Equatable, Sendable {
    case truncated, version(UInt8), columnCount(found: Int, expected: Int), minute(Int64)
    case column(Int)
  }

  /// Appends a record.
  ///
  /// - Parameters:
  ///   - types: the types of the field set's columns, 1 ... 65,535.
  ///   - windows: parallel to `types`; `nil` where the minute has no value of a column.
  ///   - strings: behind the first and last of string columns.
  /// - Complexity: about 40 ns a column.
  public static func encode(
    fieldSet: FieldSetID, minute: Int64, types: [ColumnType], windows: [Window?],
    strings: StringArena, into target: inout ByteWriter
  ) {
    precondition(types.count == windows.count)
    precondition(!types.isEmpty && types.count <= Limits.fieldsPerRowMax)
    let start = minute &* Nanoseconds.perMinute
    let shared = sharedSpan(windows)
    target.writeByte(version)
    target.writeByte(shared == nil ? 0 : isUniform)
    target.writeInteger(UInt16(types.count))
    target.writeInteger(fieldSet.rawValue)
    target.writeInteger(minute)
    if let shared { writeSpan(shared, start, into: &target) }
    let lengths = target.count
    for _ in types { target.writeByte(0) }
    for (column, window) in windows.enumerated() {
      guard let window else { continue }
      let from = target.count
      if shared == nil { writeSpan(window, start, into: &target) }
      WindowColumnCodec.encode(window, types[column], strings, into: &target)
      let length = target.count - from
      if length < Int(longLength) {
        target.replaceInteger(UInt8(length), at: lengths + column)
      } else {
        target.replaceInteger(longLength, at: lengths + column)
        target.insertInteger(UInt32(length), at: from)
      }
    }
  }

  /// The window whose count and times all columns share, or `nil`.
  private static func sharedSpan(_ windows: [Window?]) -> Window? {
    guard let first = windows[0] else { return nil }
    for window in windows {
      guard let window, window.count == first.count,
        window.firstTimestamp == first.firstTimestamp,
        window.lastTimestamp == first.lastTimestamp
      else { return nil }
    }
    return first
  }

  private static func writeSpan(_ window: Window, _ start: Int64, into target: inout ByteWriter) {
    target.writeVarint(window.count)
    target.writeVarint(UInt64(bitPattern: window.firstTimestamp &- start))
    target.writeVarint(UInt64(bitPattern: window.lastTimestamp &- start))
  }

  /// The field set and minute that a record names; `nil` when it is too short for either.
  public static func identity(of bytes: Span<UInt8>) -> (fieldSet: FieldSetID, minute: Int64)? {
    var reader = ByteReader(bytes)
    guard let version = reader.readByte(), version == Self.version, reader.readByte() != nil,
      reader.readInteger(UInt16.self) != nil, let set = reader.readInteger(UInt32.self),
      let minute = reader.readInteger(Int64.self)
    else { return nil }
    return (FieldSetID(set), minute)
  }

  /// Reads some columns of a record.
  ///
  /// No byte pattern can trap here.
  ///
  /// - Parameters:
  ///   - types: the types of the field set's columns.
  ///   - wanted: the columns to decode, ascending.
  ///   - strings: gets the bytes of string columns.
  /// - Returns: a window for each of `wanted`; `nil` where the minute has no value of it.
  /// - Complexity: about 0.3 ns a column stepped over, 30 ns a column decoded.
  public static func decode(
    _ bytes: Span<UInt8>, types: [ColumnType], wanted: [Int], strings: inout StringArena
  ) throws(Fault) -> [Window?] {
    guard bytes.count >= headByteCount else { throw .truncated }
    guard bytes[0] == version else { throw .version(bytes[0]) }
    let flags = bytes[1]
    var reader = ByteReader(bytes.extracting(2..<bytes.count))
    guard let count = reader.readInteger(UInt16.self), reader.skip(4) != nil,
      let minute = reader.readInteger(Int64.self)
    else { throw .truncated }
    guard Int(count) == types.count else {
      throw .columnCount(found: Int(count), expected: types.count)
    }
    let (start, overflowed) = minute.multipliedReportingOverflow(by: Nanoseconds.perMinute)
    guard !overflowed, minute >= 0 else { throw .minute(minute) }
    var shared: Window?
    if flags & isUniform != 0 {
      shared = readSpan(&reader, start)
      guard shared != nil else { throw .truncated }
    }
    let lengths = 2 + reader.offset
    guard bytes.count - lengths >= types.count else { throw .truncated }
    var result: [Window?] = []
    result.reserveCapacity(wanted.count)
    var position = lengths + types.count
    var column = 0
    for target in wanted {
      while column < target {
        guard let size = size(bytes, lengths + column, position) else { throw .truncated }
        position += size.head + size.body
        column += 1
      }
      guard let size = size(bytes, lengths + column, position) else { throw .truncated }
      let begin = position + size.head
      position = begin + size.body
      column += 1
      guard size.body > 0 else {
        result.append(nil)
        continue
      }
      var part = ByteReader(bytes.extracting(begin..<position))
      guard var window = shared ?? readSpan(&part, start),
        WindowColumnCodec.decode(&part, types[target], &window, &strings)
      else { throw .column(target) }
      result.append(window)
    }
    return result
  }

  /// The bytes of the column at `position`; `nil` when they do not lie in the record.
  private static func size(
    _ bytes: Span<UInt8>, _ lengthAt: Int, _ position: Int
  ) -> (head: Int, body: Int)? {
    let short = bytes[lengthAt]
    if short < longLength {
      return bytes.count - position >= Int(short) ? (0, Int(short)) : nil
    }
    guard bytes.count - position >= 4 else { return nil }
    var length = 0
    for index in 0..<4 { length |= Int(bytes[position + index]) << (8 * index) }
    return bytes.count - position - 4 >= length ? (4, length) : nil
  }

  private static func readSpan(_ reader: inout ByteReader, _ start: Int64) -> Window? {
    guard let count = reader.readVarint(), count > 0, let first = reader.readVarint(),
      let last = reader.readVarint(), first <= last, last < UInt64(Nanoseconds.perMinute)
    else { return nil }
    return Window(
      count: count, sum: .zero, min: 0, max: 0, first: 0, last: 0,
      firstTimestamp: start &+ Int64(first), lastTimestamp: start &+ Int64(last))
  }
}
