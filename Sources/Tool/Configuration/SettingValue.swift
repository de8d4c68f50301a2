/// The value of a ``Setting``, in the unit that the server counts in.
package enum SettingValue: Hashable, Sendable {
  case text(String)
  case count(Int)
  case bytes(Int)
  /// Nanoseconds.
  case duration(Int64)
}

extension SettingValue: CustomStringConvertible {
  /// As it may be written back into a file, a variable or a flag: `64MiB`, `1h30m`, `10000`.
  package var description: String {
    switch self {
    case .text(let text): text
    case .count(let count): "\(count)"
    case .bytes(let byteCount): SettingUnits.text(byteCount: byteCount)
    case .duration(let nanoseconds): SettingUnits.text(nanoseconds: nanoseconds)
    }
  }
}

/// Sizes and durations as configuration writes them: every number with its unit, except zero.
package enum SettingUnits {
  private static let bytes: [(name: String, factor: Int)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000),
    ("B", 1),
  ]

  private static let times: [(name: String, factor: Int64)] = [
    ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000),
    ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1),
  ]

  /// In the largest unit of 1,024, else of 1,000, that divides it.
  package static func text(byteCount: Int) -> String {
    guard byteCount != 0 else { return "0" }
    for (name, factor) in bytes where byteCount.isMultiple(of: factor) {
      return "\(byteCount / factor)\(name)"
    }
    return "\(byteCount)B"
  }

  /// In as few units as it takes: `1h30m`, `10ms`.
  package static func text(nanoseconds: Int64) -> String {
    guard nanoseconds != 0 else { return "0" }
    var (result, rest) = ("", nanoseconds)
    for (name, factor) in times where rest >= factor {
      result += "\(rest / factor)\(name)"
      rest %= factor
    }
    return result
  }

  /// `64MiB`, `1.5 GB`, `0`; `nil` for everything else, bare numbers among it.
  package static func byteCount(_ text: String) -> Int? {
    guard let (number, unit) = Quantity.split(text) else { return nil }
    if unit.isEmpty { return number == 0 ? 0 : nil }
    return ByteSize(argument: text)?.byteCount
  }

  /// `10ms`, `1h30m`, `2d`, `0`; `nil` for everything else, bare numbers among it.
  package static func nanoseconds(_ text: String) -> Int64? {
    if let (number, unit) = Quantity.split(text), unit.isEmpty { return number == 0 ? 0 : nil }
    return TimeSpan(argument: text)?.nanoseconds
  }
}
