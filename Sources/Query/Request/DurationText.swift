/// Durations as requests write them: `500ms`, `10s`, `1m`, `1h30m`, `2d`, `1w`.
///
///     duration := (digits unit)+, larger units first, each once
///     unit := w | d | h | m | s | ms | us | µs | ns
enum DurationText {
  enum Failure: Error { case malformed, missingUnit, tooLong }

  /// Larger first; `m` is a minute and `ms` a millisecond.
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("w", 604_800_000_000_000), ("d", 86_400_000_000_000), ("h", 3_600_000_000_000),
    ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1),
  ]

  /// Nanoseconds of `text`, 0 or more.
  static func parse(_ text: some StringProtocol) throws(Failure) -> Int64 {
    var rest = Array(text.utf8)[...]
    guard !rest.isEmpty else { throw .malformed }
    var total: Int64 = 0
    var nextUnit = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
      guard !digits.isEmpty else { throw .malformed }
      rest = rest.dropFirst(digits.count)
      guard !rest.isEmpty else { throw .missingUnit }
      let name = rest.prefix { $0 < UInt8(ascii: "0") || $0 > UInt8(ascii: "9") }
      rest = rest.dropFirst(name.count)
      let spelled = String(decoding: name, as: UTF8.self)
      let plain = spelled == "µs" || spelled == "μs" ? "us" : spelled
      guard let index = units.firstIndex(where: { $0.name == plain }), index >= nextUnit else {
        throw .malformed
      }
      nextUnit = index + 1
      var count: Int64 = 0
      for digit in digits {
        let (tenfold, overflowed) = count.multipliedReportingOverflow(by: 10)
        let (sum, overflowedAgain) = tenfold.addingReportingOverflow(Int64(digit &- 48))
        guard !overflowed, !overflowedAgain else { throw .tooLong }
        count = sum
      }
      let (part, overflowed) = count.multipliedReportingOverflow(by: units[index].nanoseconds)
      let (sum, overflowedAgain) = total.addingReportingOverflow(part)
      guard !overflowed, !overflowedAgain else { throw .tooLong }
      total = sum
    }
    return total
  }

  /// The shortest spelling that ``parse(_:)`` reads back as `nanoseconds` (0 or more).
  static func text(_ nanoseconds: Int64) -> String {
    guard nanoseconds > 0 else { return "0s" }
    var rest = nanoseconds
    var text = ""
    for unit in units where rest >= unit.nanoseconds {
      text += "\(rest / unit.nanoseconds)\(unit.name)"
      rest %= unit.nanoseconds
    }
    return text
  }
}
