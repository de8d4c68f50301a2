internal import Bytes
internal import Model

/// A rollup file as the manifest names it.
public struct RollupFile: Hashable, Sendable {
  public var identity: RollupIdentity
  public var byteCount: Int
  public var windowCount: UInt64

  public init(identity: RollupIdentity, byteCount: Int, windowCount: UInt64) {
    self.identity = identity
    self.byteCount = byteCount
    self.windowCount = windowCount
  }

  public var fileName: String { identity.fileName }
}

/// The payload of a rollup file's summary (docs/format/rollup.md, "summary").
///
///     | definitions at u64 | index at u64 | entries u32 | zero u32 | windows u64 |
///     | for each page of the index: first series u32, first field u32 |
struct RollupSummary {
  static let fixedByteCount = 32

  var definitionsOffset: Int
  var indexOffset: Int
  var entryCount: Int
  var windowCount: UInt64
  var pageFirsts: [RollupPageFirst]

  func payload() -> [UInt8] {
    var buffer = OutputBuffer(reserving: Self.fixedByteCount + 8 * pageFirsts.count)
    buffer.writeInteger(UInt64(definitionsOffset))
    buffer.writeInteger(UInt64(indexOffset))
    buffer.writeInteger(UInt32(entryCount))
    buffer.writeInteger(UInt32(0))
    buffer.writeInteger(windowCount)
    for first in pageFirsts {
      buffer.writeInteger(first.series.rawValue)
      buffer.writeInteger(first.field.rawValue)
    }
    return buffer.array()
  }

  init(
    definitionsOffset: Int,
    indexOffset: Int,
    entryCount: Int,
    windowCount: UInt64,
    pageFirsts: [RollupPageFirst]
  ) {
    self.definitionsOffset = definitionsOffset
    self.indexOffset = indexOffset
    self.entryCount = entryCount
    self.windowCount = windowCount
    self.pageFirsts = pageFirsts
  }

  /// - Parameter summaryOffset: where the summary's section begins: all else lies before it.
  init(_ bytes: Span<UInt8>, summaryOffset: Int) throws(BlockError) {
    let part = BlockPart.summary
    var reader = ByteReader(bytes)
    guard let definitions = reader.readInteger(UInt64.self),
      let index = reader.readInteger(UInt64.self),
      let entryCount = reader.readInteger(UInt32.self), reader.skip(4) != nil,
      let windowCount = reader.readInteger(UInt64.self)
    else { throw .truncated(part) }
    guard definitions <= index, index <= UInt64(summaryOffset),
      reader.remaining == 8 * RollupIndex.pageCount(Int(entryCount)),
      Int(index) + SectionHeader.byteCount + RollupIndex.byteCount(Int(entryCount))
        == summaryOffset
    else { throw .malformed(part) }
    var firsts: [RollupPageFirst] = []
    while let series = reader.readInteger(UInt32.self),
      let field = reader.readInteger(UInt32.self)
    {
      firsts.append(RollupPageFirst(series: SeriesID(series), field: FieldID(field)))
    }
    self.init(
      definitionsOffset: Int(definitions),
      indexOffset: Int(index),
      entryCount: Int(entryCount),
      windowCount: windowCount,
      pageFirsts: firsts
    )
  }
}

/// The first entry of a page of the index.
struct RollupPageFirst: Hashable {
  var series: SeriesID
  var field: FieldID
}
