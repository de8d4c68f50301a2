/// What stands at the end of a file: schema, row groups and notes.
struct FileFooter: Sendable {
  struct RowGroup: Hashable, Sendable {
    var rowCount: Int
    /// Parallel to the schema's columns.
    var chunks: [ChunkSummary]
  }

  /// Who wrote the file. Part of its bytes, so it changes only when they do; readers take the
  /// statistics of strings only from a name of this form.
  static let creator = "varve version 1.0.0 (build 2)"

  var schema: ParquetSchema
  var rowCount: Int
  var groups: [RowGroup]

  /// The footer's structure.
  ///
  /// - Parameters:
  ///   - groups: each encoded by ``encode(_:schema:start:ordinal:)``.
  ///   - isText: whether a string column has nothing but UTF-8, parallel to the columns.
  static func encode(
    _ schema: ParquetSchema,
    isText: [Bool],
    rowCount: Int,
    groups: [[UInt8]]
  ) -> [UInt8] {
    var writer = ThriftWriter()
    writer.integer32(1, 2)
    writer.list(2, of: ThriftType.structure, count: schema.columns.count + 1)
    writer.beginElement()
    writer.binary(4, "schema".utf8)
    writer.integer32(5, Int32(schema.columns.count))
    writer.endStructure()
    for (column, isText) in zip(schema.columns, isText) {
      encode(column, isText: isText, into: &writer)
    }
    writer.integer64(3, rowCount)
    writer.list(4, of: ThriftType.structure, count: groups.count)
    for group in groups { writer.elementWritten(group) }
    writer.list(5, of: ThriftType.structure, count: schema.notes.count)
    for note in schema.notes {
      writer.beginElement()
      writer.binary(1, note.key.utf8)
      writer.binary(2, note.value.utf8)
      writer.endStructure()
    }
    writer.binary(6, creator.utf8)
    // Every column is ordered as its type says.
    writer.list(7, of: ThriftType.structure, count: schema.columns.count)
    for _ in schema.columns {
      writer.beginElement()
      writer.empty(1)
      writer.endStructure()
    }
    writer.endStructure()
    return writer.bytes
  }

  private static func encode(
    _ column: ParquetColumn,
    isText: Bool,
    into writer: inout ThriftWriter
  ) {
    writer.beginElement()
    writer.integer32(1, column.type.physical.rawValue)
    writer.integer32(3, column.isOptional ? 1 : 0)
    writer.binary(4, column.name.utf8)
    switch column.type {
    case .string where isText:
      writer.integer32(6, 0)
      writer.beginStructure(10)
      writer.empty(1)
      writer.endStructure()
    case .microseconds, .nanoseconds:
      if column.type == .microseconds { writer.integer32(6, 10) }
      writer.beginStructure(10)
      writer.beginStructure(8)
      writer.boolean(1, true)
      writer.beginStructure(2)
      writer.empty(column.type == .microseconds ? 2 : 3)
      writer.endStructure()
      writer.endStructure()
      writer.endStructure()
    case .unsigned:
      writer.integer32(6, 14)
      writer.beginStructure(10)
      writer.beginStructure(10)
      writer.byte(1, 64)
      writer.boolean(2, false)
      writer.endStructure()
      writer.endStructure()
    case .string, .double, .integer, .boolean: break
    }
    writer.endStructure()
  }

  /// A row group's structure; offsets of `chunks` are relative to their own starts.
  static func encode(
    _ group: RowGroup,
    schema: ParquetSchema,
    start: Int,
    ordinal: Int
  ) -> [UInt8] {
    var writer = ThriftWriter()
    writer.list(1, of: ThriftType.structure, count: group.chunks.count)
    var offset = start
    for (column, chunk) in zip(schema.columns, group.chunks) {
      writer.beginElement()
      writer.integer64(2, 0)
      writer.beginStructure(3)
      encode(column, chunk, start: offset, into: &writer)
      writer.endStructure()
      writer.endStructure()
      offset += chunk.byteCount
    }
    writer.integer64(2, group.chunks.reduce(0) { $0 + $1.rawByteCount })
    writer.integer64(3, group.rowCount)
    writer.integer64(5, start)
    writer.integer64(6, offset - start)
    if let ordinal = Int16(exactly: ordinal) { writer.integer16(7, ordinal) }
    writer.endStructure()
    return writer.bytes
  }

  private static func encode(
    _ column: ParquetColumn,
    _ chunk: ChunkSummary,
    start: Int,
    into writer: inout ThriftWriter
  ) {
    writer.integer32(1, column.type.physical.rawValue)
    writer.list(2, of: ThriftType.i32, count: chunk.encodings.count)
    for encoding in chunk.encodings { writer.element(encoding.rawValue) }
    writer.list(3, of: ThriftType.binary, count: 1)
    writer.element(column.name.utf8)
    writer.integer32(4, ParquetCompression.zstd.rawValue)
    writer.integer64(5, chunk.valueCount)
    writer.integer64(6, chunk.rawByteCount)
    writer.integer64(7, chunk.byteCount)
    writer.integer64(9, start + chunk.dataOffset)
    if let dictionary = chunk.dictionaryOffset { writer.integer64(11, start + dictionary) }
    if let statistics = chunk.statistics {
      writer.beginStructure(12)
      writer.integer64(3, statistics.nullCount)
      if let greatest = statistics.greatest { writer.binary(5, greatest) }
      if let least = statistics.least { writer.binary(6, least) }
      writer.endStructure()
    }
  }
}
