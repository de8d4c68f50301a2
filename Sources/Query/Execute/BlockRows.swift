internal import Blocks
internal import Model
internal import Platform

/// The chunk groups of a partition's blocks.
struct BlockRowsSource: SealedRowsSource {
  private let blocks: [BlockReader]

  /// - Parameter blocks: oldest offsets first.
  init(_ blocks: [BlockReader]) { self.blocks = blocks }

  func scan() -> any SealedRowsSource { BlockRowsScan(blocks) }

  /// - Complexity: a read of 2.5 KB for each block of the tenant that meets `range`.
  func groups(
    of series: SeriesID,
    tenant: TenantID,
    in range: TimeRange,
    failures: inout [String]
  ) -> [any SealedRows] {
    BlockRowsScan(blocks).groups(of: series, tenant: tenant, in: range, failures: &failures)
  }
}

/// Goes through the blocks of a partition from series to series.
private final class BlockRowsScan: SealedRowsSource {
  private struct Place {
    var cursor: BlockCursor
    /// Damages that were told of.
    var damageCount = 0

    init(_ block: BlockReader) { cursor = BlockCursor(block) }
  }

  private var places: [Place]
  /// Kept for its memory.
  private var entries: [ChunkGroupEntry] = []

  init(_ blocks: [BlockReader]) { places = blocks.map(Place.init) }

  func groups(
    of series: SeriesID,
    tenant: TenantID,
    in range: TimeRange,
    failures: inout [String]
  ) -> [any SealedRows] {
    var groups: [any SealedRows] = []
    for index in places.indices {
      let block = places[index].cursor.block
      guard block.summary.identity.tenant == tenant else { continue }
      if block.summary.meets(range) {
        entries.removeAll(keepingCapacity: true)
        do throws(BlockError) {
          try places[index].cursor.collect(series, into: &entries)
          for entry in entries
          where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
            groups.append(BlockRows(block: block, file: places[index].cursor.file, entry: entry))
          }
        } catch {
          failures.append("\(block.path): \(error.text)")
        }
      } else if !block.isRebuilt {
        // What is left of a damaged block does not tell which times it had.
        continue
      }
      // A damaged index is rebuilt from the groups that can still be read: those that cannot, of
      // whatever series, are only told of here.
      let damages = block.damages
      guard damages.count > places[index].damageCount else { continue }
      places[index].damageCount = damages.count
      for damage in damages where damage.severity != .note { failures.append(damage.description) }
    }
    return groups
  }
}

/// One chunk group.
private struct BlockRows: SealedRows {
  let block: BlockReader
  let file: any ReadableFile
  let entry: ChunkGroupEntry

  var fieldSet: FieldSetID { entry.fieldSet }
  var firstTimestamp: Timestamp { entry.firstTimestamp }
  var lastTimestamp: Timestamp { entry.lastTimestamp }
  var rowCount: Int { entry.rowCount }
  var isCold: Bool { block.summary.cold != nil }

  func columns(
    of fields: [FieldID],
    in range: TimeRange
  ) throws(UnreadableRows) -> ColumnBatch {
    try columns(of: fields, in: range) { _ in true }
  }

  func columns(
    of fields: [FieldID],
    in range: TimeRange,
    claim: (Int) -> Bool
  ) throws(UnreadableRows) -> ColumnBatch {
    var statistics = ReadStatistics()
    do throws(BlockError) {
      return try block.read(
        entry,
        fields: fields,
        range: range,
        through: file,
        statistics: &statistics,
        claim: claim
      )
    } catch {
      throw unreadable(error)
    }
  }

  func statistics(of fields: [FieldID]) throws(UnreadableRows) -> GroupStatistics? {
    guard rowCount >= BlockReader.statisticsRowCountMin else { return nil }
    do throws(BlockError) {
      return try block.statistics(of: entry, fields: fields, through: file)
    } catch {
      throw unreadable(error)
    }
  }

  func lastRow(
    of fields: [FieldID]
  ) throws(UnreadableRows) -> (row: ColumnBatch, decodedCount: Int) {
    do throws(BlockError) {
      return try block.lastRow(of: entry, fields: fields, through: file)
    } catch {
      throw unreadable(error)
    }
  }

  private func unreadable(_ error: BlockError) -> UnreadableRows {
    UnreadableRows("\(block.path): the group at \(entry.offset): \(error.text)")
  }
}
