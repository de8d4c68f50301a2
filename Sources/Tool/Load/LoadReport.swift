/// What a load run prints at its end.
package struct LoadReport {
  package var progress: LoadProgress
  package var metricCount: Int
  /// Wall clock, from the first row to the last answer.
  package var seconds: Double
  /// Processor time of this process.
  package var ownSeconds: Double
  /// Processor time of the server meanwhile; `nil` when it could not be read.
  package var serverSeconds: Double?

  package init(
    progress: LoadProgress,
    metricCount: Int,
    seconds: Double,
    ownSeconds: Double,
    serverSeconds: Double?
  ) {
    self.progress = progress
    self.metricCount = metricCount
    self.seconds = seconds
    self.ownSeconds = ownSeconds
    self.serverSeconds = serverSeconds
  }

  package var text: String {
    let points = progress.rowsSent * metricCount
    let accepted = progress.rowsAccepted * metricCount
    var lines = [
      ("points", "\(grouped(points)) sent, \(grouped(accepted)) acknowledged"),
      (
        "rows",
        "\(grouped(progress.rowsSent)) sent, \(grouped(progress.rowsAccepted)) acknowledged, "
          + "\(grouped(progress.rowsRejected)) rejected"
      ),
      (
        "rate",
        "\(short(Double(accepted) / seconds))points/s, "
          + "\(short(Double(progress.rowsAccepted) / seconds))rows/s, "
          + "\(short(Double(progress.bytesSent) / seconds))B/s over \(decimals(seconds, 1)) s"
      ),
      (
        "#ack",
        "\(grouped(progress.acknowledgementsSent)) sent, "
          + "\(progress.acknowledgementsFailed) failed, \(progress.acknowledgementsMissing) missing"
      ),
      ("latency", latency),
      ("own CPU", "\(decimals(ownSeconds, 2)) s\(perPoint(ownSeconds, points))"),
    ]
    if let serverSeconds {
      let perMillion = accepted > 0 ? serverSeconds / Double(accepted) * 1e6 : 0
      lines.append(
        (
          "server CPU",
          "\(decimals(serverSeconds, 2)) s, \(decimals(perMillion, 3)) s per million points"
        )
      )
    } else {
      lines.append(("server CPU", "unknown: no answer at --http"))
    }
    for complaint in progress.complaints { lines.append(("server says", complaint)) }
    return lines.map { name, value in
      name + String(repeating: " ", count: max(1, 12 - name.count)) + value + "\n"
    }.joined()
  }

  private var latency: String {
    let latencies = progress.latencies
    let parts = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)].map { name, fraction in
      "\(name) \(milliseconds(latencies.percentile(fraction)))"
    }
    return (parts + ["max \(milliseconds(latencies.maximum))"]).joined(separator: ", ")
  }

  private func milliseconds(_ nanoseconds: UInt64) -> String {
    "\(decimals(Double(nanoseconds) / 1e6, 1)) ms"
  }

  private func perPoint(_ seconds: Double, _ points: Int) -> String {
    points > 0 ? ", \(decimals(seconds / Double(points) * 1e9, 1)) ns per point" : ""
  }

  private func grouped(_ value: Int) -> String { Quantity.grouped(value) }
  private func short(_ value: Double) -> String { Quantity.short(value) }
  private func decimals(_ value: Double, _ count: Int) -> String { Quantity.decimals(value, count) }
}
