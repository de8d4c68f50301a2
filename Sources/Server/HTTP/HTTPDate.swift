internal import Platform
internal import Synchronization

/// The `Date` header of answers: `Wed, 25 Nov 2026 16:20:00 GMT`, made once a second.
package final class HTTPDate: Sendable {
  private let clock: any Clock
  private let latest = Mutex<(second: Int64, text: String)>((.min, ""))

  init(clock: any Clock) { self.clock = clock }

  func text() -> String {
    let second = clock.now() / 1_000_000_000
    return latest.withLock { latest in
      if latest.second != second { latest = (second, Self.text(second: second)) }
      return latest.text
    }
  }

  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// - Parameter second: since the Unix epoch, not before it.
  package static func text(second: Int64) -> String {
    let second = max(0, second)
    let days = Int(second / 86_400)
    let (year, month, day) = civil(days)
    let time = second % 86_400
    let clock = [time / 3_600, time / 60 % 60, time % 60].map(twoDigits).joined(separator: ":")
    return
      "\(weekdays[days % 7]), \(twoDigits(Int64(day))) \(months[month - 1]) \(year) \(clock) GMT"
  }

  private static func twoDigits(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }

  /// The Gregorian date of a day number since the epoch, by eras of 400 years that begin in March.
  private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
