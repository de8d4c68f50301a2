public import Model
public import Platform

/// Looks up the groups of one series after another in one block. Made for series that ascend: then
/// each page of the index is read once. One thread.
public struct BlockCursor {
  public let block: BlockReader
  /// The block's file, read forwards.
  public let file: any ReadableFile

  /// Pages that are read together once lookups go on from page to page.
  private static let pagesPerRead = 8

  private var pages = 0..<0
  /// The entries of `pages`, ascending by series.
  private var entries: [ChunkGroupEntry] = []
  /// Where the last lookup ended.
  private var position = 0

  public init(_ block: BlockReader) {
    self.block = block
    file = ForwardFile(block.file)
  }

  /// Appends the groups of a series, in file order.
  ///
  /// - Throws: as ``BlockReader/groups(series:)`` does.
  public mutating func collect(
    _ series: SeriesID,
    into groups: inout [ChunkGroupEntry]
  ) throws(BlockError) {
    guard let firstSeries = block.pageFirstSeries else {
      groups += try block.groups(series: series)
      return
    }
    let start = groups.count
    if !isInside(series, firstSeries) {
      // The series may begin in the page before the first one that starts with it.
      let page = max(0, firstSeries.lowerBound { $0 < series } - 1)
      guard try load(page, firstSeries) else {
        groups += try block.groups(series: series)
        return
      }
    }
    while true {
      move(to: series)
      while position < entries.count, entries[position].series == series {
        groups.append(entries[position])
        position += 1
      }
      guard position == entries.count, pages.upperBound < firstSeries.count,
        firstSeries[pages.upperBound] <= series
      else { return }
      guard try load(pages.upperBound, firstSeries) else {
        groups.removeSubrange(start...)
        groups += try block.groups(series: series)
        return
      }
    }
  }

  /// Whether the loaded pages begin before all groups of a series, and end behind their beginning.
  private func isInside(_ series: SeriesID, _ firstSeries: [SeriesID]) -> Bool {
    guard let first = entries.first, let last = entries.last else { return false }
    let beginsBefore = first.series < series || pages.lowerBound == 0
    return beginsBefore && (series <= last.series || pages.upperBound == firstSeries.count)
  }

  /// Moves to the first entry that is not before a series.
  private mutating func move(to series: SeriesID) {
    if position > 0, entries[position - 1].series >= series {
      position = entries.lowerBound { $0.series < series }
      return
    }
    var steps = 0
    while position < entries.count, entries[position].series < series {
      position += 1
      steps += 1
      if steps == 8 {
        position = entries.lowerBound { $0.series < series }
        return
      }
    }
  }

  /// - Returns: `false` when the page is damaged: the reader then has no pages any more.
  private mutating func load(_ page: Int, _ firstSeries: [SeriesID]) throws(BlockError) -> Bool {
    let count = page == pages.upperBound && !pages.isEmpty ? Self.pagesPerRead : 1
    let wanted = page..<min(firstSeries.count, page + count)
    do throws(BlockError) {
      entries = try block.entries(ofPages: wanted)
      pages = wanted
    } catch {
      entries = []
      pages = 0..<0
      position = 0
      guard !error.isRefusal else { throw error }
      block.rebuildIndex(after: error)
      return false
    }
    position = 0
    return true
  }
}
