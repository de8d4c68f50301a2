/// How much disk a fleet takes, tier by tier, and how fast. Pure: rules of docs/operations.md,
/// "Sizing", or what the blocks of a data directory really take.
package struct StoragePlan {
  package struct Fleet: Hashable, Sendable {
    package var servers: Int
    package var metrics: Int
    package var intervalSeconds: Double

    package init(servers: Int, metrics: Int, intervalSeconds: Double) {
      self.servers = servers
      self.metrics = metrics
      self.intervalSeconds = intervalSeconds
    }

    package var columns: Double { Double(servers) * Double(metrics) }
    package var pointsPerSecond: Double { columns / intervalSeconds }
  }

  /// Bytes that things take.
  package struct Rates: Hashable, Sendable {
    /// A point in blocks as cuts write them and as they are merged first.
    package var youngPoint = 1.5
    /// A point in cold blocks.
    package var coldPoint = 0.5
    /// A point in the log.
    package var logPoint = 2.8
    /// A window of a column, of a minute or an hour.
    package var window = 10.6
    /// Whether the points' rates come from blocks.
    package var isMeasured = false

    package init() {}
  }

  /// One `tier=age` of `--retention`.
  package struct Tier: Hashable, Sendable {
    package enum Grain: String, CaseIterable, Sendable {
      case raw
      case minute = "1m"
      case hour = "1h"
    }

    package var grain: Grain
    package var days: Double
  }

  package struct Line: Hashable, Sendable {
    package var name: String
    /// How long it is kept; `nil` where bytes bound it.
    package var days: Double?
    package var byteCount: Double
  }

  package let fleet: Fleet
  package let rates: Rates
  package let tiers: [Tier]

  private static let secondsPerDay = 86_400.0
  /// After so long points are in cold blocks, and windows leave the ring.
  private static let hotDays = 2.0
  /// Kept by default of the log.
  private static let logSeconds = 3_600.0
  private static let logByteCountMax = Double(1 << 30)

  package init(fleet: Fleet, rates: Rates, tiers: [Tier]) {
    self.fleet = fleet
    self.rates = rates
    self.tiers = tiers
  }

  /// `raw=7d,1m=90d,1h=3y`, of an hour or more each, as retention takes ages; `nil` when that is
  /// not what stands there.
  package static func tiers(_ text: String) -> [Tier]? {
    var tiers: [Tier] = []
    for part in text.split(separator: ",") {
      let words = part.split(separator: "=", omittingEmptySubsequences: false)
      guard words.count == 2, let grain = Tier.Grain(rawValue: String(words[0])),
        let span = TimeSpan(argument: String(words[1])), span.nanoseconds >= 3_600_000_000_000,
        !tiers.contains(where: { $0.grain == grain })
      else { return nil }
      tiers.append(Tier(grain: grain, days: span.seconds / secondsPerDay))
    }
    return tiers.isEmpty ? nil : tiers
  }

  /// What lies on the disk once `days` have passed.
  package func lines(after days: Double = .infinity) -> [Line] {
    let perDay = fleet.pointsPerSecond * Self.secondsPerDay
    let log = min(
      fleet.pointsPerSecond * Self.logSeconds * rates.logPoint,
      Self.logByteCountMax
    )
    let ringDays = min(Self.hotDays, days)
    var lines = [
      Line(name: "log", days: nil, byteCount: log),
      Line(
        name: "ring",
        days: Self.hotDays,
        byteCount: fleet.columns * 1_440 * ringDays * rates.window
      ),
    ]
    for tier in tiers {
      let kept = min(tier.days, days)
      switch tier.grain {
      case .raw:
        let hot = min(kept, Self.hotDays)
        lines.append(
          Line(
            name: "raw, hot",
            days: min(tier.days, Self.hotDays),
            byteCount: perDay * hot * rates.youngPoint
          )
        )
        lines.append(
          Line(
            name: "raw, cold",
            days: max(0, tier.days - Self.hotDays),
            byteCount: perDay * (kept - hot) * rates.coldPoint
          )
        )
      case .minute, .hour:
        let windows = tier.grain == .minute ? 1_440.0 : 24
        lines.append(
          Line(
            name: "rollup of \(tier.grain.rawValue)",
            days: tier.days,
            byteCount: fleet.columns * windows * kept * rates.window
          )
        )
      }
    }
    return lines
  }

  /// Bytes on the disk after `days`.
  package func byteCount(after days: Double) -> Double {
    lines(after: days).reduce(0) { $0 + $1.byteCount }
  }

  /// Days until a disk of `byteCount` is full; `nil` when it never is.
  package func daysUntilFull(_ byteCount: Double) -> Double? {
    guard self.byteCount(after: .infinity) > byteCount else { return nil }
    var (low, high) = (0.0, (tiers.map(\.days).max() ?? 0) + Self.hotDays)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if self.byteCount(after: middle) > byteCount { high = middle } else { low = middle }
    }
    return low
  }

  /// Bytes a second that the disk has to write: the log, blocks as they are cut, merged young, and
  /// merged cold, and windows.
  package var writtenPerSecond: Double {
    fleet.pointsPerSecond * (rates.logPoint + 2 * rates.youngPoint + rates.coldPoint)
      + fleet.columns / 60 * rates.window
  }

  /// Processors that taking the points costs, by the width of their rows.
  package var processors: Double {
    let perMillion = fleet.metrics >= 500 ? 0.036 : fleet.metrics >= 5 ? 0.051 : 0.19
    return fleet.pointsPerSecond / 1e6 * perMillion
  }
}
