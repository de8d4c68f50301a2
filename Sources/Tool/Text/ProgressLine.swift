package import Platform
internal import Synchronization

/// How far a command is: on a terminal one line on standard error that is drawn over (percent,
/// rate, time left), shown once a second has passed; elsewhere nothing.
///
/// Any thread may report; most reports cost a look at the clock.
package final class ProgressLine: Sendable {
  /// What is counted, for the rate.
  package enum Unit: Sendable {
    case bytes
    case items(String)
    /// Nothing that has a name: percent and time left alone.
    case parts
  }

  private struct State {
    var drawnAt: UInt64 = 0
    var isDrawn = false
  }

  private static let firstNanoseconds: UInt64 = 1_000_000_000
  private static let periodNanoseconds: UInt64 = 200_000_000

  private let what: String
  private let unit: Unit
  private let isShown: Bool
  private let clock: any Clock
  private let startedAt: UInt64
  private let state = Mutex(State())

  /// - Parameter what: what is being done, as in `export`.
  package init(
    _ what: String,
    unit: Unit,
    isShown: Bool = StandardOutput.isErrorTerminal,
    clock: any Clock = RealClock()
  ) {
    self.what = what
    self.unit = unit
    self.isShown = isShown
    self.clock = clock
    startedAt = clock.monotonic()
  }

  package var seconds: Double { Double(clock.monotonic() &- startedAt) / 1e9 }

  /// Reports progress.
  ///
  /// - Parameters:
  ///   - total: `nil` when nobody knows.
  ///   - note: a few words behind the figures.
  package func update(_ done: Int, of total: Int?, note: @autoclosure () -> String = "") {
    guard isShown else { return }
    let now = clock.monotonic()
    let isDue = state.withLock { state in
      guard now &- startedAt >= Self.firstNanoseconds,
        !state.isDrawn || now &- state.drawnAt >= Self.periodNanoseconds
      else { return false }
      state.drawnAt = now
      state.isDrawn = true
      return true
    }
    guard isDue else { return }
    let text = Self.text(
      what,
      unit,
      done: done,
      total: total,
      seconds: Double(now &- startedAt) / 1e9,
      note: note()
    )
    StandardOutput.writeError("\r\u{1b}[K\(text)")
  }

  /// Takes the line away.
  package func end() {
    let wasDrawn = state.withLock { state in
      defer { state.isDrawn = false }
      return state.isDrawn
    }
    if wasDrawn { StandardOutput.writeError("\r\u{1b}[K") }
  }

  /// `export  42%  1.5 MiB/s  3 of 7 MiB  ETA 12 s`.
  package static func text(
    _ what: String,
    _ unit: Unit,
    done: Int,
    total: Int?,
    seconds: Double,
    note: String = ""
  ) -> String {
    var parts = [what]
    let rate = seconds > 0 ? Double(done) / seconds : 0
    if let total, total > 0 {
      parts.append("\(Int(min(100, Double(done) * 100 / Double(total))))%")
    }
    switch unit {
    case .bytes:
      parts.append("\(ByteSize(byteCount: done))")
      parts.append("\(ByteSize(byteCount: Int(rate)))/s")
    case .items(let name):
      parts.append("\(Quantity.grouped(done)) \(name)")
      parts.append("\(Quantity.short(rate))/s")
    case .parts: break
    }
    if let total, total > done, rate > 0 {
      parts.append("ETA \(clock(Int((Double(total - done) / rate).rounded(.up))))")
    }
    if !note.isEmpty { parts.append(note) }
    return parts.joined(separator: "  ")
  }

  private static func clock(_ seconds: Int) -> String {
    guard seconds >= 60 else { return "\(seconds) s" }
    let (minutes, rest) = seconds.quotientAndRemainder(dividingBy: 60)
    return minutes < 60
      ? "\(minutes) m \(rest) s" : "\(minutes / 60) h \(minutes % 60) m"
  }
}
