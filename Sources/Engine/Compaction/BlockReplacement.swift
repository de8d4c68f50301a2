internal import Blocks
internal import Model
internal import Platform

/// The blocks of a partition at a moment.
struct BlockList: Sendable {
  /// As the manifest names them.
  var summaries: [BlockSummary]
  /// Those of them that are open, in the same order.
  var readers: [BlockReader]
  /// Deletes that blocks still hold rows of.
  var deletes: [BlockDelete] = []
  /// Deletes that were applied since the start.
  var deleteCount = 0
  var rollups = RollupSet.none
  /// The last cut, and where the next one begins.
  var cut: UInt64 = 0
  var nextOffset = Offset.zero
  /// Whether retention or deletes have ever taken rows away.
  var hasRemovals = false
}

/// Merged blocks that are to take the place of their inputs.
struct BlockReplacement: Sendable {
  var inputs: [BlockSummary]
  var outputs: [BlockSummary]
  /// Of the outputs.
  var readers: [BlockReader]
  /// Points that are in the inputs and were left out.
  var removed: [Removals.Key: UInt64] = [:]
  /// Deletes before it are carried out.
  var deletesEnd = Offset.zero
  /// The first days of which raw rows are left, of measurements that have rollups.
  var rawFrom: [MeasurementID: Int64] = [:]

  /// The list with the outputs in the place of the inputs; `nil` when these are not all there, one
  /// after another.
  func applied(to list: BlockList) -> BlockList? {
    guard let start = list.summaries.firstIndex(of: inputs[0]),
      start + inputs.count <= list.summaries.count,
      list.summaries[start..<start + inputs.count].elementsEqual(inputs)
    else { return nil }
    let names = Set(inputs.map(\.fileName))
    // Of one that could not be opened until now the place is behind the readers before it.
    let earlier = Set(list.summaries[..<start].map(\.fileName))
    let place =
      list.readers.firstIndex { names.contains($0.summary.fileName) }
      ?? list.readers.firstIndex { !earlier.contains($0.summary.fileName) } ?? list.readers.count
    var result = list
    result.summaries.replaceSubrange(start..<start + inputs.count, with: outputs)
    result.readers.removeAll { names.contains($0.summary.fileName) }
    result.readers.insert(contentsOf: readers, at: place)
    return result
  }
}

/// What became of a replacement.
enum BlockSwap: Sendable {
  case done
  /// The inputs are not what the partition has.
  case refused
  /// The old list holds; on the disk it may be either one until the next manifest is committed, so
  /// that neither's files may go.
  case failed(SystemError)
}
