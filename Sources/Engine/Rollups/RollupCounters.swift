internal import Synchronization

/// What making rollups counts since the start: written by the compaction's thread, read by anybody.
final class RollupCounters: Sendable {
  private let totals = Mutex(EngineMetrics.Rollups())

  func made(days: Int, files: Int, bytes: Int, windows: UInt64) {
    totals.withLock { totals in
      totals.foldedDayCount += UInt64(days)
      totals.fileCount += UInt64(files)
      totals.byteCount += UInt64(bytes)
      totals.windowCount += windows
    }
  }

  func failed() { totals.withLock { $0.failureCount += 1 } }

  /// Groups that could not be read, of blocks or of rollups.
  func damaged(_ count: Int) { totals.withLock { $0.damagedGroupCount += UInt64(count) } }

  var metrics: EngineMetrics.Rollups { totals.withLock { $0 } }
}
