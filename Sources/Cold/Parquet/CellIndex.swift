/// The distinct values of a column in order of appearance, and each value's number among them.
struct CellIndex {
  private(set) var values: [UInt64] = []
  private(set) var indices: [UInt32] = []

  /// Values that are looked at first, spread over the column.
  private static let sampleCount = 2_048

  /// `nil` when there are more than `countMax` distinct values: no dictionary pays then. Where a
  /// sample says so, the others are not looked at.
  init?(_ cells: Span<UInt64>, countMax: Int) {
    guard !Self.seemsToExceed(countMax, cells) else { return nil }
    var table = Table(count: 1_024)
    var values: [UInt64] = []
    var isWithin = true
    indices = [UInt32](capacity: cells.count) { indices in
      var number: UInt32 = 0
      for position in cells.indices {
        let cell = cells[position]
        // Many columns stay as they are, or repeat what they were in the same order.
        if number > 0, values[Int(number) - 1] == cell {
          indices.append(number - 1)
          continue
        }
        if Int(number) < values.count, values[Int(number)] == cell {
          indices.append(number)
          number += 1
          continue
        }
        var slot = table.slot(of: cell)
        if table.numbers[slot] == 0 {
          guard values.count < countMax else {
            isWithin = false
            return
          }
          values.append(cell)
          if values.count * 2 > table.numbers.count {
            table = Table(values, count: table.numbers.count * 4)
            slot = table.slot(of: cell)
          } else {
            table.keys[slot] = cell
            table.numbers[slot] = UInt32(values.count)
          }
        }
        number = table.numbers[slot]
        indices.append(number - 1)
      }
    }
    guard isWithin else { return nil }
    self.values = values
  }

  /// Finds the number of a value, from 1 on; 0 stands for none. Keys lie beside the numbers: the
  /// two are read at once.
  private struct Table {
    var keys: [UInt64]
    var numbers: [UInt32]

    /// - Parameter count: a power of two.
    init(count: Int) {
      keys = [UInt64](repeating: 0, count: count)
      numbers = [UInt32](repeating: 0, count: count)
    }

    init(_ values: [UInt64], count: Int) {
      self.init(count: count)
      for (index, value) in values.enumerated() {
        let slot = slot(of: value)
        keys[slot] = value
        numbers[slot] = UInt32(index + 1)
      }
    }

    /// Where a value is, or belongs.
    func slot(of key: UInt64) -> Int {
      var slot = CellIndex.slot(key, numbers.count)
      while numbers[slot] != 0, keys[slot] != key { slot = (slot + 1) & (numbers.count - 1) }
      return slot
    }
  }

  /// Whether a sample has as many distinct values as one of a column with `countMax` of them, all
  /// as frequent, would have on average.
  private static func seemsToExceed(_ countMax: Int, _ cells: Span<UInt64>) -> Bool {
    guard cells.count >= 4 * sampleCount else { return false }
    let stride = cells.count / sampleCount
    // Twice as many as samples; 0 stands for no value, and is not counted.
    var slots = [UInt64](repeating: 0, count: 2 * sampleCount)
    var count = 0
    for number in 0..<sampleCount {
      let cell = cells[number * stride]
      guard cell != 0 else { continue }
      var slot = slot(cell, slots.count)
      while slots[slot] != 0, slots[slot] != cell { slot = (slot + 1) & (slots.count - 1) }
      if slots[slot] == 0 {
        slots[slot] = cell
        count += 1
      }
    }
    return count >= sampleCount - sampleCount * sampleCount / (2 * max(countMax, sampleCount))
  }

  /// The highest bits of the product are those that every bit of a cell counts for: the lower half
  /// of a short decimal or a whole number as a double is zeros, and so are the low bits of its
  /// product.
  ///
  /// - Parameter count: a power of two, 2 or more.
  fileprivate static func slot(_ cell: UInt64, _ count: Int) -> Int {
    let shift = UInt64(64 - count.trailingZeroBitCount)
    return Int(truncatingIfNeeded: (cell &* 0x9e37_79b9_7f4a_7c15) &>> shift)
  }
}
