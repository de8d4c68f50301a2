internal import CBytes

/// Decodes one row's payload column by column, in order; the mirror image of ``RowEncoder``.
///
/// Decoders of a minute hold one cursor a row and move all of them by a tile of columns at a time.
/// The payload may come from a disk: a value that does not fit sets ``isDamaged`` and reads as 0.
@frozen @unsafe
public struct RowCursor {
  @usableFromInline let control: UnsafeRawPointer
  @usableFromInline var data: UnsafeRawPointer
  @usableFromInline let end: UnsafeRawPointer
  @usableFromInline var column: Int = 0
  public var isDamaged: Bool

  /// - Parameter payload: ``RowBatch/paddingByteCount`` readable bytes must follow it.
  @inlinable
  public init(_ payload: UnsafeRawBufferPointer, columnCount: Int) {
    let controlByteCount = (columnCount + 3) / 4
    if let start = payload.baseAddress, payload.count >= controlByteCount {
      unsafe control = start
      unsafe data = start + controlByteCount
      unsafe end = start + payload.count
      unsafe isDamaged = false
    } else {
      let nowhere = unsafe UnsafeRawPointer(bitPattern: 16) ?? payload.baseAddress.unsafelyUnwrapped
      unsafe control = nowhere
      unsafe data = nowhere
      unsafe end = nowhere
      unsafe isDamaged = true
    }
  }

  /// Goes on where a tile has left a row.
  init(_ row: cbytes_row, column: Int) {
    unsafe control = row.control
    unsafe data = row.data
    unsafe end = row.end
    unsafe self.column = column
    unsafe isDamaged = row.is_damaged != 0
  }

  /// Where a tile goes on.
  var row: cbytes_row {
    unsafe cbytes_row(control: control, data: data, end: end, is_damaged: isDamaged ? 1 : 0)
  }

  @inlinable @inline(__always)
  mutating func nextCode() -> UInt8 {
    let code =
      (unsafe control.load(fromByteOffset: column &>> 2, as: UInt8.self)
        &>> UInt8(2 &* (column & 3)))
      & 3
    unsafe column &+= 1
    return code
  }

  /// The next value of a column that is not a string: the scaled integer, or the cell as it is.
  @inlinable @inline(__always)
  mutating func nextRaw() -> (value: Int64, isException: Bool) {
    guard unsafe !isDamaged else { return (0, false) }
    // No branch on the code: agents' values change width from column to column, and a branch that
    // is guessed wrong costs more than all of this.
    let code = Int64(unsafe nextCode())
    let byteCount = code &+ (code &>> 1 & code)
    let word = unsafe Int32(littleEndian: data.loadUnaligned(as: Int32.self))
    unsafe data += Int(byteCount)
    guard unsafe data <= end else {
      unsafe markDamaged()
      return (0, false)
    }
    if word == Int32.min, code == 3 { return unsafe (nextException(), true) }
    // Keeps the low bytes and their sign; in two steps, for a shift by 64 is none.
    let shift = 63 &- 8 &* byteCount
    let high = (Int64(word) &<< shift) &<< 1
    return ((high &>> 1) &>> shift, false)
  }

  /// The cell behind the mark of an exception.
  @inlinable @inline(__always)
  mutating func nextException() -> Int64 {
    guard unsafe end - data >= 8 else {
      unsafe markDamaged()
      return 0
    }
    let cell = unsafe Int64(littleEndian: data.loadUnaligned(as: Int64.self))
    unsafe data += 8
    return cell
  }

  @inlinable @inline(never)
  mutating func markDamaged() {
    unsafe isDamaged = true
    unsafe data = end
  }

  /// The next cell of a float column. `divisor` is the column's power of ten.
  @inlinable @inline(__always)
  public mutating func nextFloat(divisor: Double) -> Cell {
    let (value, isException) = unsafe nextRaw()
    return isException ? UInt64(bitPattern: value) : (Double(value) / divisor).bitPattern
  }

  /// The next cell of an integer, unsigned or boolean column.
  @inlinable @inline(__always)
  public mutating func nextInteger() -> Cell { unsafe UInt64(bitPattern: nextRaw().value) }

  /// The next string's bytes; empty when damaged.
  @inlinable
  public mutating func nextString() -> UnsafeRawBufferPointer {
    let empty = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    guard unsafe !isDamaged else { return unsafe empty }
    guard unsafe nextCode() == 3, unsafe end - data >= 4 else {
      unsafe markDamaged()
      return unsafe empty
    }
    let count = Int(UInt32(littleEndian: unsafe data.loadUnaligned(as: UInt32.self)))
    guard unsafe end - data - 4 >= count else {
      unsafe markDamaged()
      return unsafe empty
    }
    let start = unsafe data + 4
    unsafe data = start + count
    return unsafe UnsafeRawBufferPointer(start: start, count: count)
  }

  /// Steps over one column of type `type`.
  @inlinable @inline(__always)
  public mutating func skip(_ type: ColumnType) {
    if type == .string {
      _ = unsafe nextString()
    } else {
      _ = unsafe nextRaw()
    }
  }
}

/// Powers of ten that a double holds exactly, 10^0 ... 10^22.
public enum DecimalScale {
  /// The largest exponent of a scale table; 15 digits are what a scaled integer is worth.
  public static let exponentMax = 15
  public static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
