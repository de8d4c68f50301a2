internal import LineProtocol
internal import Model
internal import Platform
internal import Synchronization

/// Numbers that an event loop counts: relaxed atomics, one set per receiver, which its loop alone
/// writes.
final class ReceiverStatistics: Sendable {
  private let bytes = Atomic<UInt64>(0)
  private let rows = Atomic<UInt64>(0)
  private let points = Atomic<UInt64>(0)
  /// By the code of the reason; there is room for more of them.
  private let refused: [32 of Atomic<UInt64>] = InlineArray { _ in Atomic(0) }
  let acknowledgementDurations = DurationHistogram()

  func count(bytes count: Int) { bytes.add(UInt64(count)) }

  /// Counts what a session has taken since it stood at `before`.
  func count(_ session: LineSession, since before: LineSession.Statistics) {
    let now = session.statistics
    rows.add(now.rowsAccepted &- before.rowsAccepted)
    points.add(now.pointsAccepted &- before.pointsAccepted)
  }

  func count(refused verdicts: [LineVerdict]) {
    for verdict in verdicts {
      refused[min(Int(verdict.reason.rawValue), refused.count - 1)].add(1)
    }
  }

  /// Adds the numbers to `metrics`.
  func add(to metrics: inout EngineMetrics) {
    metrics.receivedByteCount += bytes.load(ordering: .relaxed)
    metrics.parsedRowCount += rows.load(ordering: .relaxed)
    metrics.parsedPointCount += points.load(ordering: .relaxed)
    for reason in RefusalReason.allCases where Int(reason.rawValue) < refused.count {
      let count = refused[Int(reason.rawValue)].load(ordering: .relaxed)
      metrics.refusedLines[reason, default: 0] += count
    }
    metrics.acknowledgementDurations += acknowledgementDurations.counts
  }
}
