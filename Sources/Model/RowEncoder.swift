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
///
/// For whoever knows the head before the values; a ``PayloadEncoder`` and ``BatchBuilder`` serve
/// those who learn the timestamp last.
@frozen @unsafe
public struct RowEncoder {
  public static let nextLayout: UInt8 = 1
  public static let sameTimestamp: UInt8 = 2
  public static let sameScales: UInt8 = 4
  public static let longPayload: UInt8 = 8
  /// Flags, layout, timestamp, scale table, payload length.
  public static let headByteCountMax = 1 + 4 + 8 + 4 + 4

  @usableFromInline let lengthAt: UnsafeMutableRawPointer
  @usableFromInline let isLong: Bool
  @usableFromInline var payload: PayloadEncoder

  /// The most bytes that a row can take, the slack of wide stores included.
  @inlinable
  public static func byteCountMax(columnCount: Int, stringByteCount: Int) -> Int {
    unsafe headByteCountMax
      + PayloadEncoder.byteCountMax(columnCount: columnCount, stringByteCount: stringByteCount)
  }

  /// Whether a row needs four bytes for its payload's length: 16 columns of at most 12 bytes and 4
  /// bytes of codes stay below 256.
  @inlinable @inline(__always)
  public static func isLong(columnCount: Int, hasStrings: Bool) -> Bool {
    hasStrings || columnCount > 16
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
    unsafe isLong = unsafe Self.isLong(columnCount: columnCount, hasStrings: hasStrings)
    let head = RowHead(layout: layout, timestamp: timestamp, scaleTable: scaleTable)
    unsafe lengthAt = unsafe head.write(
      at: start,
      after: previous ?? head,
      isFirst: previous == nil,
      isLong: isLong
    )
    unsafe payload = unsafe PayloadEncoder(
      at: lengthAt + (isLong ? 4 : 1),
      columnCount: columnCount
    )
  }

  /// Appends a value whose 64-bit integer form is exact: an integer, or a float times the column's
  /// power of ten. Returns whether it fitted; if not, nothing is appended: send the cell instead.
  @inlinable @inline(__always)
  public mutating func append(scaled value: Int64) -> Bool { unsafe payload.append(scaled: value) }

  /// Appends a cell of 64 bits as it is.
  @inlinable
  public mutating func append(exception cell: Cell) { unsafe payload.append(exception: cell) }

  /// Appends a signed 64-bit integer.
  @inlinable @inline(__always)
  public mutating func append(integer value: Int64) { unsafe payload.append(integer: value) }

  /// Appends the bytes of a string.
  @inlinable
  public mutating func append(string: UnsafeRawBufferPointer) {
    unsafe payload.append(string: string)
  }

  /// Ends the row and returns the first byte behind it.
  @inlinable
  public mutating func finish() -> UnsafeMutableRawPointer {
    let byteCount = unsafe payload.finish()
    if unsafe isLong {
      unsafe lengthAt.storeBytes(of: UInt32(byteCount).littleEndian, as: UInt32.self)
    } else {
      unsafe lengthAt.storeBytes(of: UInt8(byteCount), as: UInt8.self)
    }
    return unsafe payload.data
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

  /// Writes the head up to the payload's length, for which it returns the place. Needs
  /// ``RowEncoder/headByteCountMax`` bytes.
  @unsafe @inlinable @inline(__always)
  func write(
    at start: UnsafeMutableRawPointer,
    after previous: RowHead,
    isFirst: Bool,
    isLong: Bool
  ) -> UnsafeMutableRawPointer {
    var flags: UInt8 = unsafe isLong ? RowEncoder.longPayload : 0
    var cursor = unsafe start + 1
    if !isFirst, previous.layout.rawValue &+ 1 == layout.rawValue {
      unsafe flags |= RowEncoder.nextLayout
    } else {
      unsafe cursor.storeBytes(of: layout.rawValue.littleEndian, as: UInt32.self)
      unsafe cursor += 4
    }
    if !isFirst, previous.timestamp == timestamp {
      unsafe flags |= RowEncoder.sameTimestamp
    } else {
      unsafe cursor.storeBytes(of: timestamp.littleEndian, as: Int64.self)
      unsafe cursor += 8
    }
    if !isFirst, previous.scaleTable == scaleTable {
      unsafe flags |= RowEncoder.sameScales
    } else {
      unsafe cursor.storeBytes(of: scaleTable.rawValue.littleEndian, as: UInt32.self)
      unsafe cursor += 4
    }
    unsafe start.storeBytes(of: flags, as: UInt8.self)
    return unsafe cursor
  }
}
