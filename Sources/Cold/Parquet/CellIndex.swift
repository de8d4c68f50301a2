/// The distinct values of a column in order of appearance, and each value's number among them.
struct CellIndex {
  private(set) var values: [UInt64] = []
  private(set) var indices: [UInt32] = []

  /// `nil` when there are more than `countMax` distinct values: no dictionary pays then.
  init?(_ cells: Span<UInt64>, countMax: Int) {
    var slots = [UInt32](repeating: 0, count: 1_024)
    indices.reserveCapacity(cells.count)
    var last: (cell: UInt64, index: UInt32)?
    for position in cells.indices {
      let cell = cells[position]
      if let last, last.cell == cell {
        indices.append(last.index)
        continue
      }
      var slot = Self.slot(cell, slots.count)
      // A slot holds a number from 1 on.
      while slots[slot] != 0, values[Int(slots[slot]) - 1] != cell {
        slot = (slot + 1) & (slots.count - 1)
      }
      if slots[slot] == 0 {
        guard values.count < countMax else { return nil }
        values.append(cell)
        slots[slot] = UInt32(values.count)
        if values.count * 2 > slots.count {
          slots = Self.grown(values, count: slots.count * 4)
          slot = Self.slot(cell, slots.count)
          while values[Int(slots[slot]) - 1] != cell { slot = (slot + 1) & (slots.count - 1) }
        }
      }
      let index = slots[slot] - 1
      indices.append(index)
      last = (cell, index)
    }
  }

  private static func slot(_ cell: UInt64, _ count: Int) -> Int {
    Int(truncatingIfNeeded: (cell &* 0x9e37_79b9_7f4a_7c15) >> 32) & (count - 1)
  }

  private static func grown(_ values: [UInt64], count: Int) -> [UInt32] {
    var slots = [UInt32](repeating: 0, count: count)
    for (index, value) in values.enumerated() {
      var slot = slot(value, count)
      while slots[slot] != 0 { slot = (slot + 1) & (count - 1) }
      slots[slot] = UInt32(index + 1)
    }
    return slots
  }
}
