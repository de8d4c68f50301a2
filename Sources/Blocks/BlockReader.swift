public import Model
public import Platform
internal import Synchronization

/// A finished block, open for reading; safe from several threads.
///
/// Reads by `pread`, never mapped: a damaged sector is an error and no signal. Holds one series id
/// for each 64 groups and a bit for each group in memory. A group's checksum is verified when it is
/// first touched and remembered.
///
/// A block whose footer or index is damaged is read all the same: the index is rebuilt by scanning
/// the groups, and ``damages`` says so.
public final class BlockReader: Sendable {
  public let path: String
  public let summary: BlockSummary
  /// The partition's totals as of the block's cut; `nil` when the summary was lost.
  public let ledger: [LedgerEntry]?
  let file: any ReadableFile
  let definitionsRange: Range<Int>?
  /// Whether the file verifies all that it gives: then groups are not verified again.
  let isFileVerified: Bool
  private let state: Mutex<State>

  private struct State: Sendable {
    var index: Index
    /// One bit a group, by ordinal: its checksum held once. Empty after a rebuild, for entries that
    /// were handed out before have other ordinals: then every read verifies.
    var verified: [UInt64]
    var damages: [Damage]
    /// Rows to leave out.
    var deletes: [BlockDelete] = []
  }

  /// Where entries come from.
  private enum Index: Sendable {
    case paged(payloadOffset: Int, firstSeries: [SeriesID])
    /// Rebuilt; ascending by series, in file order within one.
    case scanned([ChunkGroupEntry])
  }

  /// Opens a block.
  ///
  /// - Parameter expected: what the manifest knows of it, for a block that lost its own word on it.
  /// - Throws: ``BlockError``; `.tooShort` and `.unidentified` when nothing can be made of the
  /// file.
  ///   Damage that leaves groups readable is not thrown but listed in ``damages``.
  /// - Complexity: two reads; a pass over the whole file when the footer is damaged.
  public static func open(
    disk: any Disk,
    path: String,
    expected: BlockIdentity? = nil
  ) throws(BlockError) -> BlockReader {
    let file: any ReadableFile
    do { file = try disk.open(path) } catch { throw .system(error) }
    return try open(file, path, expected)
  }

  /// The same for one of many blocks, whose files share a bounded number of descriptors.
  public static func open(
    _ files: BlockFiles,
    path: String,
    expected: BlockIdentity? = nil
  ) throws(BlockError) -> BlockReader {
    let file: any ReadableFile
    do { file = try files.open(path) } catch { throw .system(error) }
    return try open(file, path, expected)
  }

  static func open(
    _ file: any ReadableFile,
    _ path: String,
    _ expected: BlockIdentity?,
    cold: ColdPlace? = nil
  ) throws(BlockError) -> BlockReader {
    guard file.byteCount >= BlockIdentity.byteCount + BlockTrailer.byteCount else {
      throw .tooShort(byteCount: file.byteCount)
    }
    let footer: BlockFooter
    do throws(BlockError) {
      footer = try file.readFooter()
    } catch {
      guard !error.isRefusal else { throw error }
      return try scanned(path, file, footerError: error, expected, cold)
    }
    return BlockReader(
      path,
      file,
      footer.summary,
      cold,
      footer.ledger,
      footer.definitions,
      .paged(payloadOffset: footer.indexPayloadOffset, firstSeries: footer.pageFirstSeries),
      headerDamage(path, file, footer)
    )
  }

  /// Opens a block whose footer is damaged.
  private static func scanned(
    _ path: String,
    _ file: any ReadableFile,
    footerError: BlockError,
    _ expected: BlockIdentity?,
    _ cold: ColdPlace?
  ) throws(BlockError) -> BlockReader {
    let scan = BlockScanner.scan(file, path: path)
    guard let identity = scan.footer?.summary.identity ?? scan.header ?? expected else {
      // When nothing can be read at all, the bytes may be as sound as ever.
      if case .system = footerError { throw footerError }
      throw .unidentified
    }
    let damage = Damage(
      severity: .damage,
      path: path,
      offset: file.byteCount - BlockTrailer.byteCount,
      byteCount: BlockTrailer.byteCount,
      what: footerError.text + "; the index was rebuilt from \(scan.entries.count) groups",
      range: identity.range
    )
    return BlockReader(
      path,
      file,
      scan.summary(identity, byteCount: file.byteCount),
      cold,
      scan.footer?.ledger,
      scan.definitions,
      .scanned(scan.entries),
      scan.damages + [damage]
    )
  }

  /// What is wrong with the start of a block whose summary is sound.
  private static func headerDamage(
    _ path: String,
    _ file: any ReadableFile,
    _ footer: BlockFooter
  ) -> [Damage] {
    let what: String
    do throws(BlockError) {
      let bytes = try file.bytes(at: 0, BlockIdentity.byteCount)
      let header = try BlockIdentity(bytes.span)
      guard header != footer.summary.identity else { return [] }
      what = BlockError.mismatch(.header).text
    } catch {
      what = error.text
    }
    let damage = Damage(
      severity: .damage,
      path: path,
      offset: 0,
      byteCount: BlockIdentity.byteCount,
      what: what + "; the summary repeats it"
    )
    return [damage]
  }

  private init(
    _ path: String,
    _ file: any ReadableFile,
    _ summary: BlockSummary,
    _ cold: ColdPlace?,
    _ ledger: [LedgerEntry]?,
    _ definitionsRange: Range<Int>?,
    _ index: Index,
    _ damages: [Damage]
  ) {
    self.path = path
    self.file = file
    var summary = summary
    summary.cold = cold?.reference
    self.summary = summary
    isFileVerified = cold?.isVerified ?? false
    self.ledger = ledger
    self.definitionsRange = definitionsRange
    let verified = Self.emptyBitmap(summary.groupCount)
    state = Mutex(State(index: index, verified: verified, damages: damages))
  }

  private static func emptyBitmap(_ groupCount: Int) -> [UInt64] {
    Array(repeating: 0, count: (groupCount + 63) / 64)
  }

  /// What was found damaged so far: at the opening, and at lookups since.
  public var damages: [Damage] { state.withLock { $0.damages } }

  /// The names behind the block's identifiers.
  ///
  /// - Throws: ``BlockError`` when the section is damaged; the groups read without it.
  public func definitions() throws(BlockError) -> BlockDefinitions {
    guard let definitionsRange else { throw .checksum(.definitions) }
    let payload = try file.readSection(.definitions, in: definitionsRange)
    return try DefinitionsReader.definitions(payload.span)
  }

  /// Whether the index was rebuilt from what can be read of the file: its summary says no more than
  /// that.
  public var isRebuilt: Bool {
    if case .scanned = state.withLock({ $0.index }) { true } else { false }
  }

  /// Where the definitions begin, behind the last group; `nil` for a block whose footer or index
  /// is damaged.
  package var tailOffset: Int? {
    guard case .paged = state.withLock({ $0.index }), damages.isEmpty else { return nil }
    return definitionsRange?.lowerBound
  }

  // MARK: Entries

  /// The groups of a series, in file order: where two hold one point, the later one counts.
  ///
  /// - Throws: a refusal of the system only; a damaged page makes the index be rebuilt.
  /// - Complexity: binary search and a read of 2.5 KB; a scan of the file after damage.
  public func groups(series: SeriesID) throws(BlockError) -> [ChunkGroupEntry] {
    switch state.withLock({ $0.index }) {
    case .scanned(let entries):
      let start = entries.lowerBound { $0.series < series }
      return Array(entries[start...].prefix { $0.series == series })
    case .paged(let offset, let firstSeries):
      // The series may begin in the page before the first one that starts with it.
      var page = max(0, firstSeries.lowerBound { $0 < series } - 1)
      var found: [ChunkGroupEntry] = []
      while page < firstSeries.count, firstSeries[page] <= series {
        do throws(BlockError) {
          let entries = try readPages(page..<page + 1, payloadOffset: offset)
          found.append(contentsOf: entries.filter { $0.series == series })
        } catch {
          guard !error.isRefusal else { throw error }
          rebuildIndex(after: error)
          return try groups(series: series)
        }
        page += 1
      }
      return found
    }
  }

  /// Calls `body` with every group in file order, reading the index a few pages at a time.
  ///
  /// - Throws: a refusal of the system only. After damage the index is rebuilt first, and `body`
  ///   sees each group once.
  public func forEachGroup(_ body: (ChunkGroupEntry) -> Void) throws(BlockError) {
    var next = 0
    var lastOffset = 0
    while case .paged(let offset, let firstSeries) = state.withLock({ $0.index }) {
      guard next < firstSeries.count else { return }
      let pages = next..<min(firstSeries.count, next + Self.pagesPerRead)
      do throws(BlockError) {
        for entry in try readPages(pages, payloadOffset: offset) {
          body(entry)
          lastOffset = entry.offset
        }
        next = pages.upperBound
      } catch {
        guard !error.isRefusal else { throw error }
        rebuildIndex(after: error)
      }
    }
    guard case .scanned(let entries) = state.withLock({ $0.index }) else { return }
    // No group begins at 0: there is the header.
    for entry in entries where entry.offset > lastOffset { body(entry) }
  }

  private static let pagesPerRead = 64

  /// All groups in file order: 80 bytes of memory each.
  public func entries() throws(BlockError) -> [ChunkGroupEntry] {
    var entries: [ChunkGroupEntry] = []
    entries.reserveCapacity(summary.groupCount)
    try forEachGroup { entries.append($0) }
    return entries
  }

  /// Pages of the index, which a rebuilt one has not.
  var pageCount: Int? {
    guard case .paged(_, let firstSeries) = state.withLock({ $0.index }) else { return nil }
    return firstSeries.count
  }

  /// The first series of each page of the index, which a rebuilt one has not.
  var pageFirstSeries: [SeriesID]? {
    guard case .paged(_, let firstSeries) = state.withLock({ $0.index }) else { return nil }
    return firstSeries
  }

  /// The groups of some pages of the index, ascending by series.
  func entries(ofPages pages: Range<Int>) throws(BlockError) -> [ChunkGroupEntry] {
    guard case .paged(let offset, let firstSeries) = state.withLock({ $0.index }),
      pages.upperBound <= firstSeries.count
    else { throw .malformed(.index) }
    return try readPages(pages, payloadOffset: offset)
  }

  private func readPages(
    _ pages: Range<Int>,
    payloadOffset: Int
  ) throws(BlockError) -> [ChunkGroupEntry] {
    let count = summary.groupCount
    let range = BlockIndex.range(ofPages: pages, of: count)
    let bytes = try file.bytes(at: payloadOffset + range.lowerBound, range.count)
    var entries: [ChunkGroupEntry] = []
    for page in pages {
      let part = BlockIndex.range(ofPages: page..<page + 1, of: count)
      let start = part.lowerBound - range.lowerBound
      let pageBytes = bytes.span.extracting(start..<start + part.count)
      entries += try BlockIndex.entries(ofPage: page, pageBytes, entryCount: count)
    }
    return entries
  }

  /// Checks what lookups do not look at: the frame of the index's section.
  func checkIndexFrame() throws(BlockError) {
    guard case .paged(let payloadOffset, _) = state.withLock({ $0.index }) else { return }
    let start = payloadOffset - SectionHeader.byteCount
    let byteCount = SectionHeader.byteCount + BlockIndex.byteCount(entryCount: summary.groupCount)
    _ = try file.readSection(.index, in: start..<start + byteCount)
  }

  func rebuildIndex(after error: BlockError) {
    let scan = BlockScanner.scan(file, path: path)
    state.withLock { state in
      guard case .paged(let offset, _) = state.index else { return }
      state.index = .scanned(scan.entries)
      state.verified = []
      state.damages += scan.damages
      state.damages.append(
        Damage(
          severity: .damage,
          path: path,
          offset: offset,
          byteCount: BlockIndex.byteCount(entryCount: summary.groupCount),
          what: error.text + "; the index was rebuilt from \(scan.entries.count) groups",
          range: summary.identity.range
        )
      )
    }
  }

  // MARK: Deletes

  /// Leaves rows out from now on.
  public func leaveOut(_ delete: BlockDelete) {
    state.withLock { state in
      guard !state.deletes.contains(where: { $0.offset == delete.offset }) else { return }
      state.deletes.append(delete)
    }
  }

  /// The offset behind the last delete that it knows.
  public var deletesEnd: Offset {
    state.withLock { $0.deletes.map(\.offset).max()?.advanced(by: 1) ?? .zero }
  }

  /// The times of which rows of a series are deleted, by deletes before `end`.
  func deletedRanges(of series: SeriesID, before end: Offset) -> [TimeRange] {
    let deletes = state.withLock { $0.deletes }
    return deletes.filter { $0.offset < end && $0.record.contains(series) }.map(\.record.range)
  }

  /// The times of which rows of a group are deleted; those that it may have rows in.
  package func deletedRanges(of entry: ChunkGroupEntry) -> [TimeRange] {
    deletedRanges(of: entry.series, before: Offset(.max)).filter {
      $0.meets(first: entry.firstTimestamp, last: entry.lastTimestamp)
    }
  }

  /// Bytes of the groups that have a row that is not deleted.
  public func keptByteCount() throws(BlockError) -> Int {
    var sum = 0
    try forEachGroup { entry in
      if !Self.isWholly(entry, in: deletedRanges(of: entry)) { sum += entry.byteCount }
    }
    return sum
  }

  /// Whether one of some times has all rows of a group.
  static func isWholly(_ entry: ChunkGroupEntry, in ranges: [TimeRange]) -> Bool {
    ranges.contains { $0.contains(entry.firstTimestamp) && $0.contains(entry.lastTimestamp) }
  }

  // MARK: Verified groups

  func isVerified(_ entry: ChunkGroupEntry) -> Bool {
    if isFileVerified { return true }
    return state.withLock { state in
      let word = entry.ordinal / 64
      return word < state.verified.count
        && state.verified[word] & 1 << UInt64(entry.ordinal % 64) != 0
    }
  }

  func markVerified(_ entry: ChunkGroupEntry) {
    state.withLock { state in
      let word = entry.ordinal / 64
      guard word < state.verified.count else { return }
      state.verified[word] |= 1 << UInt64(entry.ordinal % 64)
    }
  }
}

extension RandomAccessCollection where Index == Int {
  /// The first index whose element does not satisfy `isBefore`, in a collection that is so ordered.
  func lowerBound(_ isBefore: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
