internal import Bytes
internal import Model

/// The head of a chunk group: everything that is needed to read it without a footer and without a
/// catalog (docs/format/block.md, "group").
///
///     | 0 magic u32 | 4 version u8 | 5 flags u8: 1 late | 6 rows u16 | 8 series u32 |
///     | 12 field set u32 | 16 columns u16 | 18 zero u16 | 20 head bytes u32 | 24 group bytes u32 |
///     | 28 CRC32C of bytes 36 ..< group bytes u32 | 32 CRC32C of bytes 0 ..< 32 u32 |
///     | field runs | chunk lengths | timestamps chunk | column chunk | column chunk | ...
///     field run := | gap: varint | fields: varint, >= 1 | type u8 |
///     chunk lengths := a varint for the timestamps, then one for each column
///
/// - field runs: consecutive field ids of one type, `gap` above the end of the run before; they
/// hold
///   as many fields as the group has columns.
/// - head bytes: where the timestamps chunk begins.
struct ChunkGroupHead: Equatable {
  static let fixedByteCount = 36
  /// "VRVG".
  static let magic: UInt32 = 0x4756_5256
  static let version: UInt8 = 1
  static let lateFlag: UInt8 = 1
  /// Where the body's checksum begins.
  static let checkedStart = 36

  var series: SeriesID
  var fieldSet: FieldSetID
  var rowCount: Int
  var columnCount: Int
  var isLate: Bool
  var headByteCount: Int
  var byteCount: Int
  var bodyChecksum: UInt32

  /// Reads the fixed part and checks all that can be checked without the body.
  init(_ bytes: Span<UInt8>) throws(BlockError) {
    let part = BlockPart.group
    guard bytes.count >= Self.fixedByteCount else { throw .truncated(part) }
    var reader = ByteReader(bytes)
    guard
      let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      let flags = reader.readByte(), let rowCount = reader.readInteger(UInt16.self),
      let series = reader.readInteger(UInt32.self), let fieldSet = reader.readInteger(UInt32.self),
      let columnCount = reader.readInteger(UInt16.self), reader.readInteger(UInt16.self) != nil,
      let headByteCount = reader.readInteger(UInt32.self),
      let byteCount = reader.readInteger(UInt32.self),
      let bodyChecksum = reader.readInteger(UInt32.self),
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == Self.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<32)) == checksum else { throw .checksum(part) }
    guard version == Self.version else { throw .version(part, found: version) }
    guard rowCount >= 1, columnCount >= 1, headByteCount >= Self.fixedByteCount,
      byteCount >= headByteCount
    else { throw .malformed(part) }
    self.series = SeriesID(series)
    self.fieldSet = FieldSetID(fieldSet)
    self.rowCount = Int(rowCount)
    self.columnCount = Int(columnCount)
    isLate = flags & Self.lateFlag != 0
    self.headByteCount = Int(headByteCount)
    self.byteCount = Int(byteCount)
    self.bodyChecksum = bodyChecksum
  }

  init(
    series: SeriesID,
    fieldSet: FieldSetID,
    rowCount: Int,
    columnCount: Int,
    isLate: Bool,
    headByteCount: Int,
    byteCount: Int,
    bodyChecksum: UInt32
  ) {
    self.series = series
    self.fieldSet = fieldSet
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.isLate = isLate
    self.headByteCount = headByteCount
    self.byteCount = byteCount
    self.bodyChecksum = bodyChecksum
  }

  func write(into buffer: inout OutputBuffer) {
    let start = buffer.count
    buffer.writeInteger(Self.magic)
    buffer.writeByte(Self.version)
    buffer.writeByte(isLate ? Self.lateFlag : 0)
    buffer.writeInteger(UInt16(rowCount))
    buffer.writeInteger(series.rawValue)
    buffer.writeInteger(fieldSet.rawValue)
    buffer.writeInteger(UInt16(columnCount))
    buffer.writeInteger(UInt16(0))
    buffer.writeInteger(UInt32(headByteCount))
    buffer.writeInteger(UInt32(byteCount))
    buffer.writeInteger(bodyChecksum)
    buffer.writeInteger(buffer.checksum(from: start))
  }

  /// Whether the entry and this head speak of one group.
  func matches(_ entry: ChunkGroupEntry) -> Bool {
    series == entry.series && fieldSet == entry.fieldSet && rowCount == entry.rowCount
      && byteCount == entry.byteCount && isLate == entry.isLate
  }
}
