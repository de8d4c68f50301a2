/// One simulated metric: its name, what its text looks like and how that changes.
struct Metric {
  enum Kind {
    /// Never changes: totals, versions, limits.
    case constant
    /// Wanders in its last two digits.
    case gauge
    /// Only grows, by a little a row; begins again at its highest digit's end.
    case counter
  }

  var name: String
  var kind: Kind
  /// Digits as `d`, a digit that is never 0 as `D`, all else as it stands: `Dd.d`, `Ddddddi`.
  var shape: String

  /// What an agent on one host reports, in the proportions of a real one: a third never changes,
  /// a quarter are counters, the rest are gauges with one or two decimals and ratios.
  private static let base: [Metric] = [
    Metric(name: "cpu_user", kind: .gauge, shape: "Dd.d"),
    Metric(name: "cpu_system", kind: .gauge, shape: "D.dd"),
    Metric(name: "mem_used", kind: .gauge, shape: "Dddddddi"),
    Metric(name: "mem_total", kind: .constant, shape: "65863668i"),
    Metric(name: "load1", kind: .gauge, shape: "D.dd"),
    Metric(name: "net_rx", kind: .counter, shape: "Dddddddddi"),
    Metric(name: "net_tx", kind: .counter, shape: "Dddddddddi"),
    Metric(name: "net_errors", kind: .constant, shape: "0"),
    Metric(name: "disk_used", kind: .gauge, shape: "0.Dddd"),
    Metric(name: "disk_reads", kind: .counter, shape: "Ddddddd"),
    Metric(name: "disk_writes", kind: .counter, shape: "Ddddddd"),
    Metric(name: "disk_size", kind: .constant, shape: "500107862"),
    Metric(name: "temp", kind: .gauge, shape: "Dd.d"),
    Metric(name: "fan_rpm", kind: .gauge, shape: "Dddd"),
    Metric(name: "requests", kind: .counter, shape: "Ddddddddd"),
    Metric(name: "latency", kind: .gauge, shape: "0.Dddd"),
    Metric(name: "queue", kind: .gauge, shape: "Dd"),
    Metric(name: "threads", kind: .constant, shape: "Ddd"),
    Metric(name: "up", kind: .constant, shape: "1"),
    Metric(name: "boot_time", kind: .constant, shape: "1790000000"),
  ]

  /// `count` metrics with names of their own: after the base ones the same with a number.
  static func make(count: Int) -> [Metric] {
    (0..<count).map { index in
      var metric = base[index % base.count]
      if index >= base.count { metric.name += "_\(index / base.count)" }
      return metric
    }
  }
}
