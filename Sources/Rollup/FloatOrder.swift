public import Model

/// The order of float cells: as numbers, and −0 before +0. NaN has no place in it.
public enum FloatOrder {
  /// An integer with the order of the cell; its own inverse.
  @inlinable @inline(__always)
  public static func key(_ cell: Cell) -> Int64 {
    let bits = Int64(bitPattern: cell)
    return bits < 0 ? bits ^ Int64.max : bits
  }

  /// The cell of a ``key(_:)``.
  @inlinable @inline(__always)
  public static func cell(_ key: Int64) -> Cell {
    UInt64(bitPattern: key < 0 ? key ^ Int64.max : key)
  }

  /// Whether `left` is the smaller one.
  @inlinable
  public static func precedes(_ left: Cell, _ right: Cell) -> Bool { key(left) < key(right) }

  @inlinable
  public static func isNaN(_ cell: Cell) -> Bool { cell & (UInt64.max >> 1) > 0x7ff0 << 48 }
}
