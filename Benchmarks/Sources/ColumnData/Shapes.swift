public import Model

/// Whole series as benchmarks of time-series stores shape them.
public enum Shape: String, CaseIterable, Sendable {
  /// Ten whole percentages a row that wander by about one, every 10 s: TSBS, "cpu-only".
  case tsbsCPU
  /// 30 % gauges of one or two decimals, 20 % whole percentages, 20 % counters, 20 % columns that
  /// seldom change, 10 % noise; every second.
  case mix
  /// The same with the noise of sensors that measure in single precision.
  case mixSingle

  public var stepSeconds: Int64 { self == .tsbsCPU ? 10 : 1 }

  public var type: ColumnType { self == .tsbsCPU ? .integer : .float }

  /// The columns of one series.
  public func columns(rows: Int, seed: UInt64) -> [[Cell]] {
    switch self {
    case .tsbsCPU:
      return (0..<10).map { Self.walk(rows, seed: seed &* 10 &+ UInt64($0)) }
    case .mix, .mixSingle:
      return Self.mixed.enumerated().map { index, kind in
        let isNoise = self == .mixSingle && kind == .noise
        return (isNoise ? .noiseSingle : kind).cells(rows, seed: seed &* 10 &+ UInt64(index))
      }
    }
  }

  private static let mixed: [ColumnClass] = [
    .gaugeOneDecimal, .gaugeOneDecimal, .gaugeTwoDecimals, .percentInteger, .percentInteger,
    .counterSmall, .counterSmall, .rare, .rare, .noise,
  ]

  private static func walk(_ rows: Int, seed: UInt64) -> [Cell] {
    var random = Seeded(seed)
    var level = Double.random(in: 0...100, using: &random)
    return (0..<rows).map { _ in
      level = min(100, max(0, level + random.normal()))
      return UInt64(level)
    }
  }
}
