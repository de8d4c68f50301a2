public import Bytes
public import Model

/// One column of one chunk group: a codec byte and a payload (docs/format/chunk.md).
///
/// The number of values is not in the chunk: the group's head has it, once for all its columns. The
/// length is not in it either: the group's head says where each chunk ends. A chunk decodes alone,
/// bit for bit to what was encoded, NaN payloads and the sign of zero included.
public enum ColumnChunk {
  /// Values of one chunk; the group's head counts rows in 16 bits.
  public static let valueCountMax = Int(UInt16.max)

  /// Appends `cells` as one chunk, in the codec that suits them; see ``ColumnEncoder``, which is
  /// faster from the second chunk on.
  public static func encode(
    _ cells: Span<Cell>,
    type: ColumnType,
    strings: StringArena,
    strength: ChunkStrength = .head,
    into buffer: inout OutputBuffer
  ) {
    var encoder = ColumnEncoder(strength: strength)
    var hint = ColumnHint()
    encoder.encode(cells, type: type, strings: strings, hint: &hint, into: &buffer)
  }

  /// What the encoder's choice is compared with.
  public enum Yardstick: Sendable {
    /// XOR with the value before.
    case gorilla
    /// The values as they are, compressed.
    case zstd
  }

  /// Appends floats as one chunk in a codec that is not the encoder's choice: for benchmarks.
  public static func encode(
    _ cells: Span<Cell>,
    yardstick: Yardstick,
    into buffer: inout OutputBuffer
  ) {
    precondition(cells.count >= 1)
    precondition(cells.count <= valueCountMax)
    switch yardstick {
    case .gorilla: XorChunk.encode(cells, into: &buffer)
    case .zstd:
      var words = OutputBuffer(reserving: cells.count * 8)
      words.writeWords(cells)
      var encoder = ZstdEncoder()
      buffer.writeByte(ChunkCodec.zstd.rawValue)
      precondition(encoder.encode(words, into: &buffer), "no memory")
    }
  }

  /// Decodes a whole chunk of `count` values.
  ///
  /// No byte pattern can trap here.
  ///
  /// - Parameters:
  ///   - count: 1 ... ``valueCountMax``, from the group's head.
  ///   - strings: gets the bytes of string cells, each distinct one once when the chunk has a
  ///     dictionary.
  /// - Throws: ``ChunkError`` unless `bytes` holds exactly that many values of `type`.
  public static func decode(
    _ bytes: Span<UInt8>,
    type: ColumnType,
    count: Int,
    strings: inout StringArena
  ) throws(ChunkError) -> [Cell] {
    try [Cell](capacity: count) { (target: inout OutputSpan<Cell>) throws(ChunkError) in
      try decode(bytes, type: type, into: &target, strings: &strings)
    }
  }

  /// Fills `target`, which is empty and has room for exactly the chunk's values.
  ///
  /// - Throws: ``ChunkError``; what `target` then holds is unspecified.
  @_lifetime(target: copy target)
  public static func decode(
    _ bytes: Span<UInt8>,
    type: ColumnType,
    into target: inout OutputSpan<Cell>,
    strings: inout StringArena
  ) throws(ChunkError) {
    precondition(target.isEmpty)
    precondition(target.freeCapacity >= 1 && target.freeCapacity <= valueCountMax)
    var reader = ChunkReader(bytes)
    let first = try firstByte(&reader, type: type, count: target.freeCapacity)
    var failure: ChunkError?
    unsafe target.withUnsafeMutableBufferPointer { buffer, initializedCount in
      guard let base = buffer.baseAddress else { return }
      let words = unsafe Words(base, count: buffer.count)
      do throws(ChunkError) {
        if type == .string {
          try StringChunk.decode(first, &reader, into: words, &strings)
        } else {
          try decodeNumbers(first, &reader, type: type, into: words)
        }
        try reader.expectEnd()
        // Every decoder fills all words before it looks at any.
        initializedCount = buffer.count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  /// Decodes the values of some rows of a chunk of `count` values, and of others only what those
  /// need.
  ///
  /// - Parameter rows: some of 0 ..< `count`, not empty.
  /// - Throws: ``ChunkError`` as ``decode(_:type:count:strings:)`` does, unless the damage lies in
  ///   what was passed over.
  /// - Complexity: a chunk of plain integers or decimals is unpacked in pieces of 128 values, one
  ///   of differences up to the last row; of strings only those of the rows are copied
  ///   (``StringLayout``); chunks of other codecs are decoded whole.
  public static func decode(
    _ bytes: Span<UInt8>,
    type: ColumnType,
    count: Int,
    rows: Range<Int>,
    strings: inout StringArena
  ) throws(ChunkError) -> [Cell] {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= count)
    precondition(!rows.isEmpty)
    precondition(count <= valueCountMax)
    guard rows.count < count else {
      return try decode(bytes, type: type, count: count, strings: &strings)
    }
    if type == .string {
      return try StringLayout(bytes, count: count).decode(bytes, rows: [rows], into: &strings)
    }
    var reader = ChunkReader(bytes)
    let first = try firstByte(&reader, type: type, count: count)
    if first == ChunkCodec.constant.rawValue {
      var store = WordStore(capacity: 1)
      let words = store.words(1)
      try ConstantCell.decode(reader.rest(), type: type, into: words)
      return Array(repeating: words[0], count: rows.count)
    }
    var store = WordStore(capacity: count)
    let words = store.words(count)
    try decodeNumbers(first, &reader, type: type, rows: rows, into: words)
    try reader.expectEnd()
    return words.array(rows)
  }

  /// What a chunk of `count` numbers says of its values without being decoded; `nil` when nothing.
  ///
  /// - Throws: ``ChunkError`` when what it says cannot be.
  public static func statistics(
    of bytes: Span<UInt8>,
    type: ColumnType,
    count: Int
  ) throws(ChunkError) -> ChunkStatistics? {
    var reader = ChunkReader(bytes)
    switch ChunkCodec(firstByte: try reader.byte()) {
    case .statistics where type != .string:
      return try StatisticsCoding(&reader).statistics(type: type, count: count)
    case .constant where type != .string:
      var store = WordStore(capacity: 1)
      let words = store.words(1)
      try ConstantCell.decode(reader.rest(), type: type, into: words)
      return ChunkStatistics(constant: words[0], type: type, count: count)
    default: return nil
    }
  }

  /// The first byte of the values, behind statistics.
  private static func firstByte(
    _ reader: inout ChunkReader,
    type: ColumnType,
    count: Int
  ) throws(ChunkError) -> UInt8 {
    let first = try reader.byte()
    guard first == ChunkCodec.statistics.rawValue, type != .string else { return first }
    _ = try StatisticsCoding(&reader).statistics(type: type, count: count)
    return try reader.byte()
  }

  /// Reads a chunk of numbers behind its first byte; the reader stands at its end.
  ///
  /// - Parameter rows: those whose words are wanted; `nil` for all. What the others hold is
  ///   unspecified.
  static func decodeNumbers(
    _ first: UInt8,
    _ reader: inout ChunkReader,
    type: ColumnType,
    rows: Range<Int>? = nil,
    into words: Words
  ) throws(ChunkError) {
    switch (ChunkCodec(firstByte: first), type) {
    case (.constant, _): try ConstantCell.decode(reader.rest(), type: type, into: words)
    case (.scaled, .float): try FloatChunk.decodeScaled(first, &reader, rows, into: words)
    case (.scaled, _):
      guard first & 0x1f == 0 else { throw .malformed(.exponent) }
      let isRead = rows == nil && FloatChunk.readPlain(first, &reader, power: 0, into: words)
      let rows = rows ?? 0..<words.count
      if !isRead { _ = try FloatChunk.readScaled(first, &reader, rows, into: words) }
      if type == .boolean {
        for index in rows where words[index] > 1 { throw .malformed(.value) }
      }
    case (.raw, .float), (.raw, .integer), (.raw, .unsigned):
      try RawCells.decode(reader.rest(), into: words)
    case (.xor, .float): try XorChunk.decode(reader.rest(), into: words)
    case (.fraction, .float): try FloatChunk.decodeFraction(&reader, into: words)
    case (.split, .float): try FloatChunk.decodeSplit(&reader, into: words)
    case (.binary, .float): try FloatChunk.decodeBinary(&reader, into: words)
    case (.magnitudes, .float): try FloatChunk.decodeMagnitudes(&reader, into: words)
    case (.nearlyDecimal, .float): try FloatChunk.decodeNearlyDecimal(&reader, into: words)
    case (.quotient, .float): try FloatChunk.decodeQuotient(&reader, into: words)
    case (.valueDictionary, .float), (.valueDictionary, .integer), (.valueDictionary, .unsigned):
      try FloatChunk.decodeDictionary(&reader, type: type, into: words)
    case (.zstd, .float), (.zstd, .integer), (.zstd, .unsigned):
      try ZstdFrame.decode(reader.rest(), into: words)
    default: throw .codec(first)
    }
  }
}
