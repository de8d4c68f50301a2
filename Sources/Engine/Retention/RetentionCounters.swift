internal import Blocks
internal import Synchronization

/// What retention counts since the start: written by the compaction's thread, read by anybody.
final class RetentionCounters: Sendable {
  private let totals = Mutex(EngineMetrics.Retention())

  func removed(_ cause: Removals.Cause, blocks: Int, points: UInt64, bytes: Int) {
    totals.withLock { totals in
      var total = totals.removed[cause.name] ?? EngineMetrics.Retention.Removed()
      total.blockCount += UInt64(blocks)
      total.pointCount += points
      total.byteCount += UInt64(bytes)
      totals.removed[cause.name] = total
    }
  }

  func failed() { totals.withLock { $0.failureCount += 1 } }

  var metrics: EngineMetrics.Retention { totals.withLock { $0 } }
}
