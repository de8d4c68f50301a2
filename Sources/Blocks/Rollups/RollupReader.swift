internal import Bytes
public import Model
public import Platform
internal import Synchronization

/// An open rollup file: immutable, readable from any thread.
///
/// Holds 8 bytes a page of the index; every read of a group checks its CRC32C. A file whose end is
/// damaged is read by its groups, one after another.
public final class RollupReader: Sendable {
  private enum Source: Sendable {
    case pages(RollupSummary)
    /// Found by reading the groups' heads.
    case scanned([RollupEntry])
  }

  public let path: String
  public let file: RollupFile
  /// What was found damaged when it was opened.
  public let damages: [Damage]
  private let bytes: any ReadableFile
  private let source: Source
  /// The page that was read last.
  private let latest = Mutex<(page: Int, entries: [RollupEntry])?>(nil)

  private init(
    _ path: String,
    _ bytes: any ReadableFile,
    _ identity: RollupIdentity,
    _ source: Source,
    damages: [Damage]
  ) {
    self.path = path
    self.bytes = bytes
    self.source = source
    self.damages = damages
    var windowCount: UInt64 = 0
    if case .pages(let summary) = source { windowCount = summary.windowCount }
    file = RollupFile(
      identity: identity,
      byteCount: bytes.byteCount,
      windowCount: windowCount
    )
  }

  public var identity: RollupIdentity { file.identity }

  /// Opens a file that gives way to others when descriptors are short.
  public static func open(_ files: BlockFiles, path: String) throws(BlockError) -> RollupReader {
    let file: any ReadableFile
    do throws(SystemError) { file = try files.open(path) } catch { throw .system(error) }
    return try open(file, path)
  }

  /// Opens a file for good.
  public static func open(disk: any Disk, path: String) throws(BlockError) -> RollupReader {
    let file: any ReadableFile
    do throws(SystemError) { file = try disk.open(path) } catch { throw .system(error) }
    return try open(file, path)
  }

  private static func open(
    _ bytes: any ReadableFile,
    _ path: String
  ) throws(BlockError) -> RollupReader {
    let head = try bytes.bytes(at: 0, RollupIdentity.byteCount)
    let identity = try RollupIdentity(head.span)
    do throws(BlockError) {
      let summary = try readSummary(bytes)
      return RollupReader(path, bytes, identity, .pages(summary), damages: [])
    } catch {
      if error.isRefusal { throw error }
      let damage = Damage(
        severity: .damage,
        path: path,
        offset: 0,
        byteCount: bytes.byteCount,
        what: error.text,
        range: "read by its groups instead"
      )
      return RollupReader(path, bytes, identity, .scanned(try scan(bytes)), damages: [damage])
    }
  }

  private static func readSummary(_ bytes: any ReadableFile) throws(BlockError) -> RollupSummary {
    let trailerOffset = bytes.byteCount - BlockTrailer.byteCount
    let last = try bytes.bytes(at: trailerOffset, BlockTrailer.byteCount)
    let trailer = try BlockTrailer(last.span, fileByteCount: bytes.byteCount)
    guard trailer.summaryOffset <= trailerOffset else { throw .malformed(.trailer) }
    let payload = try bytes.readSection(.summary, in: trailer.summaryOffset..<trailerOffset)
    return try RollupSummary(payload.span, summaryOffset: trailer.summaryOffset)
  }

  /// The groups up to the first that is none.
  private static func scan(_ bytes: any ReadableFile) throws(BlockError) -> [RollupEntry] {
    var entries: [RollupEntry] = []
    var offset = RollupIdentity.byteCount
    while offset + RollupGroupWriter.headByteCount <= bytes.byteCount {
      let head = try bytes.bytes(at: offset, RollupGroupWriter.headByteCount)
      guard let (series, byteCount) = try? RollupGroup.head(head.span),
        offset + head.count + byteCount <= bytes.byteCount
      else { break }
      entries.append(
        RollupEntry(
          series: series,
          firstField: FieldID(0),
          lastField: FieldID(.max),
          byteCount: head.count + byteCount,
          offset: offset
        )
      )
      offset += head.count + byteCount
    }
    return entries
  }

  // MARK: Entries

  /// The groups that may have windows of a series' fields.
  ///
  /// - Parameter fields: `nil` for all.
  public func entries(
    of series: SeriesID,
    fields: [FieldID]? = nil
  ) throws(BlockError) -> [RollupEntry] {
    var found: [RollupEntry] = []
    switch source {
    case .scanned(let entries): found = entries.filter { $0.series == series }
    case .pages(let summary):
      var page = firstPage(of: series, summary)
      while page < summary.pageFirsts.count, summary.pageFirsts[page].series <= series {
        found += try entries(ofPage: page, summary).filter { $0.series == series }
        page += 1
      }
    }
    guard let fields else { return found }
    return found.filter { $0.mayHold(fields) }
  }

  /// Every group, in the order of the file.
  public func entries() throws(BlockError) -> [RollupEntry] {
    switch source {
    case .scanned(let entries): return entries
    case .pages(let summary):
      var result: [RollupEntry] = []
      for page in summary.pageFirsts.indices { result += try entries(ofPage: page, summary) }
      return result
    }
  }

  /// The last page that begins before the series does.
  private func firstPage(of series: SeriesID, _ summary: RollupSummary) -> Int {
    var (low, high) = (0, summary.pageFirsts.count)
    while low < high {
      let middle = (low + high) / 2
      if summary.pageFirsts[middle].series < series { low = middle + 1 } else { high = middle }
    }
    return max(0, low - 1)
  }

  private func entries(
    ofPage page: Int,
    _ summary: RollupSummary
  ) throws(BlockError) -> [RollupEntry] {
    if let found = latest.withLock({ $0?.page == page ? $0?.entries : nil }) { return found }
    let start = summary.indexOffset + SectionHeader.byteCount
    let range = RollupIndex.range(ofPage: page, of: summary.entryCount)
    let bytesOfPage = try bytes.bytes(at: start + range.lowerBound, range.count)
    let entries = try RollupIndex.entries(ofPage: bytesOfPage.span)
    latest.withLock { $0 = (page, entries) }
    return entries
  }

  // MARK: Windows

  /// The windows of a group.
  ///
  /// - Parameter fields: those that are wanted; `nil` for all.
  public func read(
    _ entry: RollupEntry,
    fields: Set<FieldID>? = nil,
    parts: RollupParts = .all
  ) throws(BlockError) -> [RollupColumn] {
    let group = try RollupGroup(bytes.bytes(at: entry.offset, entry.byteCount), identity)
    guard group.series == entry.series else { throw .mismatch(.group) }
    return try group.decode(fields, parts)
  }

  /// A group whose checksum holds, not decoded yet.
  public struct Group {
    let group: RollupGroup
    public let byteCount: Int

    /// Its windows; `fields` are those that are wanted.
    public func columns(
      _ fields: Set<FieldID>,
      _ parts: RollupParts
    ) throws(BlockError) -> [RollupColumn] {
      try group.decode(fields, parts)
    }
  }

  /// The groups that may have windows of a series' fields, every checksum verified.
  public func groups(
    of series: SeriesID,
    fields: [FieldID]
  ) throws(BlockError) -> [Group] {
    var groups: [Group] = []
    for entry in try entries(of: series, fields: fields) {
      let group = try RollupGroup(bytes.bytes(at: entry.offset, entry.byteCount), identity)
      guard group.series == entry.series else { throw .mismatch(.group) }
      groups.append(Group(group: group, byteCount: entry.byteCount))
    }
    return groups
  }

  /// The columns of a group.
  public func fields(
    _ entry: RollupEntry
  ) throws(BlockError) -> [(field: FieldID, type: ColumnType)] {
    try RollupGroup(bytes.bytes(at: entry.offset, entry.byteCount), identity).fields
  }

  /// The names behind the identifiers.
  public func definitions() throws(BlockError) -> BlockDefinitions {
    guard case .pages(let summary) = source else { throw .truncated(.definitions) }
    let range = summary.definitionsOffset..<summary.indexOffset
    return try BlockDefinitions.decode(bytes.readSection(.definitions, in: range))
  }

  // MARK: Checking

  /// What is not as it was written, for `varve verify`. Reads and decodes everything.
  public func check() -> [Damage] {
    var found = damages
    do throws(BlockError) {
      if case .pages(let summary) = source {
        _ = try bytes.readSection(
          .index,
          in: summary.indexOffset..<summary.indexOffset + SectionHeader.byteCount
            + RollupIndex.byteCount(summary.entryCount)
        )
        _ = try definitions()
      }
      var last = SeriesID(0)
      for entry in try entries() {
        if entry.series < last { throw .malformed(.index) }
        last = entry.series
        do throws(BlockError) {
          _ = try read(entry)
        } catch {
          let range = "series \(entry.series.rawValue)"
          found.append(damage(error, entry.offset, entry.byteCount, range))
        }
      }
    } catch {
      found.append(damage(error, 0, bytes.byteCount, ""))
    }
    return found
  }

  private func damage(
    _ error: BlockError,
    _ offset: Int,
    _ byteCount: Int,
    _ range: String
  ) -> Damage {
    Damage(
      severity: .damage,
      path: path,
      offset: offset,
      byteCount: byteCount,
      what: error.text,
      range: range
    )
  }
}
