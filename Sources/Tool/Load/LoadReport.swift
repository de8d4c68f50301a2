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
        "\(short(Double(accepted) / seconds, "points/s")), "
          + "\(short(Double(progress.rowsAccepted) / seconds, "rows/s")), "
          + "\(short(Double(progress.bytesSent) / seconds, "B/s")) over \(decimals(seconds, 1)) s"
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
    for complaint in progress.complaints { lines.append(("trouble", complaint)) }
    return lines.map { name, value in
      name + String(repeating: " ", count: max(1, 12 - name.count)) + value + "\n"
    }.joined()
  }

  /// The same for programs, as one object.
  package var json: JSONValue {
    let latencies = progress.latencies
    func milliseconds(_ nanoseconds: UInt64) -> JSONValue { .double(Double(nanoseconds) / 1e6) }
    return .object([
      (key: "points_sent", value: .integer(Int64(progress.rowsSent * metricCount))),
      (key: "points_acknowledged", value: .integer(Int64(progress.rowsAccepted * metricCount))),
      (key: "rows_sent", value: .integer(Int64(progress.rowsSent))),
      (key: "rows_acknowledged", value: .integer(Int64(progress.rowsAccepted))),
      (key: "rows_rejected", value: .integer(Int64(progress.rowsRejected))),
      (key: "bytes_sent", value: .integer(Int64(progress.bytesSent))),
      (key: "seconds", value: .double(seconds)),
      (
        key: "points_per_second",
        value: .double(Double(progress.rowsAccepted * metricCount) / seconds)
      ),
      (key: "acknowledgements_sent", value: .integer(Int64(progress.acknowledgementsSent))),
      (key: "acknowledgements_failed", value: .integer(Int64(progress.acknowledgementsFailed))),
      (key: "acknowledgements_missing", value: .integer(Int64(progress.acknowledgementsMissing))),
      (
        key: "latency_milliseconds",
        value: .object([
          (key: "p50", value: milliseconds(latencies.percentile(0.5))),
          (key: "p90", value: milliseconds(latencies.percentile(0.9))),
          (key: "p99", value: milliseconds(latencies.percentile(0.99))),
          (key: "max", value: milliseconds(latencies.maximum)),
        ])
      ),
      (key: "own_cpu_seconds", value: .double(ownSeconds)),
      (key: "server_cpu_seconds", value: serverSeconds.map(JSONValue.double) ?? .null),
      (key: "troubles", value: .array(progress.complaints.map(JSONValue.string))),
    ])
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
  private func short(_ value: Double, _ unit: String) -> String { Quantity.short(value, unit) }
  private func decimals(_ value: Double, _ count: Int) -> String { Quantity.decimals(value, count) }
}
