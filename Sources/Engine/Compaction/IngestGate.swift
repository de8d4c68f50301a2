internal import Synchronization

/// Holds listeners back to a rate: who has taken bytes rests for as long as they last at that rate.
///
/// Shared by all receivers; without a rate it costs an addition a read. Safe from several threads.
package final class IngestGate: Sendable {
  /// The longest rest: whatever the rate, every listener reads once in this time, so that
  /// acknowledgements keep coming.
  package static let restNanosecondsMax: UInt64 = 500_000_000

  private let received = Atomic<UInt64>(0)
  /// Bytes a second; 0 for any number.
  private let rate = Atomic<UInt64>(0)
  /// When those that were taken have lasted.
  private let freeAt = Atomic<UInt64>(0)

  package init() {}

  /// Bytes of line protocol that were taken since the start.
  package var receivedByteCount: UInt64 { received.load(ordering: .relaxed) }

  /// Whether there is a rate, so that the clock matters.
  package var isSlowing: Bool { rate.load(ordering: .relaxed) > 0 }

  /// - Parameter bytesPerSecond: `nil` for as many as come.
  package func limit(bytesPerSecond: Double?) {
    let rate = bytesPerSecond.map { UInt64(max(1, min($0, 1e15))) } ?? 0
    self.rate.store(rate, ordering: .relaxed)
  }

  /// Counts bytes that were taken.
  ///
  /// - Parameter now: on the monotonic clock; asked for only when there is a rate.
  package func take(_ byteCount: Int, now: () -> UInt64) {
    guard byteCount > 0 else { return }
    received.add(UInt64(byteCount), ordering: .relaxed)
    let rate = rate.load(ordering: .relaxed)
    guard rate > 0 else { return }
    let now = now()
    let lasts = UInt64(min(Double(byteCount) / Double(rate), 1) * 1e9)
    var free = freeAt.load(ordering: .relaxed)
    while true {
      let next = min(max(free, now) + lasts, now + Self.restNanosecondsMax)
      let (exchanged, found) = freeAt.compareExchange(
        expected: free,
        desired: next,
        ordering: .relaxed
      )
      if exchanged { return }
      free = found
    }
  }

  /// How long listeners should not read yet.
  package func restNanoseconds(now: UInt64) -> UInt64 {
    guard isSlowing else { return 0 }
    let free = freeAt.load(ordering: .relaxed)
    return free > now ? free - now : 0
  }
}
