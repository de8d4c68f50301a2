internal import Blocks
internal import Platform
internal import Synchronization

/// Keeps a merge to its share of a processor: after a piece of work it waits as long as that share
/// asks for.
///
/// Belongs to the compaction's thread; ``stop()`` may come from anywhere.
final class CompactionPace: Sendable {
  /// Work is done in pieces of this long, so that waits are worth a switch of threads.
  static let pieceNanoseconds: UInt64 = 5_000_000

  private let clock: any Clock
  private let signal = Signal()
  private let isStopping = Atomic(false)
  private let percent = Atomic(100)
  private let pieceBegan = Atomic<UInt64>(0)

  init(clock: any Clock) { self.clock = clock }

  var isStopped: Bool { isStopping.load(ordering: .relaxed) }

  func stop() {
    isStopping.store(true, ordering: .relaxed)
    signal.set()
  }

  /// Waits for the next look, or for the end.
  func wait(nanoseconds: UInt64) { signal.wait(timeoutNanoseconds: nanoseconds) }

  /// Begins a merge.
  ///
  /// - Parameter percent: of a processor, 1 ... 100.
  func begin(percent: Int) {
    self.percent.store(percent, ordering: .relaxed)
    pieceBegan.store(clock.monotonic(), ordering: .relaxed)
  }

  /// Waits if it is time to.
  ///
  /// - Throws: ``CompactionError/stopped``.
  func pause() throws(CompactionError) {
    if isStopped { throw .stopped }
    let share = UInt64(percent.load(ordering: .relaxed))
    guard share < 100 else { return }
    let worked = clock.monotonic() &- pieceBegan.load(ordering: .relaxed)
    guard worked >= Self.pieceNanoseconds else { return }
    wait(nanoseconds: worked &* (100 - share) / share)
    pieceBegan.store(clock.monotonic(), ordering: .relaxed)
  }
}
