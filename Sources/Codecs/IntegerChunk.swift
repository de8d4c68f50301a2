internal import Bytes
internal import Model

/// Signed and unsigned integers as differences from their neighbour, taken modulo 2^64
/// (docs/format/chunk.md, "packed delta" and "varint delta").
///
///     packed delta := | first: zigzag varint | base: zigzag varint | width u8 | bits |
///     varint delta := | first: zigzag varint | difference: zigzag varint | ...
///
/// - `base`: the smallest difference, signed. Packed is what a difference has above it, so that a
///   steady counter costs a header.
/// - `width`: bits of each packed difference, 0 ... 64.
///
/// One far outlier (a counter's reset) widens every packed difference: then varints are shorter.
enum IntegerChunk {
  static func encode(_ cells: Span<Cell>, into buffer: inout OutputBuffer) {
    if ConstantCell.isConstant(cells) {
      return ConstantCell.encode(cells[0], type: .integer, into: &buffer)
    }
    let base = smallestDifference(cells)
    var union: UInt64 = 0
    var varintByteCount = 0
    for index in 1..<cells.count {
      let difference = unsafe cells[unchecked: index] &- cells[unchecked: index &- 1]
      union |= difference &- UInt64(bitPattern: base)
      varintByteCount &+= varintLength(ZigZag.encode(Int64(bitPattern: difference)))
    }
    let width = 64 - union.leadingZeroBitCount
    let packedByteCount =
      varintLength(ZigZag.encode(base)) + 1 + (width * (cells.count - 1) + 7) / 8

    let start = buffer.count
    if packedByteCount <= varintByteCount {
      buffer.writeByte(ChunkCodec.packedDelta.rawValue)
      buffer.writeSignedVarint(Int64(bitPattern: cells[0]))
      buffer.writeSignedVarint(base)
      buffer.writeByte(UInt8(width))
      writePacked(cells, base, width, into: &buffer)
    } else {
      buffer.writeByte(ChunkCodec.varintDelta.rawValue)
      buffer.writeSignedVarint(Int64(bitPattern: cells[0]))
      for index in 1..<cells.count {
        let difference = unsafe cells[unchecked: index] &- cells[unchecked: index &- 1]
        buffer.writeSignedVarint(Int64(bitPattern: difference))
      }
    }
    if buffer.count - start >= RawCells.byteCount(cells.count) {
      buffer.truncate(to: start)
      RawCells.encode(cells, into: &buffer)
    }
  }

  private static func writePacked(
    _ cells: Span<Cell>,
    _ base: Int64,
    _ width: Int,
    into buffer: inout OutputBuffer
  ) {
    var bits = BitWriter(consume buffer, bitCountMax: width * cells.count)
    let step = UInt64(bitPattern: base)
    for index in 1..<cells.count {
      let difference = unsafe cells[unchecked: index] &- cells[unchecked: index &- 1]
      bits.writeWide(difference &- step, width)
    }
    buffer = bits.finish()
  }

  private static func smallestDifference(_ cells: Span<Cell>) -> Int64 {
    var smallest = Int64.max
    for index in 1..<cells.count {
      let difference = unsafe cells[unchecked: index] &- cells[unchecked: index &- 1]
      smallest = min(smallest, Int64(bitPattern: difference))
    }
    return smallest
  }

  @inline(__always)
  private static func varintLength(_ value: UInt64) -> Int {
    (70 &- (value | 1).leadingZeroBitCount) / 7
  }

  @_lifetime(target: copy target)
  static func decodePacked(
    _ payload: Span<UInt8>,
    into target: inout OutputSpan<Cell>
  ) throws(ChunkError) {
    var head = ByteReader(payload)
    guard let first = head.readSignedVarint(), let base = head.readSignedVarint(),
      let widthByte = head.readByte()
    else { throw .truncated }
    let width = Int(widthByte)
    guard width <= 64 else { throw .malformed(.width) }
    let packed = payload.extracting(droppingFirst: head.offset)
    let byteCount = (width * (target.freeCapacity - 1) + 7) / 8
    guard packed.count >= byteCount else { throw .truncated }
    guard packed.count == byteCount else { throw .trailing }

    var reader = BitReader(packed)
    var cell = UInt64(bitPattern: first)
    let step = UInt64(bitPattern: base)
    target.append(cell)
    if width <= BitWriter.fieldBitCountMax {
      while target.freeCapacity > 0 {
        cell = cell &+ step &+ reader.read(width)
        target.append(cell)
      }
    } else {
      while target.freeCapacity > 0 {
        cell = cell &+ step &+ reader.readWide(width)
        target.append(cell)
      }
    }
    guard reader.isAtPaddedEnd else { throw .trailing }
  }

  @_lifetime(target: copy target)
  static func decodeVarints(
    _ payload: Span<UInt8>,
    into target: inout OutputSpan<Cell>
  ) throws(ChunkError) {
    var reader = ByteReader(payload)
    guard let first = reader.readSignedVarint() else { throw .truncated }
    var cell = UInt64(bitPattern: first)
    target.append(cell)
    while target.freeCapacity > 0 {
      guard let difference = reader.readSignedVarint() else { throw .truncated }
      cell &+= UInt64(bitPattern: difference)
      target.append(cell)
    }
    guard reader.remaining == 0 else { throw .trailing }
  }
}
