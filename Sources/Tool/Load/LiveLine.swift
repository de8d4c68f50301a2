internal import Platform
internal import Synchronization

/// One line on standard error that shows a run in progress: drawn over once a second on a terminal,
/// written every ten seconds elsewhere.
final class LiveLine: Sendable {
  private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
  }

  private let flag: Flag
  private let wake = Signal()
  private let thread: WorkerThread?

  init(_ run: LoadRun, metricCount: Int) {
    let (flag, wake) = (Flag(), wake)
    self.flag = flag
    thread = try? WorkerThread(name: "live line") {
      var before = LoadProgress()
      let isTerminal = StandardOutput.isErrorTerminal
      let period: UInt64 = isTerminal ? 1 : 10
      while true {
        wake.wait(timeoutNanoseconds: period * 1_000_000_000)
        if flag.isSet { break }
        let now = run.progress
        let text = Self.text(run.secondsSinceStart, before, now, metricCount, Double(period))
        StandardOutput.writeError(isTerminal ? "\r\u{1b}[K\(text)" : text + "\n")
        before = now
      }
      if isTerminal { StandardOutput.writeError("\r\u{1b}[K") }
    }
  }

  private static func text(
    _ seconds: Double,
    _ before: LoadProgress,
    _ now: LoadProgress,
    _ metricCount: Int,
    _ period: Double
  ) -> String {
    let points = (now.rowsAccepted - before.rowsAccepted) * metricCount
    let p99 = Double(now.latencies.percentile(0.99)) / 1e6
    return "\(Quantity.decimals(seconds, 0)) s   "
      + "\(Quantity.grouped(now.rowsAccepted * metricCount)) points acknowledged   "
      + "\(Quantity.short(Double(points) / period, "points/s"))   "
      + "p99 \(Quantity.decimals(p99, 1)) ms"
      + (now.rowsRejected > 0 ? "   \(now.rowsRejected) rows rejected" : "")
  }

  /// Ends the line and waits for its thread.
  func stop() {
    flag.set()
    wake.set()
    thread?.join()
  }
}
