/// Writes the payload of one row, column by column: 2-bit codes in front, values behind
/// (docs/format/batch.md; ``RowEncoder`` tells what the codes mean).
///
/// The hot half of the ingest path, hence raw pointers: the caller reserves
/// ``byteCountMax(columnCount:stringByteCount:)`` bytes first. Kept in a local variable it lives in
/// registers, so no member of it must be called out of line.
@frozen @unsafe
public struct PayloadEncoder {
  @usableFromInline let start: UnsafeMutableRawPointer
  @usableFromInline var control: UnsafeMutableRawPointer
  /// Where the next value goes.
  public var data: UnsafeMutableRawPointer
  @usableFromInline var codes: UInt32 = 0
  @usableFromInline var shift: UInt32 = 0

  /// The most bytes that a payload can take, the slack of wide stores included.
  @inlinable
  public static func byteCountMax(columnCount: Int, stringByteCount: Int) -> Int {
    (columnCount + 3) / 4 + 12 * columnCount + stringByteCount + 8
  }

  @inlinable @inline(__always)
  public init(at start: UnsafeMutableRawPointer, columnCount: Int) {
    unsafe self.start = start
    unsafe control = start
    unsafe data = start + ((columnCount &+ 3) &>> 2)
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

  /// Appends an integer of 32 bits other than `Int32.min`, which announces exceptions.
  @inlinable @inline(__always)
  public mutating func append(narrow: Int32) {
    unsafe data.storeBytes(of: narrow.littleEndian, as: Int32.self)
    // Bytes of the magnitude with a sign bit: 0, 1, 2 or more.
    let magnitude = UInt32(bitPattern: narrow ^ (narrow &>> 31))
    let code: UInt32 =
      (narrow != 0 ? 1 : 0) &+ (magnitude > 0x7f ? 1 : 0) &+ (magnitude > 0x7fff ? 1 : 0)
    unsafe push(code: code)
    unsafe data += Int(code &+ (code &>> 1 & code))
  }

  /// Appends a value whose 64-bit integer form is exact: an integer, or a float times the column's
  /// power of ten. Returns whether it fitted; if not, nothing is appended: send the cell instead.
  @inlinable @inline(__always)
  public mutating func append(scaled value: Int64) -> Bool {
    guard value > Int64(Int32.min), value <= Int64(Int32.max) else { return false }
    unsafe append(narrow: Int32(truncatingIfNeeded: value))
    return true
  }

  /// Appends a cell of 64 bits as it is.
  @inlinable @inline(__always)
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
    if let source = string.baseAddress {
      unsafe (data + 4).copyMemory(from: source, byteCount: string.count)
    }
    unsafe append(stringInPlace: string.count)
  }

  /// Takes in a string whose `byteCount` bytes the caller has put at ``data`` + 4 already.
  @inlinable @inline(__always)
  public mutating func append(stringInPlace byteCount: Int) {
    unsafe data.storeBytes(of: UInt32(byteCount).littleEndian, as: UInt32.self)
    unsafe data += 4 &+ byteCount
    unsafe push(code: 3)
  }

  /// Ends the payload and returns its length in bytes.
  @inlinable @inline(__always)
  public mutating func finish() -> Int {
    if unsafe shift > 0 {
      unsafe control.storeBytes(of: UInt8(truncatingIfNeeded: codes), as: UInt8.self)
    }
    return unsafe data - start
  }
}
