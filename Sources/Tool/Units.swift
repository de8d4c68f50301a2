internal import ArgumentParser

/// A number of bytes as people write it: `512MiB`, `1.5GB`, `4096`. Units of 1,024 have an `i`.
package struct ByteSize: Hashable, Sendable, ExpressibleByArgument {
  package var byteCount: Int

  package init(byteCount: Int) { self.byteCount = byteCount }

  private static let units: [(name: String, factor: Double)] = [
    ("TiB", 0x1p40), ("GiB", 0x1p30), ("MiB", 0x1p20), ("KiB", 0x1p10),
    ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("KB", 1e3), ("B", 1), ("", 1),
  ]

  package init?(argument: String) {
    guard let (number, unit) = Quantity.split(argument),
      let factor = Self.units.first(where: { $0.name == unit })?.factor,
      let byteCount = Int(exactly: (number * factor).rounded())
    else { return nil }
    self.init(byteCount: byteCount)
  }

  package var defaultValueDescription: String { "\(self)" }
}

extension ByteSize: CustomStringConvertible {
  /// The largest unit of 1,024 in which it is at least 1, with one decimal at most: `1.5 GiB`.
  package var description: String {
    for (name, factor) in Self.units.prefix(4) where Double(byteCount) >= factor {
      return "\(Quantity.text(Double(byteCount) / factor)) \(name)"
    }
    return "\(byteCount) B"
  }
}

/// A length of time as people write it: `10s`, `500ms`, `1h30m`; a bare number is seconds.
package struct TimeSpan: Hashable, Sendable, ExpressibleByArgument {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package init(seconds: Double) { nanoseconds = Int64(seconds * 1e9) }

  package var seconds: Double { Double(nanoseconds) / 1e9 }

  private static let units: [(name: String, factor: Double)] = [
    ("d", 86_400e9), ("h", 3_600e9), ("m", 60e9), ("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1),
  ]

  /// Read, and never written.
  private static let longUnits: [(name: String, factor: Double)] = [
    ("y", 31_536_000e9), ("w", 604_800e9),
  ]

  package init?(argument: String) {
    var rest = argument[...]
    var total = 0.0
    guard !rest.isEmpty else { return nil }
    if let (number, unit) = Quantity.split(argument), unit.isEmpty {
      total = number * 1e9
      rest = ""
    }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isNumber || $0 == "." }
      let unit = rest.dropFirst(digits.count).prefix { $0.isLetter }
      guard let (number, name) = Quantity.split(String(digits + unit)),
        let factor = (Self.units + Self.longUnits).first(where: { $0.name == name })?.factor
      else { return nil }
      total += number * factor
      rest = rest.dropFirst(digits.count + unit.count)
    }
    guard let nanoseconds = Int64(exactly: total.rounded()) else { return nil }
    self.init(nanoseconds: nanoseconds)
  }

  package var defaultValueDescription: String { "\(self)" }
}

extension TimeSpan: CustomStringConvertible {
  /// The largest unit that divides it well: `90 s`, `1.5 ms`, `10 m`, `2 d`.
  package var description: String {
    for (name, factor) in Self.units.prefix(3)
    where nanoseconds != 0 && Double(nanoseconds).truncatingRemainder(dividingBy: factor) == 0 {
      return "\(Quantity.text(Double(nanoseconds) / factor)) \(name)"
    }
    for (name, factor) in Self.units.dropFirst(3) where Double(nanoseconds) >= factor {
      return "\(Quantity.text(Double(nanoseconds) / factor)) \(name)"
    }
    return "\(nanoseconds) ns"
  }
}

/// Numbers with units, and numbers as people read them.
package enum Quantity {
  /// A plain decimal, not negative, and the letters behind it; spaces between them are allowed.
  static func split(_ text: String) -> (number: Double, unit: String)? {
    let digits = text.prefix { ($0.isASCII && $0.isNumber) || $0 == "." }
    guard let number = Double(digits), number.isFinite, digits.last != "." else { return nil }
    return (number, String(text.dropFirst(digits.count).drop { $0 == " " }))
  }

  /// One decimal at most: `1.5`, `2`.
  static func text(_ value: Double) -> String {
    let tenths = (value * 10).rounded()
    let whole = Int(tenths / 10)
    let rest = Int(tenths) - whole * 10
    return rest == 0 ? "\(whole)" : "\(whole).\(rest)"
  }

  /// With commas: `1,234,567`.
  package static func grouped(_ value: some BinaryInteger) -> String {
    var result = ""
    let digits = "\(value.magnitude)"
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { result += "," }
      result.append(digit)
    }
    return value < 0 ? "-" + result : result
  }

  /// Two decimals at most, and a unit of 1,000: `2.05 M`, `950`.
  package static func short(_ value: Double) -> String {
    for (name, factor) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] where value >= factor {
      return "\(decimals(value / factor, 2)) \(name)"
    }
    return decimals(value, 0)
  }

  /// The same with what is counted: `2.05 M points/s`, `950 points/s`, `28.81 MB/s`.
  package static func short(_ value: Double, _ unit: String) -> String {
    let text = short(value)
    return unit.hasPrefix("B") && text.last?.isLetter == true ? text + unit : "\(text) \(unit)"
  }

  /// A fixed number of decimals.
  package static func decimals(_ value: Double, _ count: Int) -> String {
    let factor = count == 0 ? 1.0 : count == 1 ? 10 : count == 2 ? 100 : 1_000
    let scaled = Int64((value * factor).rounded())
    if count == 0 { return "\(scaled)" }
    let (whole, rest) = scaled.magnitude.quotientAndRemainder(dividingBy: UInt64(factor))
    let digits = "\(rest)"
    let zeros = String(repeating: "0", count: count - digits.count)
    return "\(scaled < 0 ? "-" : "")\(whole).\(zeros)\(digits)"
  }
}
