internal import Bytes

/// Small numbers as runs of equal ones and packed groups of eight: levels and indices of
/// dictionaries.
///
///     run    := varint(count << 1)      value, whole bytes little-endian
///     packed := varint(groups << 1 | 1) groups * width bytes, lowest bits first
enum RunLengthHybrid {
  /// A run that is shorter is packed with its neighbours.
  private static let runCountMin = 8

  /// Bits that `values` numbers from 0 on need, 1 or more: not all readers take 0.
  static func bitWidth(for count: Int) -> Int {
    max(1, UInt64.bitWidth - UInt64(max(1, count) - 1).leadingZeroBitCount)
  }

  static func encode(
    _ values: Span<UInt32>,
    bitWidth: Int,
    into out: inout OutputBuffer
  ) {
    var start = 0
    var index = 0
    while index < values.count {
      let value = values[index]
      var end = index + 1
      while end < values.count, values[end] == value { end += 1 }
      // A packed stretch in front is filled up to whole groups from the run.
      let filling = (8 - (index - start) % 8) % 8
      if end - index - filling >= runCountMin {
        pack(values, start..<index + filling, bitWidth, &out)
        writeRun(value, count: end - index - filling, bitWidth: bitWidth, into: &out)
        start = end
      }
      index = end
    }
    pack(values, start..<values.count, bitWidth, &out)
  }

  static func writeRun(_ value: UInt32, count: Int, bitWidth: Int, into out: inout OutputBuffer) {
    out.writeVarint(UInt64(count) << 1)
    for index in 0..<(bitWidth + 7) / 8 {
      out.writeByte(UInt8(truncatingIfNeeded: value >> UInt32(8 * index)))
    }
  }

  private static func pack(
    _ values: Span<UInt32>,
    _ range: Range<Int>,
    _ bitWidth: Int,
    _ out: inout OutputBuffer
  ) {
    guard !range.isEmpty else { return }
    let groupCount = (range.count + 7) / 8
    out.writeVarint(UInt64(groupCount) << 1 | 1)
    var packer = BitPacker()
    for index in range { packer.append(UInt64(values[index]), bitWidth, into: &out) }
    for _ in 0..<groupCount * 8 - range.count { packer.append(0, bitWidth, into: &out) }
    packer.end(into: &out)
  }

  /// Appends `count` numbers to `values`.
  ///
  /// - Returns: the position behind what was read; `nil` when the bytes run out or make no sense.
  static func decode(
    _ bytes: ArraySlice<UInt8>,
    bitWidth: Int,
    count: Int,
    into values: inout [UInt32]
  ) -> Int? {
    guard (0...32).contains(bitWidth) else { return nil }
    var position = bytes.startIndex
    var left = count
    while left > 0 {
      guard let head = varint(bytes, &position) else { return nil }
      if head & 1 == 0 {
        guard head >> 1 > 0 else { return nil }
        let runCount = Int(min(head >> 1, UInt64(left)))
        var value: UInt32 = 0
        for index in 0..<(bitWidth + 7) / 8 {
          guard position < bytes.endIndex else { return nil }
          value |= UInt32(bytes[position]) << UInt32(8 * index)
          position += 1
        }
        values.append(contentsOf: repeatElement(value, count: runCount))
        left -= runCount
      } else {
        let groupCount = head >> 1
        let (bitCount, isTooMany) = groupCount.multipliedReportingOverflow(
          by: UInt64(8 * bitWidth)
        )
        guard groupCount > 0, !isTooMany, bitCount / 8 <= UInt64(bytes.endIndex - position)
        else { return nil }
        let packed = bytes[position..<position + Int(bitCount / 8)]
        position = packed.endIndex
        let packedCount = Int(min(groupCount, UInt64(left) / 8 + 1)) * 8
        var unpacker = BitUnpacker(packed)
        for _ in 0..<min(packedCount, left) {
          guard let value = unpacker.next(bitWidth) else { return nil }
          values.append(UInt32(truncatingIfNeeded: value))
        }
        left -= min(packedCount, left)
      }
    }
    return position
  }

  static func varint(_ bytes: ArraySlice<UInt8>, _ position: inout Int) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < bytes.endIndex else { return nil }
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}

/// Numbers of a few bits one behind another, lowest bits first.
struct BitPacker {
  private var word: UInt64 = 0
  private var used = 0

  /// - Parameter bitWidth: 0 ... 64; `value` has no higher bits.
  mutating func append(_ value: UInt64, _ bitWidth: Int, into out: inout OutputBuffer) {
    word |= value << UInt64(used)
    used += bitWidth
    if used >= 64 {
      out.writeInteger(word)
      used -= 64
      // The bits that did not fit; a shift of 64 gives 0.
      word = value >> UInt64(bitWidth - used)
    }
  }

  /// Writes the bytes that hold the last bits.
  mutating func end(into out: inout OutputBuffer) {
    while used > 0 {
      out.writeByte(UInt8(truncatingIfNeeded: word))
      word >>= 8
      used -= 8
    }
    word = 0
    used = 0
  }
}

/// Reads what ``BitPacker`` wrote.
struct BitUnpacker {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private var word: UInt64 = 0
  private var filled = 0

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// - Parameter bitWidth: 0 ... 64
  mutating func next(_ bitWidth: Int) -> UInt64? {
    var value: UInt64 = 0
    var got = 0
    while got < bitWidth {
      if filled == 0 {
        guard position < bytes.endIndex else { return nil }
        word = UInt64(bytes[position])
        position += 1
        filled = 8
      }
      let count = min(bitWidth - got, filled)
      value |= (word & ((1 << UInt64(count)) - 1)) << UInt64(got)
      word >>= UInt64(count)
      filled -= count
      got += count
    }
    return value
  }
}
