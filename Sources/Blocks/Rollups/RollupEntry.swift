internal import Bytes
public import Model

/// Where a rollup file has the windows of some fields of a series; 24 bytes of its index
/// (docs/format/rollup.md, "index").
///
///     | 0 series u32 | 4 first field u32 | 8 last field u32 | 12 bytes u32 | 16 offset u64 |
public struct RollupEntry: Hashable, Sendable {
  static let byteCount = 24

  public var series: SeriesID
  /// Inclusive, both.
  public var firstField: FieldID
  public var lastField: FieldID
  public var byteCount: Int
  public var offset: Int

  func write(into buffer: inout OutputBuffer) {
    buffer.writeInteger(series.rawValue)
    buffer.writeInteger(firstField.rawValue)
    buffer.writeInteger(lastField.rawValue)
    buffer.writeInteger(UInt32(byteCount))
    buffer.writeInteger(UInt64(offset))
  }

  init(
    series: SeriesID,
    firstField: FieldID,
    lastField: FieldID,
    byteCount: Int,
    offset: Int
  ) {
    self.series = series
    self.firstField = firstField
    self.lastField = lastField
    self.byteCount = byteCount
    self.offset = offset
  }

  init?(_ reader: inout ByteReader) {
    guard let series = reader.readInteger(UInt32.self),
      let first = reader.readInteger(UInt32.self), let last = reader.readInteger(UInt32.self),
      let byteCount = reader.readInteger(UInt32.self),
      let offset = reader.readInteger(UInt64.self), offset <= UInt64(Int.max), first <= last
    else { return nil }
    self.init(
      series: SeriesID(series),
      firstField: FieldID(first),
      lastField: FieldID(last),
      byteCount: Int(byteCount),
      offset: Int(offset)
    )
  }

  /// Whether any of some fields, ascending, may be in it.
  func mayHold(_ fields: [FieldID]) -> Bool {
    fields.contains { $0 >= firstField && $0 <= lastField }
  }
}

/// The index of a rollup file: pages of up to ``entriesPerPage`` entries, each with its CRC32C.
enum RollupIndex {
  static let entriesPerPage = 64
  static let checksumByteCount = 4

  static func pageCount(_ entryCount: Int) -> Int {
    (entryCount + entriesPerPage - 1) / entriesPerPage
  }

  /// Where a page is within the index's payload.
  static func range(ofPage page: Int, of entryCount: Int) -> Range<Int> {
    let start = page * (entriesPerPage * RollupEntry.byteCount + checksumByteCount)
    let count = min(entriesPerPage, entryCount - page * entriesPerPage)
    return start..<start + count * RollupEntry.byteCount + checksumByteCount
  }

  static func byteCount(_ entryCount: Int) -> Int {
    entryCount * RollupEntry.byteCount + pageCount(entryCount) * checksumByteCount
  }

  static func payload(of entries: [RollupEntry]) -> [UInt8] {
    var buffer = OutputBuffer(reserving: byteCount(entries.count))
    for page in 0..<pageCount(entries.count) {
      let start = buffer.count
      let first = page * entriesPerPage
      for entry in entries[first..<min(entries.count, first + entriesPerPage)] {
        entry.write(into: &buffer)
      }
      buffer.writeInteger(buffer.checksum(from: start))
    }
    return buffer.array()
  }

  /// Reads a page; its bytes are checked before they are believed.
  static func entries(ofPage bytes: Span<UInt8>) throws(BlockError) -> [RollupEntry] {
    let byteCount = bytes.count - checksumByteCount
    guard byteCount >= RollupEntry.byteCount, byteCount.isMultiple(of: RollupEntry.byteCount) else {
      throw .truncated(.index)
    }
    var reader = ByteReader(bytes.extracting(droppingFirst: byteCount))
    guard reader.readInteger(UInt32.self) == CRC32C.checksum(bytes.extracting(0..<byteCount)) else {
      throw .checksum(.index)
    }
    reader = ByteReader(bytes)
    var entries: [RollupEntry] = []
    for _ in 0..<byteCount / RollupEntry.byteCount {
      guard let entry = RollupEntry(&reader) else { throw .malformed(.index) }
      entries.append(entry)
    }
    return entries
  }
}
