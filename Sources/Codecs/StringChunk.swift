internal import Bytes
internal import Model

/// Strings, each distinct one once with indexes, or one after another; whichever is shorter
/// (docs/format/chunk.md, "constant", "dictionary" and "strings").
///
///     constant   := | bytes, to the end of the chunk |
///     dictionary := | distinct: varint | lengths: stream | bytes | indexes: stream |
///     strings    := | lengths: stream | bytes |
///     compressed := | lengths: stream | zstd frame of the bytes, to the end of the chunk |
///
/// Lengths come before bytes, so that a decoder copies all text in one piece.
enum StringChunk {
  /// The most text of a compressed chunk, so that a damaged length asks for no more.
  static let textByteCountMax = 256 << 20

  static func decode(
    _ first: UInt8,
    _ reader: inout ChunkReader,
    into words: Words,
    _ strings: inout StringArena
  ) throws(ChunkError) {
    switch ChunkCodec(firstByte: first) {
    case .constant:
      guard let cell = strings.append(reader.rest()) else { throw .stringsTooLong }
      words.fill(cell)
    case .strings: try readStrings(&reader, into: words, &strings)
    case .compressedStrings:
      try IntegerStream.read(&reader, into: words)
      let total = try place(words, limit: UInt64(textByteCountMax))
      let text = try ZstdFrame.decode(reader.rest(), byteCount: total)
      try add(text.span, to: &strings, words)
    case .dictionary:
      let distinctCount = try reader.varint()
      guard distinctCount >= 2, distinctCount <= UInt64(words.count) else {
        throw .malformed(.distinctCount)
      }
      var store = WordStore(capacity: Int(distinctCount))
      let distinct = store.words(Int(distinctCount))
      try readStrings(&reader, into: distinct, &strings)
      try IntegerStream.read(&reader, into: words)
      for index in 0..<words.count {
        let entry = words[index]
        guard entry < distinctCount else { throw .malformed(.index) }
        words[index] = distinct[Int(entry)]
      }
    default: throw .codec(first)
    }
  }

  /// Reads lengths and the text behind them into `strings`, and fills `cells`.
  private static func readStrings(
    _ reader: inout ChunkReader,
    into cells: Words,
    _ strings: inout StringArena
  ) throws(ChunkError) {
    try IntegerStream.read(&reader, into: cells)
    let total = try place(cells, limit: UInt64(reader.remaining))
    try add(try reader.take(total), to: &strings, cells)
  }

  /// Turns lengths into cells of a text that begins at 0; returns its length.
  private static func place(_ cells: Words, limit: UInt64) throws(ChunkError) -> Int {
    var total: UInt64 = 0
    for index in 0..<cells.count {
      let length = cells[index]
      guard length <= limit - total else { throw .malformed(.length) }
      cells[index] = total << 32 | length
      total += length
    }
    return Int(total)
  }

  /// Moves the text into the arena and the cells with it.
  private static func add(
    _ text: Span<UInt8>,
    to strings: inout StringArena,
    _ cells: Words
  ) throws(ChunkError) {
    guard let whole = strings.append(text) else { throw .stringsTooLong }
    // Only the offset moves: the arena bounds offset and length to 32 bits each.
    let base = whole & ~0xffff_ffff
    for index in 0..<cells.count { cells[index] &+= base }
  }
}

/// Writes string chunks.
struct StringEncoder: ~Copyable {
  private var streams = StreamEncoder()
  private var store = WordStore()
  private var frames = ZstdEncoder()
  private var text = OutputBuffer()

  mutating func encode(
    _ cells: Span<Cell>,
    strings: StringArena,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    let dictionary = StringDictionary(cells, strings)
    if dictionary.distinct.count == 1 {
      buffer.writeByte(ChunkCodec.constant.rawValue)
      buffer.writeBytes(StringDictionary.bytes(cells[0], strings))
      return
    }
    if dictionary.byteCount < dictionary.plainByteCount {
      buffer.writeByte(ChunkCodec.dictionary.rawValue)
      buffer.writeVarint(UInt64(dictionary.distinct.count))
      writeStrings(dictionary.distinct.span, strings, strength, into: &buffer)
      let words = store.words(cells.count)
      for index in cells.indices { words[index] = UInt64(dictionary.indexes[index]) }
      streams.write(words, strength, into: &buffer)
    } else {
      let isCompressed =
        strength == .cold && writeCompressed(cells, strings, strength, into: &buffer)
      if isCompressed { return }
      buffer.writeByte(ChunkCodec.strings.rawValue)
      writeStrings(cells, strings, strength, into: &buffer)
    }
  }

  /// Appends a chunk of compressed text; false, and nothing is appended, when it is not shorter.
  private mutating func writeCompressed(
    _ cells: Span<Cell>,
    _ strings: StringArena,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) -> Bool {
    text.removeAll()
    for index in cells.indices { text.writeBytes(StringDictionary.bytes(cells[index], strings)) }
    guard text.count <= StringChunk.textByteCountMax else { return false }
    let start = buffer.count
    buffer.writeByte(ChunkCodec.compressedStrings.rawValue)
    writeLengths(cells, strength, into: &buffer)
    let frameStart = buffer.count
    if frames.encode(text, into: &buffer), buffer.count - frameStart < text.count { return true }
    buffer.truncate(to: start)
    return false
  }

  private mutating func writeLengths(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    let words = store.words(cells.count)
    for index in cells.indices { words[index] = cells[index] & 0xffff_ffff }
    streams.write(words, strength, into: &buffer)
  }

  private mutating func writeStrings(
    _ cells: Span<Cell>,
    _ strings: StringArena,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    writeLengths(cells, strength, into: &buffer)
    for index in cells.indices { buffer.writeBytes(StringDictionary.bytes(cells[index], strings)) }
  }
}
