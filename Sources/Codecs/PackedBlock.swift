internal import Bytes

/// Up to 128 integers above a base, packed at one width, with the few that do not fit patched
/// (docs/format/chunk.md, "block").
///
///     block   := | width u7, patched u1 | base: zigzag varint | patches | fields |
///              | 64 + blocks u8 |                    1 ... 63 blocks in which all values are 0
///     patches := | count − 1: varint | gap: varint, high: zigzag varint | ...
///
/// A field holds the low `width` bits of the value less `base`, a patch what is above them, of
/// either sign; so one outlier on either side costs a few bytes instead of widening all.
struct PackedBlock {
  static let valueCountMax = 128
  static let patchedFlag: UInt8 = 0x80
  /// The first byte of a run of blocks of zeros is this and how many there are.
  static let zeroBlocksFlag: UInt8 = 64
  static let zeroBlocksMax = 63
  /// Words that the choice of a block works in.
  static let scratchCount = 512
  /// Fields of fewer bits in all are not worth a search for outliers.
  static let outlierBitCountMin = 48

  var width: Int
  var base: UInt64
  var patchCount: Int
  /// Estimated bytes of the block.
  var byteCount: Int

  /// The cheapest block for `values`, or the narrowest one where none of them stands out.
  ///
  /// - Parameter scratch: room for ``scratchCount`` words.
  static func chosen(
    for values: Words,
    scratch: Words,
    isQuick: Bool,
    calmWidth: Int = 0
  ) -> PackedBlock {
    var smallest = values.signed(0)
    var largest = smallest
    for index in 0..<values.count {
      smallest = min(smallest, values.signed(index))
      largest = max(largest, values.signed(index))
    }
    let narrow = PackedBlock(smallest: smallest, largest: largest, count: values.count)
    guard narrow.width > calmWidth + 1 || calmWidth == 0,
      narrow.width * values.count >= outlierBitCountMin,
      hasOutliers(values, smallest, narrow.width)
    else { return narrow }
    return isQuick
      ? cheapest(values, smallest, largest, narrow, counts: scratch)
      : cheapest(values, narrow, scratch: scratch)
  }

  /// Whether the mean distance from the mean is so small against the range that some values must
  /// lie far out.
  private static func hasOutliers(_ values: Words, _ smallest: Int64, _ width: Int) -> Bool {
    // Scaled down so that the sums fit.
    let shift = UInt64(max(0, width - 48))
    let base = UInt64(bitPattern: smallest)
    var sum: UInt64 = 0
    for index in 0..<values.count { sum &+= (values[index] &- base) &>> shift }
    let mean = sum / UInt64(values.count)
    var distance: UInt64 = 0
    for index in 0..<values.count {
      let above = Int64(bitPattern: (values[index] &- base) &>> shift &- mean)
      distance &+= UInt64(bitPattern: above < 0 ? 0 &- above : above)
    }
    // Even spread gives a quarter of the range, a bell curve a seventh or so.
    let range = (1 as UInt64) &<< (UInt64(width) &- shift)
    return distance &* 10 < range &* UInt64(values.count)
  }

  /// The narrowest form without patches.
  init(smallest: Int64, largest: Int64, count: Int) {
    width = 64 &- (UInt64(bitPattern: largest) &- UInt64(bitPattern: smallest)).leadingZeroBitCount
    base = UInt64(bitPattern: smallest)
    patchCount = 0
    byteCount = 1 &+ Varint.byteCount(ZigZag.encode(smallest)) &+ (width &* count &+ 7) &>> 3
  }

  private init(width: Int, base: UInt64, patchCount: Int, byteCount: Int) {
    self.width = width
    self.base = base
    self.patchCount = patchCount
    self.byteCount = byteCount
  }

  /// The cheapest form of `values`: every width whose patches stay few, each with the base that
  /// leaves the fewest outside.
  ///
  /// - Parameters:
  ///   - narrow: the form without patches.
  ///   - scratch: room for ``scratchCount`` words.
  private static func cheapest(_ values: Words, _ narrow: PackedBlock, scratch: Words)
    -> PackedBlock
  {
    let count = values.count
    let sorted = BlockSort.sort(values, above: narrow.base, width: narrow.width, scratch: scratch)
    var best = narrow
    let fullWidth = narrow.width
    var width = fullWidth - 1
    while width >= 0 {
      let (start, inside) = densest(sorted, width: width)
      let patchCount = count - inside
      if patchCount * 4 > count + 3 { break }
      let patchByteCount = 1 + (Varint.bitCount(fullWidth - width + 1))
      let base = narrow.base &+ sorted[start]
      let byteCount =
        2 + Varint.byteCount(ZigZag.encode(Int64(bitPattern: base))) + patchCount * patchByteCount
        + PackedFields.byteCount(count, width: width)
      if byteCount < best.byteCount {
        best = PackedBlock(
          width: width,
          base: base,
          patchCount: patchCount,
          byteCount: byteCount
        )
      }
      // Patches alone already cost more.
      if patchCount * patchByteCount > best.byteCount { break }
      width -= 1
    }
    return best
  }

  /// A cheap form of `values`: above the smallest, below the largest or around one in the middle,
  /// by how many values need how many bits.
  ///
  /// - Parameter counts: room for 195 words.
  private static func cheapest(
    _ values: Words,
    _ smallest: Int64,
    _ largest: Int64,
    _ narrow: PackedBlock,
    counts: Words
  ) -> PackedBlock {
    let counts = counts.slice(0..<195)
    counts.fill(0)
    let low = UInt64(bitPattern: smallest)
    let high = UInt64(bitPattern: largest)
    let middle = middle(values)
    for index in 0..<values.count {
      let value = values[index]
      let around = ZigZag.encode(Int64(bitPattern: value &- middle))
      counts[64 &- (value &- low).leadingZeroBitCount] &+= 1
      counts[129 &- (high &- value).leadingZeroBitCount] &+= 1
      counts[194 &- around.leadingZeroBitCount] &+= 1
    }
    var best = narrow
    for placement in 0..<3 {
      var width = min(63, narrow.width)
      var patchCount = Int(counts[65 * placement + width + 1])
      while width >= 0 {
        if patchCount * 4 > values.count + 3 { break }
        let reach: UInt64 = (1 &<< UInt64(truncatingIfNeeded: width)) &- 1
        let base =
          placement == 0 ? low : placement == 1 ? high &- reach : middle &- (reach &+ 1) / 2
        let byteCount =
          2 + Varint.byteCount(ZigZag.encode(Int64(bitPattern: base)))
          + patchCount * (1 + Varint.bitCount(narrow.width - width + 1))
          + PackedFields.byteCount(values.count, width: width)
        if byteCount < best.byteCount {
          best = PackedBlock(
            width: width,
            base: base,
            patchCount: patchCount,
            byteCount: byteCount
          )
        }
        patchCount += Int(counts[65 * placement + width])
        width -= 1
      }
    }
    return best
  }

  /// The median of nine values.
  private static func middle(_ values: Words) -> UInt64 {
    var sample = InlineArray<9, Int64>(repeating: 0)
    for index in 0..<9 {
      let value = values.signed(index * values.count / 9)
      var place = index
      while place > 0, sample[place - 1] > value {
        sample[place] = sample[place - 1]
        place -= 1
      }
      sample[place] = value
    }
    return UInt64(bitPattern: sample[4])
  }

  /// The first of the sorted values from which most of them lie within `width` bits, and how many.
  private static func densest(_ sorted: Words, width: Int) -> (start: Int, inside: Int) {
    let reach: UInt64 = (1 &<< UInt64(truncatingIfNeeded: width)) &- 1
    var end = 0
    var best = (start: 0, inside: 0)
    for start in 0..<sorted.count {
      while end < sorted.count, sorted[end] &- sorted[start] <= reach { end &+= 1 }
      if end &- start > best.inside { best = (start, end &- start) }
      if end == sorted.count { break }
    }
    return best
  }

  func write(_ values: Words, into buffer: inout OutputBuffer) {
    // Counted again: where values lie on both sides of the largest number, a field may hold some
    // that the choice took for outliers.
    var patchCount = 0
    if self.patchCount > 0 {
      for index in 0..<values.count {
        if Int64(bitPattern: values[index] &- base) &>> Int64(width) != 0 { patchCount += 1 }
      }
    }
    buffer.writeByte(UInt8(width) | (patchCount > 0 ? Self.patchedFlag : 0))
    buffer.writeSignedVarint(Int64(bitPattern: base))
    if patchCount > 0 {
      buffer.writeVarint(UInt64(patchCount - 1))
      var next = 0
      for index in 0..<values.count {
        let high = Int64(bitPattern: values[index] &- base) &>> Int64(width)
        if high != 0 {
          buffer.writeVarint(UInt64(index - next))
          buffer.writeSignedVarint(high)
          next = index + 1
        }
      }
    }
    PackedFields.pack(values, width: width, base: base, into: &buffer)
  }

  /// Whether every value is 0, so that the block may join a run of such blocks.
  var isZero: Bool { width == 0 && base == 0 && patchCount == 0 }

  /// Appends `values` in blocks.
  ///
  /// - Parameters:
  ///   - scratch: room for ``scratchCount`` words.
  ///   - isQuick: whether time counts more than the last byte.
  ///   - calmWidth: fields of so many bits and one more are not searched for outliers; brought up
  ///     to date.
  static func writeAll(
    _ values: Words,
    scratch: Words,
    isQuick: Bool,
    calmWidth: inout UInt8,
    into buffer: inout OutputBuffer
  ) {
    var start = 0
    var zeroBlocks = 0
    while start < values.count {
      let end = min(values.count, start + valueCountMax)
      let part = values.slice(start..<end)
      let calm = isQuick ? Int(calmWidth) : 0
      let block = chosen(for: part, scratch: scratch, isQuick: isQuick, calmWidth: calm)
      calmWidth = block.patchCount == 0 ? UInt8(block.width) : 0
      if zeroBlocks > 0, !block.isZero || zeroBlocks == zeroBlocksMax {
        buffer.writeByte(zeroBlocksFlag + UInt8(zeroBlocks))
        zeroBlocks = 0
      }
      if block.isZero { zeroBlocks += 1 } else { block.write(part, into: &buffer) }
      start = end
    }
    if zeroBlocks > 0 { buffer.writeByte(zeroBlocksFlag + UInt8(zeroBlocks)) }
  }

  /// Reads blocks until `target` is full, those that hold none of `rows` without unpacking them.
  static func readAll(
    _ reader: inout ChunkReader,
    _ rows: Range<Int>,
    into target: Words
  ) throws(ChunkError) {
    var start = 0
    while start < target.count {
      let head = try reader.byte()
      if head > 64, head < patchedFlag {
        let blocks = Int(head) - 64
        let blocksLeft = (target.count - start + valueCountMax - 1) / valueCountMax
        guard blocks <= blocksLeft else { throw .malformed(.width) }
        let end = min(target.count, start + blocks * valueCountMax)
        target.slice(start..<end).fill(0)
        start = end
      } else {
        let end = min(target.count, start + valueCountMax)
        if rows.lowerBound < end, start < rows.upperBound {
          try read(head, &reader, into: target.slice(start..<end))
        } else {
          try pass(head, &reader, count: end - start)
        }
        start = end
      }
    }
  }

  /// Passes over a block of `count` values behind its first byte.
  private static func pass(
    _ head: UInt8,
    _ reader: inout ChunkReader,
    count: Int
  ) throws(ChunkError) {
    let width = Int(head & ~patchedFlag)
    guard width <= 64 else { throw .malformed(.width) }
    _ = try reader.varint()
    if head & patchedFlag != 0 {
      let patchCount = try reader.varint()
      guard patchCount < UInt64(count) else { throw .malformed(.patch) }
      for _ in 0...patchCount {
        _ = try reader.varint()
        _ = try reader.varint()
      }
    }
    _ = try reader.take(PackedFields.byteCount(count, width: width))
  }

  /// Reads a block of `target.count` values behind its first byte.
  private static func read(
    _ head: UInt8,
    _ reader: inout ChunkReader,
    into target: Words
  ) throws(ChunkError) {
    let width = Int(head & ~patchedFlag)
    guard width <= 64 else { throw .malformed(.width) }
    let base = UInt64(bitPattern: try reader.signedVarint())
    let fieldByteCount = PackedFields.byteCount(target.count, width: width)
    guard head & patchedFlag != 0 else {
      let fields = try reader.take(fieldByteCount)
      return try PackedFields.unpack(fields, width: width, base: base, into: target)
    }
    guard width < 64 else { throw .malformed(.width) }
    let count = try reader.varint()
    guard count < UInt64(target.count) else { throw .malformed(.patch) }
    // The fields come behind the patches, so those are walked twice.
    var patches = reader
    for _ in 0...count {
      _ = try reader.varint()
      _ = try reader.varint()
    }
    let fields = try reader.take(fieldByteCount)
    try PackedFields.unpack(fields, width: width, base: base, into: target)
    var next: UInt64 = 0
    for _ in 0...count {
      let gap = try patches.varint()
      guard gap < UInt64(target.count) - next else { throw .malformed(.patch) }
      let index = Int(next + gap)
      let high = UInt64(bitPattern: try patches.signedVarint())
      target[index] = target[index] &+ high &<< UInt64(truncatingIfNeeded: width)
      next += gap + 1
    }
  }
}

/// Sizes of varints.
enum Varint {
  @inline(__always)
  static func byteCount(_ value: UInt64) -> Int { bitCount(64 &- value.leadingZeroBitCount) }

  /// Bytes of a varint with so many significant bits.
  @inline(__always)
  static func bitCount(_ bits: Int) -> Int { max(1, (bits &+ 6) / 7) }
}
