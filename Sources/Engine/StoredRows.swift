internal import Blocks
internal import Model

/// Reads what a partition's blocks hold of one series.
struct StoredRows {
  let blocks: [BlockReader]

  /// The rows of `series` in `range`, one batch a chunk group, in the order of their offsets: where
  /// two batches hold a field at the same timestamp, the later one wins.
  ///
  /// A group that fails its check is left out and counted: the query or cut goes on with the rest.
  func batches(
    of series: SeriesID,
    fields: [FieldID]?,
    range: TimeRange
  ) -> (batches: [ColumnBatch], damagedGroups: Int) {
    var result: [ColumnBatch] = []
    var damaged = 0
    var statistics = ReadStatistics()
    for block in blocks where block.summary.meets(range) {
      guard let entries = try? block.groups(series: series) else {
        damaged += 1
        continue
      }
      for entry in entries
      where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
        do throws(BlockError) {
          let batch = try block.read(
            entry,
            fields: fields,
            range: range,
            statistics: &statistics
          )
          if !batch.timestamps.isEmpty { result.append(batch) }
        } catch {
          damaged += 1
        }
      }
    }
    return (result, damaged)
  }
}
