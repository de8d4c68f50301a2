internal import Blocks
internal import Catalog
internal import Logging
internal import Model
internal import Platform

/// Removes what retention does not keep, partition by partition; whole blocks at a time.
///
/// Belongs to the compaction's thread, so that no block goes while it is being merged.
final class RetentionRun {
  /// How often it looks.
  static let lookNanoseconds: UInt64 = 60_000_000_000
  /// A partition that is cutting or freezing, or a full disk, is tried again after this.
  static let retryNanoseconds: UInt64 = 1_000_000_000

  private let parts: EngineParts
  private let catalog: Catalog
  private let retention: Retention
  private let counters: RetentionCounters
  let cache: BlockContentsCache
  private var troubles: TroubleLog
  private var nextLookAt: UInt64 = 0

  init(
    parts: EngineParts,
    catalog: Catalog,
    retention: Retention,
    counters: RetentionCounters
  ) {
    self.parts = parts
    self.catalog = catalog
    self.retention = retention
    self.counters = counters
    cache = BlockContentsCache(catalog)
    troubles = TroubleLog(
      parts.logger,
      .removalFailed,
      end: (.removalsSucceed, "retention removes blocks again")
    )
  }

  /// Whether it is time to look.
  func isDue(monotonic: UInt64) -> Bool { retention.rules.isActive && monotonic >= nextLookAt }

  /// Removes blocks.
  ///
  /// - Parameters:
  ///   - lists: the blocks of each partition.
  ///   - foldedUntil: rows of a partition from there on are not in rollups yet, and stay.
  ///   - remove: asks a partition to take blocks out of its manifest.
  /// - Returns: readers of blocks that no manifest names any more.
  func run(
    _ lists: [(partition: PartitionID, list: BlockList)],
    monotonic: UInt64,
    foldedUntil: (BlockList) -> Timestamp,
    remove: (PartitionID, BlockRemoval) -> BlockSwap?
  ) -> [RetentionPlan.Candidate] {
    nextLookAt = monotonic &+ Self.lookNanoseconds
    let blocks = lists.flatMap { partition, list in
      let folded = foldedUntil(list)
      let readers = Dictionary(uniqueKeysWithValues: list.readers.map { ($0.summary.fileName, $0) })
      return list.summaries.map { (summary) -> RetentionPlan.Candidate in
        var block = RetentionPlan.Candidate(
          partition: partition,
          summary: summary,
          reader: readers[summary.fileName]
        )
        block.foldedUntil = folded
        return block
      }
    }
    cache.keep(Set(blocks.compactMap(\.reader?.path)))
    let plan = RetentionPlan(
      retention: retention,
      catalog: catalog,
      cache: cache,
      now: parts.clock.now()
    )
    let chosen = Dictionary(grouping: plan.removed(of: blocks), by: \.block.partition)
    var gone: [RetentionPlan.Removed] = []
    for (partition, removed) in chosen.sorted(by: { $0.key < $1.key }) {
      let removal = BlockRemoval(
        blocks: removed.map(\.block.summary),
        points: removed.reduce(into: [:]) { $0.merge($1.points, uniquingKeysWith: +) },
        rawFrom: rawFrom(removed)
      )
      switch remove(partition, removal) {
      case .done:
        gone += removed
        troubles.clear(at: monotonic)
      case .refused, nil:
        nextLookAt = monotonic &+ Self.retryNanoseconds
      case .failed(let failure):
        counters.failed()
        nextLookAt = monotonic &+ Self.retryNanoseconds
        troubles.note(
          "retention could not remove \(removed.count) blocks of partition "
            + "\(partition.rawValue) and will try again: \(failure)",
          at: monotonic
        )
      }
    }
    tell(gone)
    return gone.map(\.block)
  }

  /// The first days of which rows are left once some blocks are gone: also where no rollup is made
  /// now, for windows of former ones may be there.
  private func rawFrom(_ removed: [RetentionPlan.Removed]) -> [MeasurementID: Int64] {
    var days: [MeasurementID: Int64] = [:]
    func note(_ measurement: MeasurementID, _ last: Timestamp) {
      let day = last / RollupUnit.nanosecondsPerDay + 1
      days[measurement] = max(days[measurement] ?? 0, day)
    }
    for block in removed.map(\.block) {
      if let reader = block.reader, let contents = cache.contents(of: reader) {
        for (measurement, part) in contents.parts { note(measurement, part.lastTimestamp) }
      } else {
        // It may have held any of them.
        for measurement in catalog.measurements(of: block.summary.identity.tenant) {
          note(measurement.id, block.summary.lastTimestamp)
        }
      }
    }
    return days
  }

  /// One line for the log, and the counters.
  private func tell(_ removed: [RetentionPlan.Removed]) {
    for cause in Removals.Cause.allCases {
      let part = removed.filter { $0.cause == cause }
      guard !part.isEmpty else { continue }
      let points = part.reduce(0) { $0 + $1.points.values.reduce(0, +) }
      let bytes = part.reduce(0) { $0 + $1.block.summary.byteCount }
      counters.removed(cause, blocks: part.count, points: points, bytes: bytes)
      let newest = part.map(\.block.summary.lastTimestamp).max() ?? 0
      parts.logger.log(
        .blocksRemoved,
        .notice,
        "retention removed blocks",
        [
          "cause": "\(cause.name)", "blocks": .stringConvertible(part.count),
          "points": .stringConvertible(points), "bytes": .stringConvertible(bytes),
          "up_to": "\(CivilTime(nanoseconds: newest).rfc3339(decimals: 0))",
        ]
      )
    }
  }
}
