package import Model

/// Points in time as commands print them: UTC, without Foundation.
package enum TimeFormat {
  /// `2026-11-25T19:05:00.25Z`: as many decimals as are needed, none when there are none; exact.
  package static func rfc3339(_ time: Timestamp) -> String {
    let parts = Parts(time)
    var result = parts.date + "T" + parts.clock
    if parts.nanosecond > 0 {
      var fraction = digits(width: 9, parts.nanosecond)
      while fraction.last == "0" { fraction.removeLast() }
      result += "." + fraction
    }
    return result + "Z"
  }

  /// `2026-11-25 19:05:00`, with milliseconds when there are any below the second.
  package static func short(_ time: Timestamp) -> String {
    let parts = Parts(time)
    let fraction = parts.nanosecond / 1_000_000
    return parts.date + " " + parts.clock + (fraction > 0 ? "." + digits(width: 3, fraction) : "")
  }

  /// `19:05`, `19:05:07` or `11-25 19:05`: what tells apart the times of a chart this long.
  package static func axis(_ time: Timestamp, spanning span: Int64) -> String {
    let parts = Parts(time)
    if span > 3 * 24 * Nanoseconds.perHour { return String(parts.date.dropFirst(5)) }
    if span > 12 * Nanoseconds.perHour {
      return parts.date.dropFirst(5) + " " + parts.clock.prefix(5)
    }
    return span > 10 * Nanoseconds.perMinute ? String(parts.clock.prefix(5)) : parts.clock
  }

  private struct Parts {
    var date: String
    var clock: String
    var nanosecond: Int64

    init(_ time: Timestamp) {
      let seconds = floorDivided(time, 1_000_000_000)
      nanosecond = time &- seconds &* 1_000_000_000
      let day = floorDivided(seconds, 86_400)
      let second = seconds - day * 86_400
      date = Self.date(day)
      clock = [second / 3_600, second / 60 % 60, second % 60]
        .map { digits(width: 2, $0) }.joined(separator: ":")
    }

    /// The civil date of a day since the epoch: years begin in March, so that the leap day ends
    /// them, and come in cycles of 400 (146,097 days).
    private static func date(_ day: Int64) -> String {
      let shifted = day + 719_468
      let cycle = floorDivided(shifted, 146_097)
      let dayOfCycle = shifted - cycle * 146_097
      let yearOfCycle =
        (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
      let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
      let shiftedMonth = (5 * dayOfYear + 2) / 153
      let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
      let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
      let year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
      return digits(width: 4, year) + "-" + digits(width: 2, month) + "-"
        + digits(width: 2, dayOfMonth)
    }
  }

  private static func floorDivided(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
  }

  /// Digits with zeros before them.
  private static func digits(width: Int, _ value: Int64) -> String {
    let text = "\(value)"
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
