extension FileFooter {
  /// Why bytes are no footer of the subset.
  struct Fault: Error {
    var kind: ParquetError.Kind
    var what: String

    init(_ kind: ParquetError.Kind, _ what: String) {
      self.kind = kind
      self.what = what
    }
  }

  /// Reads a footer's structure.
  ///
  /// - Parameter dataByteCount: bytes of the file before it.
  init(_ bytes: [UInt8], dataByteCount: Int) throws(Fault) {
    let raw = RawFooter(bytes)
    guard raw.isRead else {
      throw Fault(.damage, "expected the footer, found bytes that are no structure")
    }
    schema = try Self.schema(raw)
    rowCount = try Self.count(raw.rowCount, "rows")
    groups = []
    for group in raw.groups {
      groups.append(try Self.group(group, schema, dataByteCount: dataByteCount))
    }
    guard groups.reduce(0, { $0 + $1.rowCount }) == rowCount else {
      throw Fault(.damage, "expected \(rowCount) rows in the row groups together, found others")
    }
  }

  private static func count(_ value: Int64?, _ what: String) throws(Fault) -> Int {
    guard let value, (0...Int64(1) << 48).contains(value) else {
      throw Fault(.damage, "expected a number of \(what), found \(value.map { "\($0)" } ?? "none")")
    }
    return Int(value)
  }

  private static func schema(_ raw: RawFooter) throws(Fault) -> ParquetSchema {
    guard let root = raw.elements.first,
      root.childCount.map({ $0 == Int64(raw.elements.count - 1) }) == true,
      raw.elements.count > 1
    else { throw Fault(.foreign, "expected a flat schema") }
    guard raw.elements.count - 1 <= ParquetLimits.columnCountMax else {
      throw Fault(.foreign, "expected at most \(ParquetLimits.columnCountMax) columns")
    }
    var columns: [ParquetColumn] = []
    for element in raw.elements.dropFirst() {
      guard let name = String(validating: element.name, as: UTF8.self) else {
        throw Fault(.damage, "expected a column's name, found bytes that are no UTF-8")
      }
      guard element.childCount ?? 0 == 0, let type = element.columnType,
        element.repetition == 0 || element.repetition == 1
      else {
        throw Fault(.foreign, "column \"\(name)\": expected a type that varve export writes")
      }
      columns.append(
        ParquetColumn(name: name, type: type, isOptional: element.repetition == 1)
      )
    }
    var notes: [ParquetSchema.Note] = []
    for note in raw.notes {
      notes.append(
        ParquetSchema.Note(
          key: String(decoding: note.key, as: UTF8.self),
          value: String(decoding: note.value, as: UTF8.self)
        )
      )
    }
    return ParquetSchema(columns: columns, notes: notes)
  }

  private static func group(
    _ raw: RawFooter.Group,
    _ schema: ParquetSchema,
    dataByteCount: Int
  ) throws(Fault) -> RowGroup {
    let rowCount = try count(raw.rowCount, "rows")
    guard rowCount <= ParquetLimits.groupRowCountMax else {
      throw Fault(
        .foreign,
        "expected row groups of at most \(ParquetLimits.groupRowCountMax) rows, found \(rowCount)"
      )
    }
    guard raw.chunks.count == schema.columns.count else {
      throw Fault(
        .damage,
        "expected \(schema.columns.count) columns in a row group, found \(raw.chunks.count)"
      )
    }
    var group = RowGroup(rowCount: rowCount, chunks: [])
    for (chunk, column) in zip(raw.chunks, schema.columns) {
      guard chunk.type == Int64(column.type.physical.rawValue) else {
        throw Fault(.damage, "column \"\(column.name)\": expected the schema's type in a row group")
      }
      guard chunk.codec == Int64(ParquetCompression.zstd.rawValue) else {
        throw Fault(.foreign, "column \"\(column.name)\": expected zstd pages")
      }
      var summary = ChunkSummary()
      summary.valueCount = try count(chunk.valueCount, "values")
      summary.rawByteCount = try count(chunk.rawByteCount, "bytes")
      summary.byteCount = try count(chunk.byteCount, "bytes")
      summary.dataOffset = try count(chunk.dataOffset, "bytes")
      if chunk.dictionaryOffset != nil {
        summary.dictionaryOffset = try count(chunk.dictionaryOffset, "bytes")
      }
      let start = summary.dictionaryOffset ?? summary.dataOffset
      guard summary.valueCount == rowCount, start <= summary.dataOffset, start >= 4,
        summary.dataOffset - start <= summary.byteCount,
        start + summary.byteCount <= dataByteCount
      else {
        throw Fault(
          .damage,
          "column \"\(column.name)\": expected pages inside the file, as many values as rows"
        )
      }
      group.chunks.append(summary)
    }
    return group
  }
}

/// A footer as it stands, before it is believed.
private struct RawFooter {
  struct Element {
    var type: Int64?
    var repetition: Int64?
    var name: ArraySlice<UInt8> = []
    var childCount: Int64?
    var convertedType: Int64?
    /// The member of the union, and of a timestamp's unit.
    var logicalType: Int64?
    var unit: Int64?

    var columnType: ParquetType? {
      switch (type, logicalType) {
      case (2, 8): unit == 2 ? .microseconds : unit == 3 ? .nanoseconds : nil
      case (2, 10): convertedType == 14 ? .unsigned : nil
      case (2, nil): .integer
      case (5, nil): .double
      case (0, nil): .boolean
      case (6, 1), (6, nil): .string
      default: nil
      }
    }
  }

  struct Chunk {
    var type: Int64?
    var codec: Int64?
    var valueCount: Int64?
    var rawByteCount: Int64?
    var byteCount: Int64?
    var dataOffset: Int64?
    var dictionaryOffset: Int64?
  }

  struct Group {
    var chunks: [Chunk] = []
    var rowCount: Int64?
  }

  var elements: [Element] = []
  var rowCount: Int64?
  var groups: [Group] = []
  var notes: [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
  private(set) var isRead = false

  init(_ bytes: [UInt8]) {
    var reader = ThriftReader(bytes[...])
    isRead = reader.structure { field, reader in
      switch (field.id, field.type) {
      case (2, ThriftType.list):
        return Self.list(&reader) { reader in
          guard let element = Self.element(&reader) else { return false }
          elements.append(element)
          return true
        }
      case (3, ThriftType.i64):
        rowCount = reader.integer()
        return true
      case (4, ThriftType.list):
        return Self.list(&reader) { reader in
          guard let group = Self.group(&reader) else { return false }
          groups.append(group)
          return true
        }
      case (5, ThriftType.list):
        return Self.list(&reader) { reader in
          guard let note = Self.note(&reader) else { return false }
          notes.append(note)
          return true
        }
      default: return reader.skip(field.type)
      }
    }
  }

  /// Reads a list of structures.
  private static func list(
    _ reader: inout ThriftReader,
    _ element: (inout ThriftReader) -> Bool
  ) -> Bool {
    guard let (type, count) = reader.list(), type == ThriftType.structure else { return false }
    for _ in 0..<count where !element(&reader) { return false }
    return true
  }

  private static func element(_ reader: inout ThriftReader) -> Element? {
    var element = Element()
    let isRead = reader.structure { field, reader in
      switch (field.id, field.type) {
      case (1, ThriftType.i32): element.type = reader.integer()
      case (3, ThriftType.i32): element.repetition = reader.integer()
      case (4, ThriftType.binary): element.name = reader.binary() ?? []
      case (5, ThriftType.i32): element.childCount = reader.integer()
      case (6, ThriftType.i32): element.convertedType = reader.integer()
      case (10, ThriftType.structure):
        return reader.structure { field, reader in
          element.logicalType = field.id
          guard field.id == 8, field.type == ThriftType.structure else {
            return reader.skip(field.type)
          }
          return reader.structure { field, reader in
            guard field.id == 2, field.type == ThriftType.structure else {
              return reader.skip(field.type)
            }
            return reader.structure { field, reader in
              element.unit = field.id
              return reader.skip(field.type)
            }
          }
        }
      default: return reader.skip(field.type)
      }
      return true
    }
    return isRead ? element : nil
  }

  private static func group(_ reader: inout ThriftReader) -> Group? {
    var group = Group()
    let isRead = reader.structure { field, reader in
      switch (field.id, field.type) {
      case (1, ThriftType.list):
        return list(&reader) { reader in
          guard let chunk = chunk(&reader) else { return false }
          group.chunks.append(chunk)
          return true
        }
      case (3, ThriftType.i64): group.rowCount = reader.integer()
      default: return reader.skip(field.type)
      }
      return true
    }
    return isRead ? group : nil
  }

  private static func chunk(_ reader: inout ThriftReader) -> Chunk? {
    var chunk = Chunk()
    let isRead = reader.structure { field, reader in
      guard field.id == 3, field.type == ThriftType.structure else {
        return reader.skip(field.type)
      }
      return reader.structure { field, reader in
        switch (field.id, field.type) {
        case (1, ThriftType.i32): chunk.type = reader.integer()
        case (4, ThriftType.i32): chunk.codec = reader.integer()
        case (5, ThriftType.i64): chunk.valueCount = reader.integer()
        case (6, ThriftType.i64): chunk.rawByteCount = reader.integer()
        case (7, ThriftType.i64): chunk.byteCount = reader.integer()
        case (9, ThriftType.i64): chunk.dataOffset = reader.integer()
        case (11, ThriftType.i64): chunk.dictionaryOffset = reader.integer()
        default: return reader.skip(field.type)
        }
        return true
      }
    }
    return isRead ? chunk : nil
  }

  private static func note(
    _ reader: inout ThriftReader
  ) -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
    var note: (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>) = ([], [])
    let isRead = reader.structure { field, reader in
      switch (field.id, field.type) {
      case (1, ThriftType.binary): note.key = reader.binary() ?? []
      case (2, ThriftType.binary): note.value = reader.binary() ?? []
      default: return reader.skip(field.type)
      }
      return true
    }
    return isRead ? note : nil
  }
}
