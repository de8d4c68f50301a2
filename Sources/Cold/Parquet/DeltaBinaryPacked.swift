internal import Bytes

/// Integers as packed differences: for timestamps and counters.
///
///     head  := varint 128 | varint 4 | varint count | zigzag first
///     block := zigzag least difference | 4 bit widths | 4 * 32 differences above the least
enum DeltaBinaryPacked {
  private static let blockCount = 128
  private static let miniCount = 4
  private static let miniValueCount = 32

  static func encode(_ cells: Span<UInt64>, into out: inout OutputBuffer) {
    out.writeVarint(UInt64(blockCount))
    out.writeVarint(UInt64(miniCount))
    out.writeVarint(UInt64(cells.count))
    out.writeSignedVarint(cells.isEmpty ? 0 : Int64(bitPattern: cells[0]))
    var deltas = [UInt64](repeating: 0, count: blockCount)
    var start = 1
    while start < cells.count {
      let count = min(blockCount, cells.count - start)
      var least = Int64.max
      for index in 0..<count {
        let delta = cells[start + index] &- cells[start + index - 1]
        deltas[index] = delta
        least = min(least, Int64(bitPattern: delta))
      }
      out.writeSignedVarint(least)
      for index in 0..<count { deltas[index] &-= UInt64(bitPattern: least) }
      let minis = (count + miniValueCount - 1) / miniValueCount
      var widths = [0, 0, 0, 0]
      for mini in 0..<miniCount {
        var all: UInt64 = 0
        for index in mini * miniValueCount..<max(mini * miniValueCount, min(count, (mini + 1) * 32))
        { all |= deltas[index] }
        widths[mini] = 64 - all.leadingZeroBitCount
        out.writeByte(UInt8(widths[mini]))
      }
      for mini in 0..<minis {
        var packer = BitPacker()
        for index in mini * miniValueCount..<(mini + 1) * miniValueCount {
          packer.append(index < count ? deltas[index] : 0, widths[mini], into: &out)
        }
        packer.end(into: &out)
      }
      start += count
    }
  }

  /// - Parameter countMax: more is refused.
  /// - Returns: `nil` when the bytes run out or make no sense.
  static func decode(_ bytes: ArraySlice<UInt8>, countMax: Int) -> [UInt64]? {
    var position = bytes.startIndex
    guard let block = RunLengthHybrid.varint(bytes, &position),
      let minis = RunLengthHybrid.varint(bytes, &position),
      let count = RunLengthHybrid.varint(bytes, &position),
      let first = RunLengthHybrid.varint(bytes, &position),
      block >= 128, block <= 1 << 16, block % 128 == 0, minis > 0, block % minis == 0,
      (block / minis) % 32 == 0, count <= UInt64(countMax)
    else { return nil }
    guard count > 0 else { return [] }
    var value = UInt64(bitPattern: ZigZag.decode(first))
    var cells = [value]
    cells.reserveCapacity(Int(count))
    let perMini = Int(block / minis)
    while cells.count < Int(count) {
      guard let least = RunLengthHybrid.varint(bytes, &position),
        bytes.endIndex - position >= Int(minis)
      else { return nil }
      let widths = bytes[position..<position + Int(minis)]
      position += Int(minis)
      for width in widths where cells.count < Int(count) {
        let byteCount = perMini * Int(width) / 8
        guard width <= 64, bytes.endIndex - position >= byteCount else { return nil }
        var unpacker = BitUnpacker(bytes[position..<position + byteCount])
        position += byteCount
        for _ in 0..<min(perMini, Int(count) - cells.count) {
          guard let delta = unpacker.next(Int(width)) else { return nil }
          value = value &+ delta &+ UInt64(bitPattern: ZigZag.decode(least))
          cells.append(value)
        }
      }
    }
    return cells
  }
}
