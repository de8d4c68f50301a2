internal import Bytes
internal import Model

/// The distinct strings of one chunk in order of appearance, and each value's index among them.
///
/// The table is probed a bounded number of slots, because senders choose the strings and the hash
/// is not keyed: where that is not enough a string is entered twice, which costs bytes, not time.
struct StringDictionary {
  static let probeCountMax = 16

  private(set) var distinct: [Cell] = []
  private(set) var indexes: [UInt32] = []
  /// Bytes of the payload as a dictionary, and as plain strings.
  private(set) var byteCount = 0
  private(set) var plainByteCount = 0

  init(_ cells: Span<Cell>, _ strings: StringArena) {
    let slotCount = max(16, (cells.count * 2 - 1).nextPowerOfTwo)
    var slots = [UInt32](repeating: .max, count: slotCount)
    indexes.reserveCapacity(cells.count)
    for position in cells.indices {
      let cell = cells[position]
      let text = Self.bytes(cell, strings)
      plainByteCount += Self.storedByteCount(text.count)
      if position > 0, cell == cells[position - 1] {
        indexes.append(indexes[position - 1])
        continue
      }
      var slot = Int(truncatingIfNeeded: Hash64.hash(text.span)) & (slotCount - 1)
      var found: UInt32?
      for _ in 0..<Self.probeCountMax {
        let candidate = slots[slot]
        guard candidate != .max else { break }
        if Self.bytes(distinct[Int(candidate)], strings) == text {
          found = candidate
          break
        }
        slot = (slot + 1) & (slotCount - 1)
      }
      if let found {
        indexes.append(found)
      } else {
        let index = UInt32(distinct.count)
        if slots[slot] == .max { slots[slot] = index }
        distinct.append(cell)
        byteCount += Self.storedByteCount(text.count)
        indexes.append(index)
      }
    }
    byteCount += Self.varintByteCount(distinct.count) + (indexBitCount * cells.count + 7) / 8
  }

  /// Bits of one packed index.
  var indexBitCount: Int { Self.indexBitCount(distinctCount: distinct.count) }

  static func indexBitCount(distinctCount: Int) -> Int {
    Int.bitWidth - (distinctCount - 1).leadingZeroBitCount
  }

  /// The bytes of `cell`, which must lie in `strings`.
  static func bytes(_ cell: Cell, _ strings: StringArena) -> ArraySlice<UInt8> {
    guard let slice = strings.slice(cell) else {
      preconditionFailure("a string cell outside its arena")
    }
    return slice
  }

  private static func storedByteCount(_ length: Int) -> Int { varintByteCount(length) + length }

  private static func varintByteCount(_ value: Int) -> Int {
    (70 - (value | 1).leadingZeroBitCount) / 7
  }
}

extension Int {
  /// The smallest power of two that is not smaller; for 1 ... 2^62.
  fileprivate var nextPowerOfTwo: Int {
    self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }
}
