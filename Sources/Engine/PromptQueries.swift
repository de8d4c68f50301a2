package import Platform
internal import Synchronization

/// Lets small queries run on the thread that asks, which serves other clients as well.
///
/// One that took longer than it should, be it that a file was not in memory, sends the next ones to
/// query threads for ten times as long: the thread is held for a tenth of its time then. More would
/// cost those that are quick: a thread that had to wait for a processor looks like a slow query.
/// Where many come at once, query threads take what is more than most of the thread's time. Meant
/// for one thread; safe from any.
package final class PromptQueries: Sendable {
  /// When a query that still runs is given up; what is being read of a series then is read to its
  /// end. It begins anew on a query thread.
  package static let nanosecondsMax: UInt64 = 1_000_000
  /// Memory of such a query.
  static let byteCountMax = 16 << 20
  private static let pauseFactor: UInt64 = 10
  /// The thread's time that is looked at, and what queries may take of it.
  private static let windowNanoseconds: UInt64 = 10_000_000
  package static let windowShareMax: UInt64 = 7_500_000

  private let pausedUntil = Atomic<UInt64>(0)
  private let windowStart = Atomic<UInt64>(0)
  private let windowSpent = Atomic<UInt64>(0)

  package init() {}

  /// Runs a query, or returns `nil` where that may not be.
  package func run<Output>(_ clock: any Clock, _ body: (_ deadline: UInt64) -> Output?) -> Output? {
    let start = clock.monotonic()
    guard start >= pausedUntil.load(ordering: .relaxed), hasTime(at: start) else { return nil }
    let output = body(start &+ Self.nanosecondsMax)
    let end = clock.monotonic()
    windowSpent.add(end &- start, ordering: .relaxed)
    if end &- start > 2 * Self.nanosecondsMax {
      pausedUntil.store(end &+ (end &- start) &* Self.pauseFactor, ordering: .relaxed)
    }
    return output
  }

  private func hasTime(at now: UInt64) -> Bool {
    if now &- windowStart.load(ordering: .relaxed) >= Self.windowNanoseconds {
      windowStart.store(now, ordering: .relaxed)
      windowSpent.store(0, ordering: .relaxed)
    }
    return windowSpent.load(ordering: .relaxed) < Self.windowShareMax
  }
}
