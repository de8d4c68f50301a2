internal import Synchronization

/// What compaction counts: written by its thread, read by anybody.
final class CompactionCounters: Sendable {
  private let merges = Atomic<UInt64>(0)
  private let failures = Atomic<UInt64>(0)
  private let points = Atomic<UInt64>(0)
  private let bytesRead = Atomic<UInt64>(0)
  private let bytesWritten = Atomic<UInt64>(0)
  private let debtBytes = Atomic<Int>(0)
  private let debtMerges = Atomic<Int>(0)
  private let retiredFiles = Atomic<Int>(0)
  private let barredFiles = Atomic<Int>(0)
  private let threads = Atomic<Int>(1)
  /// Bits of doubles: bytes of line protocol a second that are taken, and what is not taken.
  private let rate = Atomic(Double.infinity.bitPattern)
  private let slowedRatio = Atomic(0.0.bitPattern)

  func merged(points count: UInt64, read: Int, written: Int) {
    merges.add(1)
    points.add(count)
    bytesRead.add(UInt64(read))
    bytesWritten.add(UInt64(written))
  }

  func failed() { failures.add(1) }

  func publish(
    debt: (merges: Int, bytes: Int),
    retired: Int,
    barred: Int,
    _ decision: DebtControl.Decision
  ) {
    threads.store(decision.threadCount, ordering: .relaxed)
    rate.store((decision.bytesPerSecond ?? .infinity).bitPattern, ordering: .relaxed)
    slowedRatio.store(decision.slowedRatio.bitPattern, ordering: .relaxed)
    debtMerges.store(debt.merges, ordering: .relaxed)
    debtBytes.store(debt.bytes, ordering: .relaxed)
    retiredFiles.store(retired, ordering: .relaxed)
    barredFiles.store(barred, ordering: .relaxed)
  }

  var metrics: EngineMetrics.Compaction {
    var result = EngineMetrics.Compaction()
    result.mergeCount = merges.load(ordering: .relaxed)
    result.failureCount = failures.load(ordering: .relaxed)
    result.pointCount = points.load(ordering: .relaxed)
    result.bytesRead = bytesRead.load(ordering: .relaxed)
    result.bytesWritten = bytesWritten.load(ordering: .relaxed)
    result.debtByteCount = debtBytes.load(ordering: .relaxed)
    result.debtMergeCount = debtMerges.load(ordering: .relaxed)
    result.retiredFileCount = retiredFiles.load(ordering: .relaxed)
    result.barredFileCount = barredFiles.load(ordering: .relaxed)
    result.threadCount = threads.load(ordering: .relaxed)
    result.ingestByteRateMax = Double(bitPattern: rate.load(ordering: .relaxed))
    result.ingestSlowedRatio = Double(bitPattern: slowedRatio.load(ordering: .relaxed))
    return result
  }
}
