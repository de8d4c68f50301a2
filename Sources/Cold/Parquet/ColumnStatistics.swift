/// Bounds of a column chunk, in the order that its type has.
///
/// Of doubles there are none when any value is NaN: readers disagree on where NaN stands, and one
/// that takes it for the greatest would skip it. A least zero is −0 and a greatest one +0, so that
/// either is found by a search for the other. Of strings there are none when one is longer than
/// ``stringByteCountMax``.
struct ColumnStatistics: Hashable, Sendable {
  static let stringByteCountMax = 64

  var nullCount: Int
  /// As plain values.
  var least: [UInt8]?
  var greatest: [UInt8]?

  init(_ column: ColumnBuffer) {
    nullCount = column.rows.count - column.rows.setCount
    let cells = column.cells
    guard !cells.isEmpty else { return }
    switch column.type {
    case .microseconds, .nanoseconds, .integer: setSigned(cells)
    case .unsigned: setUnsigned(cells)
    case .boolean:
      let trueCount = cells.count { $0 != 0 }
      least = [trueCount == cells.count ? 1 : 0]
      greatest = [trueCount > 0 ? 1 : 0]
    case .double: setFloats(cells)
    case .string: setStrings(column.strings)
    }
  }

  private static func bytes(_ word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
  }

  private mutating func setSigned(_ cells: [UInt64]) {
    var (low, high) = (Int64.max, Int64.min)
    for cell in cells {
      low = min(low, Int64(bitPattern: cell))
      high = max(high, Int64(bitPattern: cell))
    }
    least = Self.bytes(UInt64(bitPattern: low))
    greatest = Self.bytes(UInt64(bitPattern: high))
  }

  private mutating func setUnsigned(_ cells: [UInt64]) {
    var (low, high) = (UInt64.max, UInt64.min)
    for cell in cells {
      low = min(low, cell)
      high = max(high, cell)
    }
    least = Self.bytes(low)
    greatest = Self.bytes(high)
  }

  private mutating func setFloats(_ cells: [UInt64]) {
    var (low, high) = (Double.infinity, -Double.infinity)
    for cell in cells {
      let value = Double(bitPattern: cell)
      if value.isNaN { return }
      low = value < low ? value : low
      high = value > high ? value : high
    }
    least = Self.bytes((low == 0 ? -0.0 : low).bitPattern)
    greatest = Self.bytes((high == 0 ? 0.0 : high).bitPattern)
  }

  private mutating func setStrings(_ strings: StringTable) {
    var (low, high) = (strings[0], strings[0])
    for index in 0..<strings.count {
      let value = strings[index]
      guard value.count <= Self.stringByteCountMax else { return }
      if value.lexicographicallyPrecedes(low) { low = value }
      if high.lexicographicallyPrecedes(value) { high = value }
    }
    least = Array(low)
    greatest = Array(high)
  }
}
