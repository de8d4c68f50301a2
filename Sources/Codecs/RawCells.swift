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

  static func decode(_ payload: Span<UInt8>, into words: Words) throws(ChunkError) {
    guard payload.count >= 8 * words.count else { throw .truncated }
    guard payload.count == 8 * words.count else { throw .trailing }
    try PackedFields.unpack(payload, width: 64, base: 0, into: words)
  }
}
