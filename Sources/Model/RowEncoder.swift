/// Writes one row into a batch's body (docs/format/batch.md).
///
/// The hot half of the ingest path, hence raw pointers: the caller reserves
/// ``byteCountMax(columnCount:stringByteCount:)`` bytes first.
///
///     | flags u8 | layout u32 unless flag 0 | timestamp i64 unless flag 1 | scale table u32 unless
///       flag 2 | payload bytes: u8, or u32 with flag 3 | payload |
///     payload := | 2-bit codes, four a byte, low bits first | values, one after another |
///
/// Flag 0: the layout is the previous row's plus one. Flag 1: the previous row's timestamp. Flag 2:
/// the previous row's scale table. The first row of a batch sets none of them.
///
/// Codes 0, 1, 2: a signed integer of that many bytes. Code 3: a signed integer of 4 bytes; the
/// value `Int32.min` announces an exception, the 8 bytes of the cell as it is. Floats are integers
/// divided by the column's power of ten where that gives the very same double, else exceptions.
/// A string is always code 3: its byte count as u32, then its bytes.
@frozen @unsafe
public struct RowEncoder {
  public static let sameTimestamp: UInt8 = 2
  public static let nextLayout: UInt8 = 1
  public static let sameScales: UInt8 = 4
  public static let longPayload: UInt8 = 8

  @usableFromInline let rowStart: UnsafeMutableRawPointer
  @usableFromInline let lengthAt: UnsafeMutableRawPointer
  @usableFromInline let payload: UnsafeMutableRawPointer
  @usableFromInline var control: UnsafeMutableRawPointer
  @usableFromInline var data: UnsafeMutableRawPointer
  @usableFromInline var codes: UInt32 = 0
  @usableFromInline var shift: UInt32 = 0
  @usableFromInline let isLong: Bool

  /// The most bytes that a row can take, the slack of wide stores included.
  @inlinable
  public static func byteCountMax(columnCount: Int, stringByteCount: Int) -> Int {
    1 + 4 + 8 + 4 + 4 + (columnCount + 3) / 4 + 12 * columnCount + stringByteCount + 8
  }

  /// Starts a row at `start`.
  ///
  /// - Parameters:
  ///   - previous: the row before it in the same batch, or `nil` for the batch's first.
  ///   - hasStrings: whether any column is a string.
  @inlinable
  public init(
    at start: UnsafeMutableRawPointer,
    layout: LayoutID,
    timestamp: Timestamp,
    scaleTable: ScaleTableID,
    previous: RowHead?,
    columnCount: Int,
    hasStrings: Bool
  ) {
    unsafe rowStart = start
    var flags: UInt8 = 0
    var cursor = unsafe start + 1
    if let previous, previous.layout.rawValue &+ 1 == layout.rawValue {
      unsafe flags |= Self.nextLayout
    } else {
      unsafe cursor.storeBytes(of: layout.rawValue.littleEndian, as: UInt32.self)
      unsafe cursor += 4
    }
    if let previous, previous.timestamp == timestamp {
      unsafe flags |= Self.sameTimestamp
    } else {
      unsafe cursor.storeBytes(of: timestamp.littleEndian, as: Int64.self)
      unsafe cursor += 8
    }
    if let previous, previous.scaleTable == scaleTable {
      unsafe flags |= Self.sameScales
    } else {
      unsafe cursor.storeBytes(of: scaleTable.rawValue.littleEndian, as: UInt32.self)
      unsafe cursor += 4
    }
    // 16 columns of at most 12 bytes and 4 bytes of codes stay below 256.
    unsafe isLong = hasStrings || columnCount > 16
    if unsafe isLong { unsafe flags |= Self.longPayload }
    unsafe start.storeBytes(of: flags, as: UInt8.self)
    unsafe lengthAt = cursor
    unsafe cursor += isLong ? 4 : 1
    unsafe payload = cursor
    unsafe control = cursor
    unsafe data = cursor + (columnCount + 3) / 4
  }

  @inlinable @inline(__always)
  mutating func push(code: UInt32) {
    unsafe codes |= code &<< shift
    unsafe shift &+= 2
    if unsafe shift == 8 {
      unsafe control.storeBytes(of: UInt8(truncatingIfNeeded: codes), as: UInt8.self)
      unsafe control += 1
      unsafe codes = 0
      unsafe shift = 0
    }
  }

  /// Appends a value whose 64-bit integer form is exact: an integer, or a float times the column's
  /// power of ten. Returns whether it fitted; if not, nothing is appended: send the cell instead.
  @inlinable @inline(__always)
  public mutating func append(scaled value: Int64) -> Bool {
    guard value > Int64(Int32.min), value <= Int64(Int32.max) else { return false }
    let narrow = Int32(truncatingIfNeeded: value)
    unsafe data.storeBytes(of: narrow.littleEndian, as: Int32.self)
    // Bytes of the magnitude with a sign bit: 0, 1, 2 or more.
    let magnitude = UInt32(bitPattern: narrow ^ (narrow >> 31))
    let code: UInt32 =
      (narrow != 0 ? 1 : 0) &+ (magnitude > 0x7f ? 1 : 0) &+ (magnitude > 0x7fff ? 1 : 0)
    unsafe push(code: code)
    unsafe data += Int(code) &+ Int(code &>> 1 & code)
    return true
  }

  /// Appends a cell of 64 bits as it is.
  @inlinable
  public mutating func append(exception cell: Cell) {
    unsafe data.storeBytes(of: Int32.min.littleEndian, as: Int32.self)
    unsafe (data + 4).storeBytes(of: cell.littleEndian, as: UInt64.self)
    unsafe data += 12
    unsafe push(code: 3)
  }

  /// Appends a signed 64-bit integer.
  @inlinable @inline(__always)
  public mutating func append(integer value: Int64) {
    if unsafe !append(scaled: value) { unsafe append(exception: UInt64(bitPattern: value)) }
  }

  /// Appends the bytes of a string.
  @inlinable
  public mutating func append(string: UnsafeRawBufferPointer) {
    unsafe data.storeBytes(of: UInt32(string.count).littleEndian, as: UInt32.self)
    unsafe data += 4
    if let start = string.baseAddress {
      unsafe data.copyMemory(from: start, byteCount: string.count)
      unsafe data += string.count
    }
    unsafe push(code: 3)
  }

  /// Ends the row and returns the first byte behind it.
  @inlinable
  public mutating func finish() -> UnsafeMutableRawPointer {
    if unsafe shift > 0 {
      unsafe control.storeBytes(of: UInt8(truncatingIfNeeded: codes), as: UInt8.self)
    }
    let byteCount = unsafe data - payload
    if unsafe isLong {
      unsafe lengthAt.storeBytes(of: UInt32(byteCount).littleEndian, as: UInt32.self)
    } else {
      unsafe lengthAt.storeBytes(of: UInt8(byteCount), as: UInt8.self)
    }
    return unsafe data
  }
}

/// What stands before a row's payload.
@frozen public struct RowHead: Equatable, Sendable {
  public var layout: LayoutID
  public var timestamp: Timestamp
  public var scaleTable: ScaleTableID

  @inlinable
  public init(layout: LayoutID, timestamp: Timestamp, scaleTable: ScaleTableID) {
    self.layout = layout
    self.timestamp = timestamp
    self.scaleTable = scaleTable
  }
}
