internal import Bytes

/// Distinct strings in order of appearance.
struct StringTable {
  private(set) var bytes: [UInt8] = []
  /// Where each string ends in ``bytes``.
  private var ends: [Int] = []
  /// A number from 1 on, or 0.
  private var slots: [UInt32] = []
  /// Whether all of them are UTF-8.
  private(set) var isText = true

  var count: Int { ends.count }

  subscript(index: Int) -> ArraySlice<UInt8> {
    bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    slots = []
    isText = true
  }

  /// The number of a string, a new one when it is new.
  mutating func index(of value: ArraySlice<UInt8>) -> Int {
    if slots.isEmpty { slots = [UInt32](repeating: 0, count: 64) }
    var slot = place(of: value)
    if slots[slot] != 0 { return Int(slots[slot]) - 1 }
    bytes += value
    ends.append(bytes.count)
    if isText, String(validating: value, as: UTF8.self) == nil { isText = false }
    if ends.count * 2 > slots.count {
      slots = [UInt32](repeating: 0, count: slots.count * 4)
      for index in ends.indices.dropLast() {
        slot = place(of: self[index])
        slots[slot] = UInt32(index + 1)
      }
      slot = place(of: value)
    }
    slots[slot] = UInt32(ends.count)
    return ends.count - 1
  }

  /// The slot that holds `value`, or the empty one where it belongs.
  private func place(of value: ArraySlice<UInt8>) -> Int {
    var slot = Int(truncatingIfNeeded: Hash64.hash(value.span)) & (slots.count - 1)
    while slots[slot] != 0, self[Int(slots[slot]) - 1] != value {
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }
}
