internal import Blocks
internal import Catalog
internal import Model

/// What a block holds of each measurement, found once in its index.
struct BlockContents {
  struct Part {
    var points: UInt64 = 0
    var lastTimestamp: Timestamp = .min
  }

  var parts: [MeasurementID: Part] = [:]
}

/// Looks into blocks for whose points they hold. Belongs to one thread; keeps what it found of
/// blocks that are still there.
final class BlockContentsCache {
  private let catalog: Catalog
  private let fieldSets: FieldSets
  private var measurements: [SeriesID: MeasurementID] = [:]
  private var known: [String: BlockContents] = [:]

  private static let seriesMax = 1 << 20

  init(_ catalog: Catalog) {
    self.catalog = catalog
    fieldSets = FieldSets(catalog: catalog)
  }

  /// - Returns: `nil` when the block's index cannot be read.
  /// - Complexity: reads the index the first time, 40 bytes a group.
  func contents(of block: BlockReader) -> BlockContents? {
    if let found = known[block.path] { return found }
    var contents = BlockContents()
    var isKnown = true
    do throws(BlockError) {
      try block.forEachGroup { entry in
        guard let measurement = measurement(of: entry.series) else {
          isKnown = false
          return
        }
        var part = contents.parts[measurement] ?? BlockContents.Part()
        part.points += points(of: entry)
        part.lastTimestamp = max(part.lastTimestamp, entry.lastTimestamp)
        contents.parts[measurement] = part
      }
    } catch {
      return nil
    }
    guard isKnown else { return nil }
    known[block.path] = contents
    return contents
  }

  func points(of entry: ChunkGroupEntry) -> UInt64 {
    UInt64(entry.rowCount) * UInt64(fieldSets.columns(of: entry.fieldSet)?.fields.count ?? 1)
  }

  func measurement(of series: SeriesID) -> MeasurementID? {
    if let found = measurements[series] { return found }
    guard let found = catalog.series(series)?.measurement else { return nil }
    if measurements.count >= Self.seriesMax { measurements.removeAll() }
    measurements[series] = found
    return found
  }

  /// Forgets blocks that are gone.
  func keep(_ paths: Set<String>) { known = known.filter { paths.contains($0.key) } }
}
