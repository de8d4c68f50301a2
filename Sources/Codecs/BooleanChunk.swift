internal import Bytes
internal import Model

/// Booleans, one bit each, the first in the lowest bit (docs/format/chunk.md, "bits").
enum BooleanChunk {
  static func encode(_ cells: Span<Cell>, into buffer: inout OutputBuffer) {
    if ConstantCell.isConstant(cells) {
      return ConstantCell.encode(cells[0], type: .boolean, into: &buffer)
    }
    buffer.writeByte(ChunkCodec.bits.rawValue)
    var bits = BitWriter(consume buffer, bitCountMax: cells.count)
    for index in cells.indices {
      precondition(cells[index] <= 1, "a boolean cell is 0 or 1")
      bits.write(cells[index], 1)
    }
    buffer = bits.finish()
  }

  @_lifetime(target: copy target)
  static func decode(
    _ payload: Span<UInt8>,
    into target: inout OutputSpan<Cell>
  ) throws(ChunkError) {
    guard payload.count * 8 >= target.freeCapacity else { throw .truncated }
    var reader = BitReader(payload)
    while target.freeCapacity > 0 { target.append(reader.read(1)) }
    guard reader.isAtPaddedEnd else { throw .trailing }
  }
}
