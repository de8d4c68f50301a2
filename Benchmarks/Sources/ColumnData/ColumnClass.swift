public import Model

/// Random numbers that are the same everywhere (SplitMix64).
public struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  public init(_ seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// About normal with deviation 1: twelve even ones less six.
  public mutating func normal() -> Double {
    (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &self) }
  }
}

/// A kind of column that monitoring sends, and how to make one.
public enum ColumnClass: String, CaseIterable, Sendable {
  case constant, rare, gaugeOneDecimal, gaugeTwoDecimals, percentInteger, counterSmall
  case counterBytes, memoryPages, bentDecimals, percentOfTotal, ratios, noise
  case noiseSingle

  /// `count` cells of a float column.
  public func cells(_ count: Int, seed: UInt64) -> [Cell] {
    var random = Seeded(seed &* 31 &+ UInt64(rawValue.count))
    var level = Double.random(in: 100...1_000, using: &random).rounded()
    return (0..<count).map { index in
      switch self {
      case .constant: break
      case .rare: if random.next() % 200 == 0 { level += 1 }
      case .gaugeOneDecimal:
        level += (random.normal() * 3).rounded()
        return (level / 10).bitPattern
      case .gaugeTwoDecimals:
        level += (random.normal() * 400).rounded()
        return (level / 100).bitPattern
      case .percentInteger: level = min(100, max(0, level + random.normal() * 2)).rounded()
      case .counterSmall: level += abs(random.normal() * 8).rounded()
      case .counterBytes: level += (abs(random.normal()) * 2_000_000).rounded()
      case .memoryPages:
        level += (random.normal() * 50).rounded()
        return ((level + 1_000_000) * 4_096).bitPattern
      case .bentDecimals:
        level += (random.normal() * 100).rounded()
        return (level * 0.001 + 0.1 + 0.2).bitPattern
      case .percentOfTotal:
        level += (random.normal() * 200).rounded()
        return (100 * (level + 3_000_000) / 6_171_023).bitPattern
      case .ratios:
        let total = Double(198 + random.next() % 5)
        return (100 * Double(random.next() % 40) / total).bitPattern
      case .noise: return Double.random(in: 0..<1, using: &random).bitPattern
      // What a sensor measures in 32 bits.
      case .noiseSingle: return Double(Float.random(in: 0..<1, using: &random)).bitPattern
      }
      return level.bitPattern
    }
  }
}
