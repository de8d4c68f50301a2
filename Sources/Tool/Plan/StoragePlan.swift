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
    /// A minute of a column in the ring, while its hour is open.
    package var window = 10.6
    /// A window of a column in files of rollups.
    package var rollupWindow = 8.0
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

      /// Seconds that one of its windows is long; none for points.
      var windowSeconds: Double? {
        switch self {
        case .raw: nil
        case .minute: 60
        case .hour: 3_600
        }
      }
    }

    package var grain: Grain
    /// Infinite for what is never removed.
    package var days: Double

    package init(_ grain: Grain, days: Double) {
      self.grain = grain
      self.days = days
    }
  }

  package struct Line: Hashable, Sendable {
    package var name: String
    /// How long it is there at the most, infinite for ever; `nil` where bytes bound it.
    package var days: Double?
    package var byteCount: Double
    /// What it grows by until it is that old.
    package var perDay: Double
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

  private static let forever = "forever"

  /// `raw=7d,1m=90d,1h=3y`, of an hour or more each as retention takes ages, or `forever`, for
  /// one of them or alone, for points; `nil` when that is not what stands there. Points of which
  /// nothing is said are kept for ever, as by a server.
  package static func tiers(_ text: String) -> [Tier]? {
    if text == forever { return [Tier(.raw, days: .infinity)] }
    var tiers: [Tier] = []
    for part in text.split(separator: ",") {
      let words = part.split(separator: "=", omittingEmptySubsequences: false)
      guard words.count == 2, let grain = Tier.Grain(rawValue: String(words[0])),
        !tiers.contains(where: { $0.grain == grain })
      else { return nil }
      if words[1] == forever {
        tiers.append(Tier(grain, days: .infinity))
        continue
      }
      guard let span = TimeSpan(argument: String(words[1])), span.nanoseconds >= 3_600_000_000_000
      else { return nil }
      tiers.append(Tier(grain, days: span.seconds / secondsPerDay))
    }
    guard !tiers.isEmpty else { return nil }
    if !tiers.contains(where: { $0.grain == .raw }) { tiers.append(Tier(.raw, days: .infinity)) }
    return Tier.Grain.allCases.compactMap { grain in tiers.first { $0.grain == grain } }
  }

  /// Whether something is never removed.
  package var isEndless: Bool { tiers.contains { $0.days == .infinity } }

  /// Windows of so many seconds that a column has in a day: no more than values.
  private func windowsPerDay(_ seconds: Double) -> Double {
    Self.secondsPerDay / max(seconds, fleet.intervalSeconds)
  }

  /// How long something is on the disk at the most. Points stay until the day and an hour are over
  /// where rollups are made of them; files of minutes hold a day, those of hours 30 days, and go
  /// when all in them is too old (docs/retention.md).
  private func daysOnDisk(_ tier: Tier) -> Double {
    switch tier.grain {
    case .raw: tiers.count > 1 ? tier.days + 25.0 / 24 : tier.days
    case .minute: tier.days + 1
    case .hour: tier.days + 30
    }
  }

  /// What lies on the disk once `days` have passed.
  package func lines(after days: Double = .infinity) -> [Line] {
    let log = min(
      fleet.pointsPerSecond * Self.logSeconds * rates.logPoint,
      Self.logByteCountMax
    )
    let ring = fleet.columns * windowsPerDay(60) * rates.window
    var lines = [
      Line(name: "log", days: nil, byteCount: log, perDay: 0),
      Line(
        name: "ring",
        days: Self.hotDays,
        byteCount: ring * min(Self.hotDays, days),
        perDay: ring
      ),
    ]
    for tier in tiers {
      let stay = daysOnDisk(tier)
      let kept = min(stay, days)
      guard let seconds = tier.grain.windowSeconds else {
        let points = fleet.pointsPerSecond * Self.secondsPerDay
        let hot = min(kept, Self.hotDays)
        lines.append(
          Line(
            name: "raw, hot",
            days: min(stay, Self.hotDays),
            byteCount: points * hot * rates.youngPoint,
            perDay: points * rates.youngPoint
          )
        )
        lines.append(
          Line(
            name: "raw, cold",
            days: max(0, stay - Self.hotDays),
            byteCount: points * (kept - hot) * rates.coldPoint,
            perDay: points * rates.coldPoint
          )
        )
        continue
      }
      let perDay = fleet.columns * windowsPerDay(seconds) * rates.rollupWindow
      lines.append(
        Line(
          name: "rollup of \(tier.grain.rawValue)",
          days: stay,
          byteCount: perDay * kept,
          perDay: perDay
        )
      )
    }
    return lines
  }

  /// Bytes on the disk after `days`.
  package func byteCount(after days: Double) -> Double {
    lines(after: days).reduce(0) { $0 + $1.byteCount }
  }

  /// Nobody plans for longer.
  private static let horizonDays = 36_500.0

  /// Days until a disk of `byteCount` is full; `nil` when it never is, or not in a hundred years.
  package func daysUntilFull(_ byteCount: Double) -> Double? {
    let end = tiers.map(daysOnDisk).max() ?? 0
    var (low, high) = (0.0, min(end + Self.hotDays, Self.horizonDays))
    guard self.byteCount(after: high) > byteCount else { return nil }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if self.byteCount(after: middle) > byteCount { high = middle } else { low = middle }
    }
    return low
  }

  /// What it comes to: in the end, or after a year where it has none.
  package var plannedByteCount: Double { byteCount(after: isEndless ? 365 : .infinity) }

  /// What all that is never removed grows by a day.
  package var endlessPerDay: Double {
    lines().reduce(0) { $1.days == .infinity ? $0 + $1.perDay : $0 }
  }

  private var windowsWrittenPerSecond: Double {
    tiers.reduce(fleet.columns * windowsPerDay(60) * rates.window) { sum, tier in
      guard let seconds = tier.grain.windowSeconds else { return sum }
      return sum + fleet.columns * windowsPerDay(seconds) * rates.rollupWindow
    } / Self.secondsPerDay
  }

  /// Bytes a second that the disk has to write: the log, blocks as they are cut, merged young, and
  /// merged cold, and windows.
  package var writtenPerSecond: Double {
    fleet.pointsPerSecond * (rates.logPoint + 2 * rates.youngPoint + rates.coldPoint)
      + windowsWrittenPerSecond
  }

  /// Bytes a second that merges read, each point twice, and rollups once more; without queries.
  package var readPerSecond: Double {
    fleet.pointsPerSecond * rates.youngPoint * (tiers.count > 1 ? 3 : 2)
  }

  /// Processors that taking the points costs, by the width of their rows.
  package var processors: Double {
    let perMillion = fleet.metrics >= 500 ? 0.036 : fleet.metrics >= 5 ? 0.051 : 0.19
    return fleet.pointsPerSecond / 1e6 * perMillion
  }
}
