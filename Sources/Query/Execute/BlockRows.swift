internal import Blocks
internal import Model

/// The chunk groups of a partition's blocks.
struct BlockRowsSource: SealedRowsSource {
  private let blocks: [BlockReader]

  /// - Parameter blocks: oldest offsets first.
  init(_ blocks: [BlockReader]) { self.blocks = blocks }

  /// - Complexity: a read of 2.5 KB for each block of the tenant that meets `range`.
  func groups(
    of series: SeriesID,
    tenant: TenantID,
    in range: TimeRange,
    failures: inout [String]
  ) -> [any SealedRows] {
    var groups: [any SealedRows] = []
    for block in blocks
    where block.summary.identity.tenant == tenant && block.summary.meets(range) {
      do throws(BlockError) {
        for entry in try block.groups(series: series)
        where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
          groups.append(BlockRows(block: block, entry: entry))
        }
      } catch {
        failures.append("\(block.path): \(error.text)")
      }
      // A damaged index is rebuilt from the groups that can still be read: those that cannot, of
      // whatever series, are only told of here.
      for damage in block.damages where damage.severity != .note {
        failures.append(damage.description)
      }
    }
    return groups
  }
}

/// One chunk group.
private struct BlockRows: SealedRows {
  let block: BlockReader
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
    var statistics = ReadStatistics()
    do throws(BlockError) {
      return try block.read(entry, fields: fields, range: range, statistics: &statistics)
    } catch {
      throw UnreadableRows("\(block.path): the group at \(entry.offset): \(error.text)")
    }
  }
}
