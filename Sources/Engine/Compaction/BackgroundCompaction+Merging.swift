internal import Blocks
internal import Catalog
internal import Model
internal import Platform

/// Making one merge.
extension BackgroundCompaction {
  /// What became of a merge on its thread.
  struct Merge: Sendable {
    var outputs: [BlockSummary] = []
    /// Of the outputs.
    var readers: [BlockReader] = []
    /// Points that were left out.
    var removed: [Removals.Key: UInt64] = [:]
    var failure: CompactionError?
  }

  /// Writes the merged blocks of a step; nothing names them yet. Touches nothing that changes, so
  /// that several may be made at once.
  ///
  /// - Parameter pace: see ``StepMerger``.
  func make(_ work: Work, _ pace: @escaping (Int) throws(CompactionError) -> Void) -> Merge {
    let folder = directory.blocks(Int(work.partition.rawValue))
    let filter = groupFilter(deletesEnd: work.deletesEnd, foldedUntil: work.foldedUntil)
    var merge = Merge()
    do throws(CompactionError) {
      try checkSpace(for: work)
      let merger = StepMerger(
        disk: parts.disk,
        directory: folder,
        policy: work.policy,
        filter: filter,
        pace: pace
      )
      try merger.merge(work.step, work.readers, into: &merge.outputs)
      merge.readers = try open(merge.outputs, in: folder)
    } catch {
      merge.failure = error
    }
    merge.removed = filter.counts
    return merge
  }

  /// Puts what was made in the place of its inputs; notes what went wrong.
  ///
  /// - Returns: whether it was made.
  func finish(_ merge: Merge, of work: Work) -> Bool {
    do throws(CompactionError) {
      if let failure = merge.failure { throw failure }
      try replace(merge, of: work)
      retries[work.partition] = nil
      return true
    } catch {
      if merge.failure != nil, !doubtful.contains(work.partition) {
        // Files of a partition in doubt may be those that its manifest names.
        let folder = directory.blocks(Int(work.partition.rawValue))
        for output in merge.outputs {
          try? parts.disk.remove(Path.join(folder, output.fileName))
        }
      }
      note(error, work)
      return false
    }
  }

  private func replace(_ merge: Merge, of work: Work) throws(CompactionError) {
    CrashPoint.compactionWritten.reach()
    let replacement = BlockReplacement(
      inputs: work.step.inputs,
      outputs: merge.outputs,
      readers: merge.readers,
      removed: merge.removed,
      deletesEnd: work.deletesEnd,
      rawFrom: rawFrom(merge.removed, work.foldedUntil)
    )
    try swap(replacement, in: work)
    retired += work.readers
    for cause in [Removals.Cause.age, .deleted] {
      let points = merge.removed.reduce(0) { $0 + ($1.key.cause == cause ? $1.value : 0) }
      if points > 0 { retentionCounters.removed(cause, blocks: 0, points: points, bytes: 0) }
    }
    counters.merged(
      points: work.step.pointCount,
      read: work.step.inputByteCount,
      written: merge.outputs.reduce(0) { $0 + $1.byteCount }
    )
  }

  /// The first days of which rows are left of measurements that a merge has left old rows out of.
  private func rawFrom(
    _ removed: [Removals.Key: UInt64],
    _ foldedUntil: Timestamp
  ) -> [MeasurementID: Int64] {
    var days: [MeasurementID: Int64] = [:]
    let perDay = RollupUnit.nanosecondsPerDay
    for key in removed.keys where key.cause == .age {
      let whose =
        key.measurement.flatMap { catalog.measurement($0) }.map { [$0] }
        ?? catalog.measurements(of: key.tenant)
      for definition in whose {
        let oldest = retention.oldestStored(
          tenant: Retention.text(catalog.tenant(definition.tenant)?.name ?? []),
          measurement: Retention.text(definition.name),
          now: parts.clock.now()
        )
        // Without rollups the bound may lie within a day, which is not whole any more then.
        days[definition.id] = (min(oldest, foldedUntil) + perDay - 1) / perDay
      }
    }
    return days
  }

  private func open(
    _ outputs: [BlockSummary],
    in folder: String
  ) throws(CompactionError) -> [BlockReader] {
    var readers: [BlockReader] = []
    for output in outputs {
      let path = Path.join(folder, output.fileName)
      do throws(BlockError) {
        readers.append(try BlockReader.open(files, path: path))
      } catch {
        if case .system(let failure) = error { throw .system(failure) }
        // What was written a moment ago does not read back: the disk's fault, whatever it says.
        throw .system(
          SystemError(code: SystemError.Code.inputOutput, operation: "read back", path: path)
        )
      }
    }
    return readers
  }

  private func swap(
    _ replacement: BlockReplacement,
    in work: Work
  ) throws(CompactionError) {
    switch work.worker.replaceBlocks(of: work.partition, replacement, parts) {
    case .done: doubtful.remove(work.partition)
    case .failed(let failure):
      doubtful.insert(work.partition)
      throw .system(failure)
    case .refused, nil:
      // Nobody knows whether it comes to be: the next look tells.
      doubtful.insert(work.partition)
      throw .stopped
    }
  }

  /// A merge needs as much room as its inputs, and leaves some to those who write rows.
  private func checkSpace(for work: Work) throws(CompactionError) {
    let step = work.step
    guard let space = try? parts.disk.space(at: directory.path) else { return }
    guard
      space.free >= step.inputByteCount + space.total / 32 || makesRoom(work, space.free)
    else {
      throw .system(
        SystemError(
          code: SystemError.Code.noSpace,
          operation: "merge \(step.inputByteCount) bytes of blocks",
          path: directory.path
        )
      )
    }
  }

  /// Whether a merge leaves out so many deleted rows that a full disk is rather a reason for it.
  private func makesRoom(_ work: Work, _ free: Int) -> Bool {
    guard work.deletesEnd > .zero else { return false }
    var kept = Self.smallByteCount
    for reader in work.readers {
      guard let count = try? reader.keptByteCount() else { return false }
      kept += count
    }
    return 2 * kept <= max(work.step.inputByteCount, 2 * Self.smallByteCount) && 2 * kept <= free
  }

  private func note(_ error: CompactionError, _ work: Work) {
    switch error {
    case .stopped: return
    case .damaged(let damage): barred.insert(Path.name(of: damage.path))
    case .system, .block(.system):
      let waited = retries[work.partition]?.waited ?? Self.retryNanosecondsMin / 2
      let wait = min(2 * waited, Self.retryNanosecondsMax)
      retries[work.partition] = (parts.clock.monotonic() &+ wait, wait)
    case .block: barred.formUnion(work.step.inputs.map(\.fileName))
    }
    counters.failed()
    troubles.note(
      "blocks of partition \(work.partition.rawValue) were not merged and stay as they are: "
        + error.text,
      at: parts.clock.monotonic()
    )
  }

  /// What merges leave out, by the rules of retention.
  ///
  /// - Parameters:
  ///   - deletesEnd: deletes before it are carried out.
  ///   - foldedUntil: rows from here on are not in rollups yet, and stay.
  private func groupFilter(deletesEnd: Offset, foldedUntil: Timestamp) -> GroupFilter {
    guard retention.rules.isActive else { return GroupFilter(deletesEnd: deletesEnd) }
    let (catalog, retention) = (catalog, retention)
    let now = parts.clock.now()
    let shortest = retention.oldestOfShortest(now: now)
    var known: [MeasurementID: Timestamp] = [:]
    return GroupFilter(deletesEnd: deletesEnd) { series in
      guard shortest > 0, let measurement = catalog.series(series)?.measurement else {
        return .min
      }
      if let oldest = known[measurement] { return oldest }
      guard let definition = catalog.measurement(measurement) else { return .min }
      let oldest = min(
        retention.oldestStored(
          tenant: Retention.text(catalog.tenant(definition.tenant)?.name ?? []),
          measurement: Retention.text(definition.name),
          now: now
        ),
        foldedUntil
      )
      known[measurement] = oldest
      return oldest
    }
  }
}
