internal import Blocks
internal import Model
internal import Platform
internal import Queue
internal import Ring
internal import Synchronization

/// Why a partition was cut. The raw value is the label of metrics.
public enum CutCause: String, Sendable, CaseIterable {
  /// Its share of the open-row budget was spent.
  case budget
  /// Its oldest open row was as old as the cut interval.
  case age
  /// It held back too much of the log.
  case log
  /// Somebody asked: a flush, or the end of the server.
  case flush
  /// The budget was spent during replay.
  case replay
  /// A delete acts on what came before it.
  case delete
}

/// What the worker of one partition counts. Every number is an atomic of its own that only the
/// worker's thread writes and anybody reads: no lock, no allocation.
final class PartitionCounters: Sendable {
  private let appliedBatches = Atomic<UInt64>(0)
  private let appliedRows = Atomic<UInt64>(0)
  private let appliedPoints = Atomic<UInt64>(0)
  private let cuts: [6 of Atomic<UInt64>] = InlineArray { _ in Atomic(0) }
  private let cutFailures = Atomic<UInt64>(0)
  private let freezeFailures = Atomic<UInt64>(0)
  private let cutRows = Atomic<UInt64>(0)
  private let cutBytes = Atomic<UInt64>(0)
  private let restatedWindows = Atomic<UInt64>(0)
  private let cutDurations = DurationHistogram()

  private let appliedOffset = Atomic<UInt64>(0)
  private let cutOffset = Atomic<UInt64>(0)
  private let cutNumber = Atomic<UInt64>(0)
  private let openBytes = Atomic<Int>(0)
  private let openRows = Atomic<Int>(0)
  private let openLogBytes = Atomic<Int>(0)
  private let unreadableRows = Atomic<Int>(0)
  private let blocks = Atomic<Int>(0)
  private let blockBytes = Atomic<Int>(0)
  private let blockPoints = Atomic<UInt64>(0)
  private let coldBlocks = Atomic<Int>(0)
  private let coldBytes = Atomic<Int>(0)
  private let coldPoints = Atomic<UInt64>(0)
  /// Files, bytes and windows of rollups: of minutes, then of hours.
  private let rollups: [6 of Atomic<UInt64>] = InlineArray { _ in Atomic(0) }
  private let ringOpenHours = Atomic<Int>(0)
  private let ringFrozenHours = Atomic<Int>(0)
  private let ringOpenBytes = Atomic<Int>(0)
  private let ringFrozenBytes = Atomic<Int>(0)
  private let ringPatchBytes = Atomic<Int>(0)

  // MARK: The worker's

  func applied(_ batch: RowBatch) {
    appliedBatches.add(1)
    guard batch.header.kind == .rows else { return }
    appliedRows.add(UInt64(batch.header.rowCount))
    appliedPoints.add(UInt64(batch.header.pointCount))
  }

  func cut(_ cause: CutCause, rows: Int, bytes: Int, restated: Int, nanoseconds: UInt64) {
    cuts[CutCause.allCases.firstIndex(of: cause) ?? 0].add(1)
    cutRows.add(UInt64(rows))
    cutBytes.add(UInt64(bytes))
    restatedWindows.add(UInt64(restated))
    cutDurations.record(nanoseconds: nanoseconds)
  }

  func cutFailed() { cutFailures.add(1) }
  func freezeFailed() { freezeFailures.add(1) }

  /// Publishes what changes with every batch.
  func publish(_ store: PartitionStore) {
    appliedOffset.store(store.nextOffset.rawValue, ordering: .relaxed)
    openBytes.store(store.openByteCount, ordering: .relaxed)
    openRows.store(store.openRowCount, ordering: .relaxed)
    openLogBytes.store(store.openLogByteCount, ordering: .relaxed)
    unreadableRows.store(store.unreadableRowCount, ordering: .relaxed)
  }

  /// Publishes what changes with a manifest.
  func publishManifest(_ store: PartitionStore) {
    let summaries = store.manifest.blocks.filter { $0.cold == nil }
    let cold = store.manifest.blocks.filter { $0.cold != nil }
    coldBlocks.store(cold.count, ordering: .relaxed)
    coldBytes.store(cold.reduce(0) { $0 + $1.byteCount }, ordering: .relaxed)
    coldPoints.store(cold.reduce(0) { $0 + $1.pointCount }, ordering: .relaxed)
    cutOffset.store(store.manifest.nextOffset.rawValue, ordering: .relaxed)
    cutNumber.store(store.manifest.cut, ordering: .relaxed)
    blocks.store(summaries.count, ordering: .relaxed)
    blockBytes.store(summaries.reduce(0) { $0 + $1.byteCount }, ordering: .relaxed)
    blockPoints.store(summaries.reduce(0) { $0 + $1.pointCount }, ordering: .relaxed)
    for (index, unit) in RollupUnit.allCases.enumerated() {
      let files = store.manifest.rollups.files.filter { $0.identity.unit == unit }
      let bytes = files.reduce(0) { $0 + UInt64($1.byteCount) }
      rollups[3 * index].store(UInt64(files.count), ordering: .relaxed)
      rollups[3 * index + 1].store(bytes, ordering: .relaxed)
      rollups[3 * index + 2].store(
        files.reduce(0) { $0 &+ $1.windowCount },
        ordering: .relaxed
      )
    }
    let ring = store.ringSnapshot.statistics
    ringOpenHours.store(ring.openHourCount, ordering: .relaxed)
    ringFrozenHours.store(ring.frozenHourCount, ordering: .relaxed)
    ringOpenBytes.store(ring.openByteCount, ordering: .relaxed)
    ringFrozenBytes.store(ring.frozenByteCount, ordering: .relaxed)
    ringPatchBytes.store(ring.patchByteCount, ordering: .relaxed)
  }

  // MARK: Anybody's

  func read(_ partition: PartitionID) -> EngineMetrics.Partition {
    var result = EngineMetrics.Partition(partition: partition)
    result.appliedBatchCount = appliedBatches.load(ordering: .relaxed)
    result.appliedRowCount = appliedRows.load(ordering: .relaxed)
    result.appliedPointCount = appliedPoints.load(ordering: .relaxed)
    for (index, cause) in CutCause.allCases.enumerated() {
      result.cuts[cause] = cuts[index].load(ordering: .relaxed)
    }
    result.cutFailureCount = cutFailures.load(ordering: .relaxed)
    result.cutRowCount = cutRows.load(ordering: .relaxed)
    result.cutByteCount = cutBytes.load(ordering: .relaxed)
    result.restatedWindowCount = restatedWindows.load(ordering: .relaxed)
    result.cutDurations = cutDurations.counts
    result.appliedOffset = appliedOffset.load(ordering: .relaxed)
    result.cutOffset = cutOffset.load(ordering: .relaxed)
    result.cutCount = cutNumber.load(ordering: .relaxed)
    result.openByteCount = openBytes.load(ordering: .relaxed)
    result.openRowCount = openRows.load(ordering: .relaxed)
    result.openLogByteCount = openLogBytes.load(ordering: .relaxed)
    result.unreadableRowCount = unreadableRows.load(ordering: .relaxed)
    result.blockCount = blocks.load(ordering: .relaxed)
    result.blockByteCount = blockBytes.load(ordering: .relaxed)
    result.blockPointCount = blockPoints.load(ordering: .relaxed)
    result.coldBlockCount = coldBlocks.load(ordering: .relaxed)
    result.coldByteCount = coldBytes.load(ordering: .relaxed)
    result.coldPointCount = coldPoints.load(ordering: .relaxed)
    result.minuteRollups = rollupFiles(0)
    result.hourRollups = rollupFiles(1)
    result.freezeFailureCount = freezeFailures.load(ordering: .relaxed)
    result.ring.openHourCount = ringOpenHours.load(ordering: .relaxed)
    result.ring.frozenHourCount = ringFrozenHours.load(ordering: .relaxed)
    result.ring.openByteCount = ringOpenBytes.load(ordering: .relaxed)
    result.ring.frozenByteCount = ringFrozenBytes.load(ordering: .relaxed)
    result.ring.patchByteCount = ringPatchBytes.load(ordering: .relaxed)
    return result
  }
}

extension PartitionCounters {
  private func rollupFiles(_ index: Int) -> EngineMetrics.RollupFiles {
    var result = EngineMetrics.RollupFiles()
    result.fileCount = rollups[3 * index].load(ordering: .relaxed)
    result.byteCount = rollups[3 * index + 1].load(ordering: .relaxed)
    result.windowCount = rollups[3 * index + 2].load(ordering: .relaxed)
    return result
  }
}

extension Atomic where Value == UInt64 {
  /// Adds to a counter that nothing is ordered by.
  func add(_ count: UInt64) { wrappingAdd(count, ordering: .relaxed) }
}
