/// A moment as a calendar and a clock show it in UTC, by the Gregorian rules for all years.
public struct CivilTime: Hashable, Sendable {
  public var year: Int
  /// 1 ... 12
  public var month: Int
  /// 1 ... 31
  public var day: Int
  public var hour: Int
  public var minute: Int
  public var second: Int
  /// Below a second.
  public var nanosecond: Int

  /// - Parameter nanoseconds: since the Unix epoch, before it too.
  public init(nanoseconds: Int64) {
    let (seconds, nanosecond) = Self.floorDivide(nanoseconds, 1_000_000_000)
    let (days, rest) = Self.floorDivide(seconds, 86_400)
    (year, month, day) = Self.civil(days: Int(days))
    hour = Int(rest / 3_600)
    minute = Int(rest / 60 % 60)
    second = Int(rest % 60)
    self.nanosecond = Int(nanosecond)
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  /// The date of a day number since the epoch, by eras of 400 years that begin in March.
  private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  /// As RFC 3339 writes it: `2026-11-25T16:20:00.123Z`.
  ///
  /// - Parameter decimals: digits behind the second, 0 ... 9; what is finer is cut off.
  public func rfc3339(decimals: Int) -> String {
    precondition((0...9).contains(decimals))
    var text = Self.digits(year, 4) + "-" + Self.digits(month, 2) + "-" + Self.digits(day, 2)
    text += "T" + Self.digits(hour, 2) + ":" + Self.digits(minute, 2) + ":" + Self.digits(second, 2)
    if decimals > 0 { text += "." + Self.digits(nanosecond, 9).prefix(decimals) }
    return text + "Z"
  }

  /// At least `count` digits, with zeros in front.
  public static func digits(_ value: Int, _ count: Int) -> String {
    let text = "\(value)"
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
  }
}
