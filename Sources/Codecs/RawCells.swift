internal import Bytes
internal import Model

/// Cells as they are, 8 bytes each: what a column of noise falls back to, so that no chunk is
/// longer than its values by more than the codec byte.
enum RawCells {
  static func byteCount(_ count: Int) -> Int { 1 + 8 * count }

  static func encode(_ cells: Span<Cell>, into buffer: inout OutputBuffer) {
    buffer.writeByte(ChunkCodec.raw.rawValue)
    buffer.writeWords(cells)
  }

  @_lifetime(target: copy target)
  static func decode(
    _ payload: Span<UInt8>,
    into target: inout OutputSpan<Cell>
  ) throws(ChunkError) {
    let count = target.freeCapacity
    guard payload.count >= 8 * count else { throw .truncated }
    guard payload.count == 8 * count else { throw .trailing }
    var reader = BitReader(payload)
    for _ in 0..<count { target.append(reader.readWide(64)) }
  }
}
