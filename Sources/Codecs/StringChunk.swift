internal import Bytes
internal import Model

/// Strings: one for all, a dictionary with packed indexes, or one after another; whichever is
/// shortest (docs/format/chunk.md, "constant", "dictionary" and "strings").
///
///     constant   := | bytes, to the end of the chunk |
///     dictionary := | distinct count varint | lengths: varints | bytes | indexes, packed |
///     strings    := | lengths: varints | bytes |
///
/// An index takes the bits that the largest one needs. Lengths come before bytes, so that a decoder
/// copies all text in one piece.
enum StringChunk {
  static func encode(_ cells: Span<Cell>, strings: StringArena, into buffer: inout OutputBuffer) {
    let dictionary = StringDictionary(cells, strings)
    if dictionary.distinct.count == 1 {
      buffer.writeByte(ChunkCodec.constant.rawValue)
      buffer.writeBytes(StringDictionary.bytes(cells[0], strings))
      return
    }
    if dictionary.byteCount < dictionary.plainByteCount {
      buffer.writeByte(ChunkCodec.dictionary.rawValue)
      buffer.writeVarint(UInt64(dictionary.distinct.count))
      writeStrings(dictionary.distinct.span, strings, into: &buffer)
      let width = dictionary.indexBitCount
      var bits = BitWriter(consume buffer, bitCountMax: width * cells.count)
      for index in dictionary.indexes { bits.write(UInt64(index), width) }
      buffer = bits.finish()
    } else {
      buffer.writeByte(ChunkCodec.strings.rawValue)
      writeStrings(cells, strings, into: &buffer)
    }
  }

  private static func writeStrings(
    _ cells: Span<Cell>,
    _ strings: StringArena,
    into buffer: inout OutputBuffer
  ) {
    for index in cells.indices { buffer.writeVarint(cells[index] & 0xffff_ffff) }
    for index in cells.indices { buffer.writeBytes(StringDictionary.bytes(cells[index], strings)) }
  }

  @_lifetime(target: copy target)
  static func decodeConstant(
    _ payload: Span<UInt8>,
    into target: inout OutputSpan<Cell>,
    _ strings: inout StringArena
  ) throws(ChunkError) {
    guard let cell = strings.append(payload) else { throw .stringsTooLong }
    target.append(repeating: cell, count: target.freeCapacity)
  }

  @_lifetime(target: copy target)
  static func decodeAll(
    _ payload: Span<UInt8>,
    into target: inout OutputSpan<Cell>,
    _ strings: inout StringArena
  ) throws(ChunkError) {
    var cells: [Cell] = []
    let end = try readStrings(payload, from: 0, count: target.freeCapacity, &cells, &strings)
    guard end == payload.count else { throw .trailing }
    for cell in cells { target.append(cell) }
  }

  @_lifetime(target: copy target)
  static func decodeDictionary(
    _ payload: Span<UInt8>,
    into target: inout OutputSpan<Cell>,
    _ strings: inout StringArena
  ) throws(ChunkError) {
    var head = ByteReader(payload)
    guard let distinctCount = head.readVarint() else { throw .truncated }
    guard distinctCount >= 2, distinctCount <= UInt64(target.freeCapacity) else {
      throw .malformed(.distinctCount)
    }
    var distinct: [Cell] = []
    let end = try readStrings(
      payload,
      from: head.offset,
      count: Int(distinctCount),
      &distinct,
      &strings
    )
    let width = StringDictionary.indexBitCount(distinctCount: distinct.count)
    var bits = BitReader(payload.extracting(droppingFirst: end))
    while target.freeCapacity > 0 {
      let index = Int(bits.read(width))
      guard index < distinct.count else { throw .malformed(.index) }
      target.append(distinct[index])
    }
    guard !bits.isOverrun else { throw .truncated }
    guard bits.isAtPaddedEnd else { throw .trailing }
  }

  /// Reads `count` lengths and the text behind them into `strings`; returns where the text ends.
  private static func readStrings(
    _ payload: Span<UInt8>,
    from start: Int,
    count: Int,
    _ cells: inout [Cell],
    _ strings: inout StringArena
  ) throws(ChunkError) -> Int {
    var reader = ByteReader(payload.extracting(droppingFirst: start))
    cells.reserveCapacity(count)
    var total: UInt64 = 0
    for _ in 0..<count {
      guard let length = reader.readVarint() else { throw .truncated }
      guard length <= UInt64(payload.count) else { throw .malformed(.length) }
      // At most 2^16 lengths of less than 2^47 bytes each: no overflow.
      cells.append(total << 32 | length)
      total += length
      guard total <= UInt64(payload.count) else { throw .truncated }
    }
    let textStart = start + reader.offset
    guard UInt64(payload.count - textStart) >= total else { throw .truncated }
    let text = payload.extracting(textStart..<textStart + Int(total))
    guard let whole = strings.append(text) else { throw .stringsTooLong }
    // Only the offset moves: the arena bounds offset and length to 32 bits each.
    let base = whole & ~0xffff_ffff
    for index in cells.indices { cells[index] &+= base }
    return textStart + Int(total)
  }
}
