/// Sorts the values of a ``PackedBlock`` by their digits: a block has a hundred values of a few
/// bytes, where a sort that compares takes ten times as long.
enum BlockSort {
  private static let digitCount = 256

  /// The distances of `values` from `base`, ascending.
  ///
  /// - Parameters:
  ///   - values: at most ``PackedBlock/valueCountMax``.
  ///   - base: the smallest of them.
  ///   - width: bits of the largest distance.
  ///   - scratch: room for ``PackedBlock/scratchCount`` words; what is returned lies in it.
  /// - Complexity: O(n) for each byte of `width`.
  static func sort(_ values: Words, above base: UInt64, width: Int, scratch: Words) -> Words {
    let count = values.count
    precondition(count <= PackedBlock.valueCountMax)
    var from = scratch.slice(0..<count)
    var to = scratch.slice(PackedBlock.valueCountMax..<PackedBlock.valueCountMax + count)
    let places = scratch.slice(2 * PackedBlock.valueCountMax..<2 * PackedBlock.valueCountMax + 256)
    for index in 0..<count { from[index] = values[index] &- base }
    var shift: UInt64 = 0
    while shift < UInt64(width) {
      places.fill(0)
      for index in 0..<count { places[digit(from[index], shift)] &+= 1 }
      if places[digit(from[0], shift)] < UInt64(count) {
        var place: UInt64 = 0
        for digit in 0..<digitCount {
          let digitValueCount = places[digit]
          places[digit] = place
          place &+= digitValueCount
        }
        for index in 0..<count {
          let value = from[index]
          let digit = digit(value, shift)
          to[Int(truncatingIfNeeded: places[digit])] = value
          places[digit] &+= 1
        }
        swap(&from, &to)
      }
      shift &+= 8
    }
    return from
  }

  @inline(__always)
  private static func digit(_ value: UInt64, _ shift: UInt64) -> Int {
    Int(truncatingIfNeeded: value &>> shift & 255)
  }
}
