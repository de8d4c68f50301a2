internal import Bytes
public import Model

/// Where the strings of a chunk lie and how long each is: what can be known without their text.
///
/// Lets a caller count the bytes of some rows before it decodes them, and decode those alone.
public struct StringLayout: Sendable {
  private enum Form { case one, plain, compressed, distinct }

  /// Byte counts of the stored strings: the one of a constant, the distinct ones of a dictionary,
  /// else one for each value.
  public let byteCounts: [UInt32]
  /// Which stored string each value is; empty when each has its own, or all have one.
  private let indexes: [UInt16]
  /// Bytes of all stored strings.
  public let textByteCount: Int
  private let form: Form
  private let count: Int
  private let chunkByteCount: Int
  /// Where the text, or its frame, lies in the chunk.
  private let text: Range<Int>

  /// Whether values may share a stored string.
  public var isShared: Bool { form == .one || form == .distinct }

  /// Reads the layout of a string chunk of `count` values.
  ///
  /// - Throws: ``ChunkError``; a frame is not looked at.
  /// - Complexity: 1 to 10 ns a value, whatever the text.
  public init(_ chunk: Span<UInt8>, count: Int) throws(ChunkError) {
    try self.init(start: chunk, byteCount: chunk.count, count: count)
  }

  /// Bytes of a chunk with which ``init(start:byteCount:count:)`` surely has all lengths.
  public static let startByteCountMax = 1 << 20

  /// Whether a layout needs the whole chunk: a dictionary's indexes come behind its text.
  public static func needsAll(_ chunk: Span<UInt8>) -> Bool {
    chunk.isEmpty || ChunkCodec(firstByte: chunk[0]) == .dictionary
  }

  /// Reads the layout of a chunk of `byteCount` bytes from its first ones.
  ///
  /// - Parameter chunk: all of it when ``needsAll(_:)``, else ``startByteCountMax`` of it or all.
  public init(
    start chunk: Span<UInt8>,
    byteCount chunkByteCount: Int,
    count: Int
  ) throws(ChunkError) {
    precondition(count >= 1 && count <= ColumnChunk.valueCountMax)
    precondition(chunk.count <= chunkByteCount)
    self.count = count
    self.chunkByteCount = chunkByteCount
    var reader = ChunkReader(chunk)
    let first = try reader.byte()
    var indexes: [UInt16] = []
    switch ChunkCodec(firstByte: first) {
    case .constant:
      form = .one
      text = 1..<chunkByteCount
      guard text.count <= StringArena.byteCountMax else { throw .stringsTooLong }
      byteCounts = [UInt32(text.count)]
      textByteCount = text.count
    case .strings:
      form = .plain
      byteCounts = try Self.lengths(&reader, count)
      textByteCount = try Self.sum(byteCounts, limit: chunkByteCount - reader.position)
      text = reader.position..<reader.position + textByteCount
      guard text.upperBound == chunkByteCount else { throw .trailing }
    case .compressedStrings:
      form = .compressed
      byteCounts = try Self.lengths(&reader, count)
      textByteCount = try Self.sum(byteCounts, limit: StringChunk.textByteCountMax)
      text = reader.position..<chunkByteCount
    case .dictionary:
      form = .distinct
      let distinctCount = try reader.varint()
      guard distinctCount >= 2, distinctCount <= UInt64(count) else {
        throw .malformed(.distinctCount)
      }
      byteCounts = try Self.lengths(&reader, Int(distinctCount))
      textByteCount = try Self.sum(byteCounts, limit: reader.remaining)
      text = reader.position..<reader.position + textByteCount
      _ = try reader.take(textByteCount)
      var store = WordStore(capacity: count)
      let words = store.words(count)
      try IntegerStream.read(&reader, into: words)
      try reader.expectEnd()
      indexes.reserveCapacity(count)
      for index in 0..<count {
        guard words[index] < distinctCount else { throw .malformed(.index) }
        indexes.append(UInt16(truncatingIfNeeded: words[index]))
      }
    default: throw .codec(first)
    }
    self.indexes = indexes
  }

  private static func lengths(
    _ reader: inout ChunkReader,
    _ count: Int
  ) throws(ChunkError) -> [UInt32] {
    var store = WordStore(capacity: count)
    let words = store.words(count)
    try IntegerStream.read(&reader, into: words)
    var lengths: [UInt32] = []
    lengths.reserveCapacity(count)
    for index in 0..<count {
      guard let length = UInt32(exactly: words[index]) else { throw .malformed(.length) }
      lengths.append(length)
    }
    return lengths
  }

  private static func sum(_ lengths: [UInt32], limit: Int) throws(ChunkError) -> Int {
    // At most 2^16 lengths of 32 bits.
    let sum = lengths.reduce(0) { $0 + Int($1) }
    guard sum <= min(limit, StringArena.byteCountMax) else { throw .malformed(.length) }
    return sum
  }

  /// The place of a value's string among the stored ones.
  public func index(of row: Int) -> Int {
    switch form {
    case .one: 0
    case .plain, .compressed: row
    case .distinct: Int(indexes[row])
    }
  }

  /// Bytes that ``decode(_:rows:into:)`` adds to an arena.
  ///
  /// - Parameter rows: ascending and apart.
  public func byteCount(of rows: [Range<Int>]) -> Int {
    switch form {
    case .one: rows.isEmpty ? 0 : textByteCount
    case .plain, .compressed:
      rows.reduce(0) { sum, rows in byteCounts[rows].reduce(sum) { $0 + Int($1) } }
    case .distinct: storedIndexes(of: rows).reduce(0) { $0 + Int(byteCounts[$1]) }
    }
  }

  /// The stored strings of some rows, each once, ascending.
  private func storedIndexes(of rows: [Range<Int>]) -> [Int] {
    var isWanted = [Bool](repeating: false, count: byteCounts.count)
    for range in rows { for row in range { isWanted[Int(indexes[row])] = true } }
    return isWanted.indices.filter { isWanted[$0] }
  }

  /// Decodes some rows, and copies the text of no others.
  ///
  /// - Parameters:
  ///   - chunk: whose layout this is.
  ///   - rows: ascending and apart, in the chunk.
  ///   - strings: gets the bytes, each distinct string of a dictionary once.
  /// - Throws: ``ChunkError``, unless the damage lies in what was passed over.
  /// - Complexity: a frame is decompressed up to the last row; one of more than 1 MiB piece by
  ///   piece.
  public func decode(
    _ chunk: Span<UInt8>,
    rows: [Range<Int>],
    into strings: inout StringArena
  ) throws(ChunkError) -> [Cell] {
    precondition(rows.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= count })
    precondition(chunk.count == chunkByteCount)
    let text = chunk.extracting(self.text)
    let valueCount = rows.reduce(0) { $0 + $1.count }
    guard valueCount > 0 else { return [] }
    switch form {
    case .one:
      guard let cell = strings.append(text) else { throw .stringsTooLong }
      return Array(repeating: cell, count: valueCount)
    case .plain:
      let pieces = self.pieces(of: rows)
      let base = strings.bytes.count
      for piece in pieces {
        guard strings.append(text.extracting(piece)) != nil else { throw .stringsTooLong }
      }
      return cells(of: rows, valueCount, from: base)
    case .compressed:
      let base = strings.bytes.count
      let pieces = self.pieces(of: rows)
      try ZstdFrame.decode(text, byteCount: textByteCount, pieces: pieces, into: &strings)
      return cells(of: rows, valueCount, from: base)
    case .distinct: return try distinct(text, rows, valueCount, &strings)
    }
  }

  /// The same for neighbouring rows of a chunk that is not in memory as a whole.
  ///
  /// - Parameters:
  ///   - bytes: gives bytes of the chunk; `nil` ends the decoding with ``ChunkError/truncated``.
  ///     It is asked for no more than the text of the rows or ``startByteCountMax`` at once.
  /// - Precondition: not of a dictionary.
  public func decode(
    rows: Range<Int>,
    into strings: inout StringArena,
    _ bytes: (Range<Int>) -> [UInt8]?
  ) throws(ChunkError) -> [Cell] {
    precondition(form != .distinct)
    precondition(rows.lowerBound >= 0 && rows.upperBound <= count)
    let base = strings.bytes.count
    let piece = pieces(of: [rows])[0]
    switch form {
    case .one, .distinct:
      guard let found = bytes(text), found.count == text.count else { throw .truncated }
      guard let cell = strings.append(found) else { throw .stringsTooLong }
      return Array(repeating: cell, count: rows.count)
    case .plain:
      let place = text.lowerBound + piece.lowerBound..<text.lowerBound + piece.upperBound
      guard let found = bytes(place), found.count == place.count else { throw .truncated }
      guard strings.append(found) != nil else { throw .stringsTooLong }
    case .compressed:
      try ZstdFrame.decode(piece, into: &strings) { position in
        let place = text.dropFirst(position).prefix(Self.startByteCountMax)
        return place.isEmpty ? nil : bytes(place)
      }
    }
    return cells(of: [rows], rows.count, from: base)
  }

  /// Where the text of each range of rows lies.
  private func pieces(of rows: [Range<Int>]) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    pieces.reserveCapacity(rows.count)
    var (row, offset) = (0, 0)
    if form == .one { return rows.map { _ in 0..<textByteCount } }
    for range in rows {
      offset = byteCounts[row..<range.lowerBound].reduce(offset) { $0 + Int($1) }
      let end = byteCounts[range].reduce(offset) { $0 + Int($1) }
      pieces.append(offset..<end)
      (row, offset) = (range.upperBound, end)
    }
    return pieces
  }

  /// Cells of strings that lie in an arena one after another.
  private func cells(of rows: [Range<Int>], _ count: Int, from base: Int) -> [Cell] {
    var cells: [Cell] = []
    var base = base
    cells.reserveCapacity(count)
    for range in rows {
      for byteCount in byteCounts[range] {
        cells.append(UInt64(base) << 32 | UInt64(byteCount))
        base += Int(byteCount)
      }
    }
    return cells
  }

  private func distinct(
    _ text: Span<UInt8>,
    _ rows: [Range<Int>],
    _ count: Int,
    _ strings: inout StringArena
  ) throws(ChunkError) -> [Cell] {
    var stored = [Cell](repeating: 0, count: byteCounts.count)
    var (next, offset) = (0, 0)
    for index in storedIndexes(of: rows) {
      offset = byteCounts[next..<index].reduce(offset) { $0 + Int($1) }
      let end = offset + Int(byteCounts[index])
      guard let cell = strings.append(text.extracting(offset..<end)) else {
        throw .stringsTooLong
      }
      stored[index] = cell
      (next, offset) = (index + 1, end)
    }
    var cells: [Cell] = []
    cells.reserveCapacity(count)
    for range in rows { for row in range { cells.append(stored[Int(indexes[row])]) } }
    return cells
  }
}
