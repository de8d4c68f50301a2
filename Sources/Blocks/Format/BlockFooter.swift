internal import Bytes
internal import Model

/// The end of a block: the summary section and the trailer that finds it (docs/format/block.md).
///
///     summary payload := | summary, 112 bytes | definitions offset u64 | definitions bytes u64 |
///                        | index offset u64 | first series u32 of each index page | ledger |
///     trailer := | 0 magic u32 | 4 version u8 | 5 zero, 3 bytes | 8 file bytes u64 |
///                | 16 summary offset u64 | 24 zero u32 | 28 CRC32C of bytes 0 ..< 28 u32 |
///
/// Offsets are those of section headers; byte counts include them.
struct BlockFooter {
  var summary: BlockSummary
  var definitions: Range<Int>
  var indexOffset: Int
  var pageFirstSeries: [SeriesID]
  var ledger: [LedgerEntry]

  /// Where the index's payload begins.
  var indexPayloadOffset: Int { indexOffset + SectionHeader.byteCount }

  func payload() -> [UInt8] {
    var buffer = OutputBuffer()
    summary.write(into: &buffer)
    buffer.writeInteger(UInt64(definitions.lowerBound))
    buffer.writeInteger(UInt64(definitions.count))
    buffer.writeInteger(UInt64(indexOffset))
    for series in pageFirstSeries { buffer.writeInteger(series.rawValue) }
    LedgerCoding.write(ledger, into: &buffer)
    return buffer.array()
  }

  init(
    summary: BlockSummary,
    definitions: Range<Int>,
    indexOffset: Int,
    pageFirstSeries: [SeriesID],
    ledger: [LedgerEntry]
  ) {
    self.summary = summary
    self.definitions = definitions
    self.indexOffset = indexOffset
    self.pageFirstSeries = pageFirstSeries
    self.ledger = ledger
  }

  /// Reads the payload of a summary section whose checksum held.
  ///
  /// - Parameter fileByteCount: nothing may point beyond it.
  init(_ payload: Span<UInt8>, fileByteCount: Int) throws(BlockError) {
    let part = BlockPart.summary
    let summary = try BlockSummary(payload, part: part)
    var reader = ByteReader(payload.extracting(droppingFirst: BlockSummary.byteCount))
    guard let definitionsOffset = reader.readInteger(UInt64.self),
      let definitionsByteCount = reader.readInteger(UInt64.self),
      let indexOffset = reader.readInteger(UInt64.self)
    else { throw .truncated(part) }
    let limit = UInt64(fileByteCount)
    guard definitionsOffset <= limit, definitionsByteCount <= limit - definitionsOffset,
      indexOffset <= limit, summary.byteCount == fileByteCount
    else { throw .malformed(part) }
    let pageCount = BlockIndex.pageCount(entryCount: summary.groupCount)
    guard reader.remaining >= 4 * pageCount else { throw .truncated(part) }
    var pageFirstSeries: [SeriesID] = []
    pageFirstSeries.reserveCapacity(pageCount)
    for _ in 0..<pageCount {
      guard let series = reader.readInteger(UInt32.self) else { throw .truncated(part) }
      pageFirstSeries.append(SeriesID(series))
    }
    guard zip(pageFirstSeries, pageFirstSeries.dropFirst()).allSatisfy({ $0 <= $1 }),
      let ledger = LedgerCoding.read(&reader), reader.remaining == 0
    else { throw .malformed(part) }
    self.init(
      summary: summary,
      definitions: Int(definitionsOffset)..<Int(definitionsOffset + definitionsByteCount),
      indexOffset: Int(indexOffset),
      pageFirstSeries: pageFirstSeries,
      ledger: ledger
    )
  }
}

/// The last 32 bytes of a block.
struct BlockTrailer {
  static let byteCount = 32
  /// "VRVT".
  static let magic: UInt32 = 0x5456_5256
  static let version: UInt8 = 1

  var fileByteCount: Int
  var summaryOffset: Int

  func write(into buffer: inout OutputBuffer) {
    let start = buffer.count
    buffer.writeInteger(Self.magic)
    buffer.writeByte(Self.version)
    buffer.writeByte(0)
    buffer.writeInteger(UInt16(0))
    buffer.writeInteger(UInt64(fileByteCount))
    buffer.writeInteger(UInt64(summaryOffset))
    buffer.writeInteger(UInt32(0))
    buffer.writeInteger(buffer.checksum(from: start))
  }

  init(fileByteCount: Int, summaryOffset: Int) {
    self.fileByteCount = fileByteCount
    self.summaryOffset = summaryOffset
  }

  /// - Parameter fileByteCount: what the file has; the trailer must say the same.
  init(_ bytes: Span<UInt8>, fileByteCount: Int) throws(BlockError) {
    let part = BlockPart.trailer
    var reader = ByteReader(bytes)
    guard bytes.count == Self.byteCount,
      let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      reader.skip(3) != nil, let stated = reader.readInteger(UInt64.self),
      let summaryOffset = reader.readInteger(UInt64.self), reader.skip(4) != nil,
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == Self.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<28)) == checksum else { throw .checksum(part) }
    guard version == Self.version else { throw .version(part, found: version) }
    guard stated == UInt64(fileByteCount), summaryOffset <= stated else { throw .malformed(part) }
    self.fileByteCount = fileByteCount
    self.summaryOffset = Int(summaryOffset)
  }
}
