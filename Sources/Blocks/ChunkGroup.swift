internal import Bytes
internal import Codecs
internal import Model
internal import Platform

/// One whole chunk group in memory, its checksum verified.
struct ChunkGroup {
  let head: ChunkGroupHead
  let directory: ChunkGroupDirectory
  private let bytes: [UInt8]

  /// - Parameter bytes: exactly the group.
  /// - Throws: ``BlockError`` about `.group`.
  init(_ bytes: [UInt8]) throws(BlockError) {
    head = try ChunkGroupHead(bytes.span)
    guard bytes.count == head.byteCount else { throw .truncated(.group) }
    let body = bytes.span.extracting(droppingFirst: ChunkGroupHead.checkedStart)
    guard CRC32C.checksum(body) == head.bodyChecksum else { throw .checksum(.group) }
    directory = try ChunkGroupDirectory(head, bytes.span)
    self.bytes = bytes
  }

  /// Appends the group as it is.
  func write(into buffer: inout OutputBuffer) { buffer.writeBytes(bytes.span) }

  /// Appends the group as it is to a file.
  func write(to file: any AppendFile) throws(SystemError) {
    try file.append(bytes)
  }

  func timestamps() throws(BlockError) -> [Timestamp] {
    try Self.timestamps(bytes.span.extracting(directory.timestamps), count: head.rowCount)
  }

  func column(
    _ column: ChunkGroupDirectory.Column,
    strings: inout StringArena
  ) throws(BlockError) -> [Cell] {
    try Self.cells(bytes.span.extracting(column.chunk), column, head.rowCount, &strings)
  }

  /// Appends the cells of a whole column.
  func append(
    _ column: ChunkGroupDirectory.Column,
    to cells: inout [Cell],
    strings: inout StringArena
  ) throws(BlockError) {
    let chunk = bytes.span.extracting(column.chunk)
    do {
      try cells.append(addingCapacity: head.rowCount) {
        (target: inout OutputSpan<Cell>) throws(ChunkError) in
        try ColumnChunk.decode(chunk, type: column.type, into: &target, strings: &strings)
      }
    } catch { throw .chunk(column.field, error) }
  }

  /// Where the strings of a column lie.
  func layout(_ column: ChunkGroupDirectory.Column) throws(BlockError) -> StringLayout {
    try Self.layout(bytes.span.extracting(column.chunk), column, head.rowCount)
  }

  /// The same of its chunk.
  static func layout(
    _ chunk: Span<UInt8>,
    _ column: ChunkGroupDirectory.Column,
    _ count: Int
  ) throws(BlockError) -> StringLayout {
    do throws(ChunkError) { return try StringLayout(chunk, count: count) } catch {
      throw .chunk(column.field, error)
    }
  }

  /// Bytes that the stored strings of a column are not more than, as far as its chunk's size says.
  func textByteCountMax(_ column: ChunkGroupDirectory.Column) -> Int? {
    Self.textByteCountMax(bytes.span.extracting(column.chunk))
  }

  /// The same of its chunk.
  static func textByteCountMax(_ chunk: Span<UInt8>) -> Int? {
    ChunkCodec(firstByte: chunk[0]) == .compressedStrings ? nil : chunk.count
  }

  /// Decodes some rows of a column.
  ///
  /// - Parameters:
  ///   - rows: ascending and apart; not empty.
  ///   - strings: gets the strings of these rows and no others.
  func cells(
    _ column: ChunkGroupDirectory.Column,
    rows: [Range<Int>],
    strings: inout StringArena
  ) throws(BlockError) -> [Cell] {
    let chunk = bytes.span.extracting(column.chunk)
    if column.type == .string {
      let layout = try self.layout(column)
      do throws(ChunkError) {
        return try layout.decode(chunk, rows: rows, into: &strings)
      } catch { throw .chunk(column.field, error) }
    }
    let hull = rows[0].lowerBound..<rows[rows.count - 1].upperBound
    let cells = try Self.cells(chunk, column, head.rowCount, rows: hull, &strings)
    if rows.count == 1 { return cells }
    return rows.flatMap { row in
      cells[row.lowerBound - hull.lowerBound..<row.upperBound - hull.lowerBound]
    }
  }

  static func timestamps(_ chunk: Span<UInt8>, count: Int) throws(BlockError) -> [Timestamp] {
    do { return try TimestampChunk.decode(chunk, count: count) } catch { throw .chunk(nil, error) }
  }

  static func cells(
    _ chunk: Span<UInt8>,
    _ column: ChunkGroupDirectory.Column,
    _ count: Int,
    rows: Range<Int>? = nil,
    _ strings: inout StringArena
  ) throws(BlockError) -> [Cell] {
    do {
      return try ColumnChunk.decode(
        chunk,
        type: column.type,
        count: count,
        rows: rows ?? 0..<count,
        strings: &strings
      )
    } catch { throw .chunk(column.field, error) }
  }

  /// What a column's chunk says of its values without being decoded.
  static func statistics(
    _ chunk: Span<UInt8>,
    _ column: ChunkGroupDirectory.Column,
    _ count: Int
  ) throws(BlockError) -> ChunkStatistics? {
    do {
      return try ColumnChunk.statistics(of: chunk, type: column.type, count: count)
    } catch { throw .chunk(column.field, error) }
  }

  /// Checks that a column's chunk says of its values what they are.
  func checkStatistics(
    _ column: ChunkGroupDirectory.Column,
    _ cells: Span<Cell>
  ) throws(BlockError) {
    let chunk = bytes.span.extracting(column.chunk)
    guard let stated = try Self.statistics(chunk, column, head.rowCount) else { return }
    guard stated == ChunkStatistics(of: cells, type: column.type) else {
      throw .chunk(column.field, .malformed(.statistics))
    }
  }
}
