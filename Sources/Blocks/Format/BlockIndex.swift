internal import Bytes
internal import Model

/// The index of a block: pages of up to ``entriesPerPage`` entries, each with its own CRC32C, so
/// that a lookup reads 2.5 KB and an open block costs memory for one series id a page
/// (docs/format/block.md, "index").
enum BlockIndex {
  static let entriesPerPage = 64
  static let checksumByteCount = 4

  static func pageCount(entryCount: Int) -> Int {
    (entryCount + entriesPerPage - 1) / entriesPerPage
  }

  static func entryCount(ofPage page: Int, of entryCount: Int) -> Int {
    min(entriesPerPage, entryCount - page * entriesPerPage)
  }

  /// Byte range of the pages in the index's payload.
  static func range(ofPages pages: Range<Int>, of entryCount: Int) -> Range<Int> {
    let fullPage = entriesPerPage * ChunkGroupEntry.byteCount + checksumByteCount
    let start = pages.lowerBound * fullPage
    let entries = min(entryCount, pages.upperBound * entriesPerPage)
    let end = entries * ChunkGroupEntry.byteCount + pages.upperBound * checksumByteCount
    return start..<max(start, end)
  }

  static func byteCount(entryCount: Int) -> Int {
    range(ofPages: 0..<pageCount(entryCount: entryCount), of: entryCount).count
  }

  /// Reads the entries of one page; its bytes are checked before they are believed.
  static func entries(
    ofPage page: Int,
    _ bytes: Span<UInt8>,
    entryCount: Int
  ) throws(BlockError) -> [ChunkGroupEntry] {
    let count = self.entryCount(ofPage: page, of: entryCount)
    let entryByteCount = count * ChunkGroupEntry.byteCount
    guard bytes.count == entryByteCount + checksumByteCount else { throw .truncated(.index) }
    var reader = ByteReader(bytes.extracting(droppingFirst: entryByteCount))
    let checksum = CRC32C.checksum(bytes.extracting(0..<entryByteCount))
    guard reader.readInteger(UInt32.self) == checksum else { throw .checksum(.index) }
    var entries: [ChunkGroupEntry] = []
    entries.reserveCapacity(count)
    reader = ByteReader(bytes)
    for index in 0..<count {
      let ordinal = page * entriesPerPage + index
      guard let entry = ChunkGroupEntry(&reader, ordinal: ordinal) else {
        throw .malformed(.index)
      }
      entries.append(entry)
    }
    return entries
  }
}

/// Collects the index while a block is written: 40 bytes a group.
struct BlockIndexWriter: ~Copyable {
  private var pages = OutputBuffer(reserving: 64 << 10)
  private var pageStart = 0
  private(set) var entryCount = 0
  private(set) var pageFirstSeries: [SeriesID] = []
  private(set) var rowCount: UInt64 = 0
  private(set) var pointCount: UInt64 = 0
  private(set) var firstTimestamp: Timestamp = 0
  private(set) var lastTimestamp: Timestamp = 0

  mutating func append(_ entry: ChunkGroupEntry, columnCount: Int) {
    if entryCount % BlockIndex.entriesPerPage == 0 {
      closePage()
      pageFirstSeries.append(entry.series)
    }
    entry.write(into: &pages)
    firstTimestamp =
      entryCount == 0 ? entry.firstTimestamp : min(firstTimestamp, entry.firstTimestamp)
    lastTimestamp = max(lastTimestamp, entry.lastTimestamp)
    entryCount += 1
    rowCount += UInt64(entry.rowCount)
    pointCount += UInt64(entry.rowCount) * UInt64(columnCount)
  }

  private mutating func closePage() {
    guard pages.count > pageStart else { return }
    pages.writeInteger(pages.checksum(from: pageStart))
    pageStart = pages.count
  }

  /// The payload of the index section.
  mutating func finish() -> [UInt8] {
    closePage()
    return pages.array()
  }
}
