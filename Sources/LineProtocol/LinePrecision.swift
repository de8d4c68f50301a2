/// The unit of a line's timestamps.
public enum LinePrecision: UInt8, Sendable, Hashable, CaseIterable {
  /// By magnitude: below 5e9 seconds, below 5e12 milliseconds, below 5e15 microseconds, else
  /// nanoseconds.
  case auto
  case nanoseconds
  case microseconds
  case milliseconds
  case seconds
  /// Only InfluxDB's HTTP parameter knows these two.
  case minutes
  case hours

  /// The unit that a word of line protocol or of an HTTP parameter names: `ns`, `n`, `us`, `u`,
  /// `ms`, `s`, `m`, `h` or `auto`.
  public init?(word: String) {
    switch word {
    case "auto": self = .auto
    case "ns", "n": self = .nanoseconds
    case "us", "u", "µs": self = .microseconds
    case "ms": self = .milliseconds
    case "s": self = .seconds
    case "m": self = .minutes
    case "h": self = .hours
    default: return nil
    }
  }

  private static let secondsEnd: UInt64 = 5_000_000_000
  private static let millisecondsEnd: UInt64 = 5_000_000_000_000
  private static let microsecondsEnd: UInt64 = 5_000_000_000_000_000

  /// Nanoseconds of one unit of `magnitude`.
  @inline(__always)
  func nanosecondsPerUnit(_ magnitude: UInt64) -> UInt64 {
    switch self {
    case .auto:
      if magnitude >= Self.microsecondsEnd { return 1 }
      if magnitude >= Self.millisecondsEnd { return 1_000 }
      return magnitude >= Self.secondsEnd ? 1_000_000 : 1_000_000_000
    case .nanoseconds: return 1
    case .microseconds: return 1_000
    case .milliseconds: return 1_000_000
    case .seconds: return 1_000_000_000
    case .minutes: return 60_000_000_000
    case .hours: return 3_600_000_000_000
    }
  }

  /// Nanoseconds of the unit that a timestamp of this magnitude is in; 1 is the finest.
  public func nanoseconds(perUnitOf magnitude: UInt64) -> UInt64 {
    nanosecondsPerUnit(magnitude)
  }

  /// `magnitude` units in nanoseconds, or `nil` beyond what 63 bits hold.
  @inline(__always)
  public func nanoseconds(_ magnitude: UInt64) -> Int64? {
    let (product, isLarge) = magnitude.multipliedReportingOverflow(
      by: nanosecondsPerUnit(magnitude)
    )
    return isLarge ? nil : Int64(exactly: product)
  }
}
