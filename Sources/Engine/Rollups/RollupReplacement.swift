internal import Blocks
internal import Model
internal import Platform

/// Rollups that were made anew, or are to go.
struct RollupReplacement: Sendable {
  var removed: [RollupFile] = []
  var added: [RollupFile] = []
  /// Of the added ones.
  var readers: [RollupReader] = []
  /// Days that were folded, out of blocks below ``end``, when ``cut`` was the last one.
  var days: [Int64] = []
  /// Days that are covered although they could not be read: they are folded as soon as they can.
  var leftOut: Set<Int64> = []
  var cut: UInt64
  var end: Offset
  var coverage: [RollupUnit: RollupState.Coverage]
  /// The first days of which blocks have all rows, as far as folding has shown that some are gone.
  var rawFrom: [MeasurementID: Int64] = [:]
  /// Deletes that were applied before, since the start.
  var deleteCount = 0
}

extension PartitionStore {
  /// Puts rollups in the place of others with one rename of the manifest. Whoever reads the others
  /// now goes on doing so.
  func replaceRollups(_ replacement: RollupReplacement) -> BlockSwap {
    let names = Set(manifest.rollups.files.map(\.fileName))
    guard replacement.removed.allSatisfy({ names.contains($0.fileName) }) else { return .refused }
    // Rows that were deleted meanwhile may be in them.
    guard replacement.deleteCount == deleteCount else { return .refused }
    var next = manifest
    next.rollups.coverage = replacement.coverage
    for day in replacement.days { next.rollups.noteFolded(day, cut: replacement.cut) }
    for day in replacement.leftOut where next.rollups.changed[day] == nil {
      next.rollups.changed[day] = next.cut
    }
    // What was cut meanwhile is not in them.
    let later = blocks.filter { $0.summary.identity.b > replacement.end }
    next.rollups.note(later.flatMap { $0.times(before: next.rollups) }, cut: next.cut)
    for (measurement, day) in replacement.rawFrom {
      next.rollups.noteRawGone(measurement, before: day)
    }
    next.rollups.forgetUncovered()
    next.rollups.forgetDeletes()
    next.rollups.replaceFiles(replacement.removed, with: replacement.added)
    next.rollups.revision = replacement.added.map(\.identity.revision)
      .reduce(next.rollups.revision, max)
    do throws(SystemError) {
      try files.manifests.commit(next)
    } catch {
      return .failed(error)
    }
    retention.observe(next.rollups)
    let gone = Set(replacement.removed.map(\.fileName))
    adopt(
      next,
      rollups: RollupSet(
        next.rollups,
        rollups.readers.filter { !gone.contains($0.file.fileName) } + replacement.readers
      )
    )
    CrashPoint.rollupCommitted.reach()
    return .done
  }
}

extension BlockReader {
  /// The times of its groups, for ``RollupState/note(_:cut:)``; none when all of them lie behind
  /// what is folded.
  func times(before rollups: RollupState) -> [(first: Timestamp, last: Timestamp)] {
    guard summary.rowCount > 0, let until = rollups.coverage.values.map(\.until).max(),
      summary.firstTimestamp / RollupUnit.nanosecondsPerDay < until
    else { return [] }
    var times: [(first: Timestamp, last: Timestamp)] = []
    do throws(BlockError) {
      try forEachGroup { times.append(($0.firstTimestamp, $0.lastTimestamp)) }
    } catch {
      // Any of its days, then.
      return [(summary.firstTimestamp, summary.lastTimestamp)]
    }
    return times
  }
}
