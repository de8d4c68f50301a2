package import Blocks
package import Platform
internal import Synchronization

/// Keeps a merge to its share of a processor: after a piece of work it waits as long as that share
/// asks for. What counts is what the thread has had of a processor: on a busy machine it has waited
/// already.
///
/// Belongs to the thread that merges; ``stop()`` and ``share(percent:)`` may come from anywhere.
package final class CompactionPace: Sendable {
  /// Work is done in pieces of this long, so that waits are worth a switch of threads.
  package static let pieceNanoseconds: UInt64 = 5_000_000

  private let clock: any Clock
  private let signal = Signal()
  private let isStopping = Atomic(false)
  private let percent = Atomic(100)
  private let pieceBegan = Atomic<UInt64>(0)
  private let lookedAt = Atomic<UInt64>(0)
  private let processorTimeThen = Atomic<UInt64>(0)
  private let worked = Atomic(0)

  package init(clock: any Clock) { self.clock = clock }

  package var isStopped: Bool { isStopping.load(ordering: .relaxed) }

  /// Bytes of inputs that the merge under way has worked on.
  package var workedByteCount: Int { worked.load(ordering: .relaxed) }

  package func stop() {
    isStopping.store(true, ordering: .relaxed)
    signal.set()
  }

  /// Waits for the next look, or for the end.
  package func wait(nanoseconds: UInt64) { signal.wait(timeoutNanoseconds: nanoseconds) }

  /// Begins a merge, on its thread.
  ///
  /// - Parameter percent: of a processor, 1 ... 100.
  package func begin(percent: Int) {
    share(percent: percent)
    worked.store(0, ordering: .relaxed)
    beginPiece()
  }

  /// The merge is over, however it went: what it has worked on waits no more, or again.
  package func end() { worked.store(0, ordering: .relaxed) }

  /// Changes the share of the merge under way.
  package func share(percent: Int) { self.percent.store(percent, ordering: .relaxed) }

  /// Waits if it is time to.
  ///
  /// - Parameter byteCount: of inputs that have been worked on since the last time.
  /// - Returns: whether the time of a piece has passed since it last was so.
  /// - Throws: ``CompactionError/stopped``.
  @discardableResult
  package func pause(_ byteCount: Int = 0) throws(CompactionError) -> Bool {
    if isStopped { throw .stopped }
    if byteCount > 0 { worked.add(byteCount, ordering: .relaxed) }
    let now = clock.monotonic()
    guard now &- lookedAt.load(ordering: .relaxed) >= Self.pieceNanoseconds else { return false }
    lookedAt.store(now, ordering: .relaxed)
    let share = UInt64(percent.load(ordering: .relaxed))
    let had = clock.processorTime() &- processorTimeThen.load(ordering: .relaxed)
    guard had >= Self.pieceNanoseconds else { return true }
    let passed = now &- pieceBegan.load(ordering: .relaxed)
    let due = had &* 100 / max(1, share)
    if share < 100, due > passed { wait(nanoseconds: due - passed) }
    beginPiece()
    return true
  }

  private func beginPiece() {
    let now = clock.monotonic()
    pieceBegan.store(now, ordering: .relaxed)
    lookedAt.store(now, ordering: .relaxed)
    processorTimeThen.store(clock.processorTime(), ordering: .relaxed)
  }
}
