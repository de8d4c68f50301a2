internal import Bytes

/// An open-addressing table from hashes to dense ids: 8 bytes a slot, at most 3/4 full.
///
/// The owner of the ids decides whether an id found is the right one; the table keeps 32 bits of
/// each hash, so a wrong guess is rare and growing touches nothing but the table.
///
///     slot := | hash, its upper 32 bits | id + 1, 32 bits |     0 is an empty slot
struct IDTable {
  private var slots: [UInt64]
  private var mask: Int
  private(set) var count = 0

  init() {
    slots = Array(repeating: 0, count: 16)
    mask = 15
  }

  /// The id for `hash` that `matches`.
  @inline(__always)
  func find(_ hash: UInt64, where matches: (UInt32) -> Bool) -> UInt32? {
    let upper = hash & 0xffff_ffff_0000_0000
    var index = Int(truncatingIfNeeded: hash >> 32) & mask
    while true {
      let slot = slots[index]
      if slot == 0 { return nil }
      if slot & 0xffff_ffff_0000_0000 == upper {
        let id = UInt32(truncatingIfNeeded: slot) &- 1
        if matches(id) { return id }
      }
      index = (index &+ 1) & mask
    }
  }

  /// Adds an id that is not there yet.
  ///
  /// - Parameter id: below `UInt32.max`.
  mutating func insert(_ hash: UInt64, id: UInt32) {
    precondition(id < UInt32.max)
    if (count + 1) * 4 > slots.count * 3 { grow() }
    place((hash & 0xffff_ffff_0000_0000) | UInt64(id + 1))
    count += 1
  }

  private mutating func place(_ slot: UInt64) {
    var index = Int(truncatingIfNeeded: slot >> 32) & mask
    while slots[index] != 0 { index = (index &+ 1) & mask }
    slots[index] = slot
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: 0, count: old.count * 2)
    mask = slots.count - 1
    for slot in old where slot != 0 { place(slot) }
  }

  /// Bytes held, for statistics.
  var byteCount: Int { slots.capacity * 8 }
}

/// Keyed hashes for the tables of this process: names come from clients, and the tables are large,
/// so nobody outside may know which names collide. What a seed decides is never visible outside.
struct KeyedHash {
  private let seed: UInt64

  init() {
    var hasher = Hasher()
    hasher.combine(0x7661_7276)
    seed = UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// The hash of a name.
  func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var hasher = Hasher()
    var index = 0
    while index &+ 8 <= bytes.count {
      var word: UInt64 = 0
      for shift in 0..<8 { word |= UInt64(bytes[index &+ shift]) &<< UInt64(8 &* shift) }
      hasher.combine(word)
      index &+= 8
    }
    var word = UInt64(bytes.count) &<< 56
    var shift: UInt64 = 0
    while index < bytes.count {
      word |= UInt64(bytes[index]) &<< shift
      shift &+= 8
      index &+= 1
    }
    hasher.combine(word)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// The hash of a pair of ids.
  func hash(_ first: UInt32, _ second: UInt32) -> UInt64 {
    Hash64.mix(seed ^ (UInt64(first) << 32 | UInt64(second)))
  }

  /// The hash of a list of ids that belong to `owner`.
  func hash(_ owner: UInt32, _ list: Span<UInt32>) -> UInt64 {
    var state = Hash64.mix(seed ^ UInt64(owner))
    for index in list.indices {
      // Odd multiples keep the rounds one-to-one and cheap; the seed keeps them unpredictable.
      state = (state ^ UInt64(list[index])) &* 0x9e37_79b9_7f4a_7c15
      state ^= state >> 29
    }
    return Hash64.mix(state ^ UInt64(list.count))
  }
}
