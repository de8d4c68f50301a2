internal import Bytes

/// Values of a page in the encodings that need no more than a loop.
enum ValueCoding {
  static func plainBits(_ cells: Span<UInt64>, into out: inout OutputBuffer) {
    var packer = BitPacker()
    for index in cells.indices { packer.append(cells[index] & 1, 1, into: &out) }
    packer.end(into: &out)
  }

  static func plainString(_ value: ArraySlice<UInt8>, into out: inout OutputBuffer) {
    out.writeInteger(UInt32(value.count))
    out.writeBytes(value)
  }

  /// The first bytes of all values, then the second ones and so on: signs and exponents lie
  /// together.
  static func split(_ cells: Span<UInt64>, into out: inout OutputBuffer) {
    for stream in 0..<8 {
      let shift = UInt64(8 * stream)
      out.reserve(cells.count)
      var index = 0
      while index + 8 <= cells.count {
        var word: UInt64 = 0
        for place in 0..<8 {
          word |= (cells[index + place] >> shift & 0xff) << UInt64(8 * place)
        }
        out.writeInteger(word)
        index += 8
      }
      while index < cells.count {
        out.writeByte(UInt8(truncatingIfNeeded: cells[index] >> shift))
        index += 1
      }
    }
  }

  static func decodeSplit(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt64]? {
    guard bytes.count == count * 8 else { return nil }
    var cells = [UInt64](repeating: 0, count: count)
    for stream in 0..<8 {
      let start = bytes.startIndex + stream * count
      for index in 0..<count { cells[index] |= UInt64(bytes[start + index]) << UInt64(8 * stream) }
    }
    return cells
  }

  static func decodeWords(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt64]? {
    guard bytes.count == count * 8 else { return nil }
    var reader = ByteReader(bytes.span)
    var cells: [UInt64] = []
    cells.reserveCapacity(count)
    while let cell = reader.readInteger(UInt64.self) { cells.append(cell) }
    return cells
  }

  static func decodeBits(_ bytes: ArraySlice<UInt8>, count: Int) -> [UInt64]? {
    guard bytes.count == (count + 7) / 8 else { return nil }
    return (0..<count).map { UInt64(bytes[bytes.startIndex + $0 >> 3] >> UInt8($0 & 7) & 1) }
  }

  /// Where each of `count` strings lies in `bytes`.
  static func decodeStrings(_ bytes: ArraySlice<UInt8>, count: Int) -> [Range<Int>]? {
    // A string has four bytes at least.
    guard bytes.count / 4 >= count else { return nil }
    var ranges: [Range<Int>] = []
    ranges.reserveCapacity(count)
    var position = bytes.startIndex
    for _ in 0..<count {
      guard bytes.endIndex - position >= 4 else { return nil }
      let length = (0..<4).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
      position += 4
      guard bytes.endIndex - position >= length else { return nil }
      ranges.append(position..<position + length)
      position += length
    }
    return position == bytes.endIndex ? ranges : nil
  }
}
