internal import Bytes
internal import Model

/// The distinct cells of a chunk, ascending, and each cell's index among them; given up when there
/// are too many to pay.
struct CellDictionary {
  private(set) var distinct: [Cell] = []
  private(set) var indexes: [UInt32] = []
  private var slots: [UInt32] = []

  /// Slots looked at for one cell: senders choose the cells, and the hash has no key.
  static let probeCountMax = 64

  /// - Returns: whether there are so few that a dictionary may pay: at most a third of the cells.
  mutating func collect(_ cells: Span<Cell>, isFloat: Bool) -> Bool {
    let distinctMax = cells.count / 3
    guard distinctMax >= 2 else { return false }
    let slotCount = 1 << (Int.bitWidth - (distinctMax * 2).leadingZeroBitCount)
    slots.removeAll(keepingCapacity: true)
    slots.append(contentsOf: repeatElement(.max, count: slotCount))
    distinct.removeAll(keepingCapacity: true)
    indexes.removeAll(keepingCapacity: true)
    for index in cells.indices {
      let cell = cells[index]
      var slot = Int(truncatingIfNeeded: Hash64.mix(cell)) & (slotCount - 1)
      // At most half of the slots are taken.
      var probes = 0
      while slots[slot] != .max, distinct[Int(slots[slot])] != cell {
        slot = (slot + 1) & (slotCount - 1)
        probes += 1
        if probes == Self.probeCountMax { return false }
      }
      if slots[slot] == .max {
        guard distinct.count < distinctMax else { return false }
        slots[slot] = UInt32(distinct.count)
        distinct.append(cell)
      }
      indexes.append(slots[slot])
    }
    sortEntries(isFloat: isFloat)
    return true
  }

  private mutating func sortEntries(isFloat: Bool) {
    func key(_ cell: Cell) -> Int64 {
      Int64(bitPattern: isFloat ? OrderedBits.flip(cell) : cell)
    }
    let order = distinct.indices.sorted { key(distinct[$0]) < key(distinct[$1]) }
    var ranks = [UInt32](repeating: 0, count: order.count)
    for (rank, index) in order.enumerated() { ranks[index] = UInt32(rank) }
    distinct = order.map { distinct[$0] }
    for index in indexes.indices { indexes[index] = ranks[Int(indexes[index])] }
  }
}
