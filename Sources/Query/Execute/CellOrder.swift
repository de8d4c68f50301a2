internal import Model

/// The order of numeric cells that min and max follow: −0 < +0, and NaN is neither.
enum CellOrder {
  /// A key that orders as the numbers do. For a float: flips the magnitude bits of negative
  /// numbers, so that their two's complement falls as the number does.
  @inline(__always)
  static func key(float cell: Cell) -> Int64 {
    let bits = Int64(bitPattern: cell)
    return bits ^ Int64(bitPattern: UInt64(bitPattern: bits &>> 63) &>> 1)
  }

  /// The float cell of a key; the same flip takes it back.
  @inline(__always)
  static func cell(floatKey key: Int64) -> Cell {
    UInt64(bitPattern: key ^ Int64(bitPattern: UInt64(bitPattern: key &>> 63) &>> 1))
  }

  @inline(__always)
  static func isNaN(_ cell: Cell) -> Bool {
    cell & 0x7fff_ffff_ffff_ffff > 0x7ff0_0000_0000_0000
  }

  /// Whether `left` takes the place of `right` as a minimum of a column of `type`.
  @inline(__always)
  static func isLess(_ left: Cell, than right: Cell, _ type: ColumnType) -> Bool {
    switch type {
    case .float:
      isNaN(left) ? false : isNaN(right) ? true : key(float: left) < key(float: right)
    case .integer: Int64(bitPattern: left) < Int64(bitPattern: right)
    case .unsigned, .boolean, .string: left < right
    }
  }

  /// Whether `left` takes the place of `right` as a maximum of a column of `type`.
  @inline(__always)
  static func isGreater(_ left: Cell, than right: Cell, _ type: ColumnType) -> Bool {
    switch type {
    case .float:
      isNaN(left) ? false : isNaN(right) ? true : key(float: left) > key(float: right)
    case .integer: Int64(bitPattern: left) > Int64(bitPattern: right)
    case .unsigned, .boolean, .string: left > right
    }
  }
}
