internal import Model
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
    let time = CivilTime(nanoseconds: second * 1_000_000_000)
    let clock = [time.hour, time.minute, time.second].map { CivilTime.digits($0, 2) }
    return weekdays[days % 7] + ", " + CivilTime.digits(time.day, 2) + " "
      + "\(months[time.month - 1]) \(time.year) " + clock.joined(separator: ":") + " GMT"
  }
}
