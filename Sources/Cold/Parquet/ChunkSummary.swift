/// A column chunk in numbers: what the footer says of it.
struct ChunkSummary: Hashable, Sendable {
  var encodings: [ParquetEncoding] = []
  /// Rows, those without a value among them.
  var valueCount = 0
  /// Heads and pages before compression.
  var rawByteCount = 0
  var byteCount = 0
  /// Relative to the chunk's start while it is written, to the file's in a footer.
  var dictionaryOffset: Int?
  var dataOffset = 0
  var statistics: ColumnStatistics?
}

/// What stands before each page.
struct PageHead: Hashable, Sendable {
  enum Kind: Int32 {
    case data = 0
    case dictionary = 2
  }

  var kind: Kind
  var rawByteCount: Int
  var byteCount: Int
  /// CRC-32 of the page as it is stored.
  var checksum: UInt32?
  var valueCount: Int
  var encoding: ParquetEncoding

  func encoded() -> [UInt8] {
    var writer = ThriftWriter()
    writer.integer32(1, kind.rawValue)
    writer.integer32(2, Int32(rawByteCount))
    writer.integer32(3, Int32(byteCount))
    if let checksum { writer.integer32(4, Int32(bitPattern: checksum)) }
    writer.beginStructure(kind == .data ? 5 : 7)
    writer.integer32(1, Int32(valueCount))
    writer.integer32(2, encoding.rawValue)
    if kind == .data {
      writer.integer32(3, ParquetEncoding.runLength.rawValue)
      writer.integer32(4, ParquetEncoding.runLength.rawValue)
    }
    writer.endStructure()
    writer.endStructure()
    return writer.bytes
  }

  /// Reads a head.
  ///
  /// - Returns: the position behind it; `nil` when these bytes are no head of ours.
  static func decode(_ bytes: ArraySlice<UInt8>) -> (head: PageHead, end: Int)? {
    var reader = ThriftReader(bytes)
    var (kind, raw, stored): (Int64?, Int64?, Int64?) = (nil, nil, nil)
    var (checksum, count, encoding): (Int64?, Int64?, Int64?) = (nil, nil, nil)
    let isRead = reader.structure { field, reader in
      switch (field.id, field.type) {
      case (1, ThriftType.i32): kind = reader.integer()
      case (2, ThriftType.i32): raw = reader.integer()
      case (3, ThriftType.i32): stored = reader.integer()
      case (4, ThriftType.i32): checksum = reader.integer()
      case (5, ThriftType.structure), (7, ThriftType.structure):
        return reader.structure { field, reader in
          switch (field.id, field.type) {
          case (1, ThriftType.i32): count = reader.integer()
          case (2, ThriftType.i32): encoding = reader.integer()
          default: return reader.skip(field.type)
          }
          return true
        }
      default: return reader.skip(field.type)
      }
      return true
    }
    guard isRead, let kind = kind.flatMap(Int32.init(exactly:)).flatMap(Kind.init),
      let raw, (0...Int64(ParquetLimits.pageByteCountMax)).contains(raw),
      let stored, (0...Int64(Int32.max)).contains(stored),
      let count, (0...Int64(ParquetLimits.groupRowCountMax)).contains(count),
      let encoding = encoding.flatMap(Int32.init(exactly:)).flatMap(ParquetEncoding.init)
    else { return nil }
    let head = PageHead(
      kind: kind,
      rawByteCount: Int(raw),
      byteCount: Int(stored),
      checksum: checksum.flatMap(Int32.init(exactly:)).map(UInt32.init(bitPattern:)),
      valueCount: Int(count),
      encoding: encoding
    )
    return (head, reader.position)
  }
}
