internal import Synchronization

/// What moving blocks counts: written by its thread, read by anybody.
final class TieringCounters: Sendable {
  private let moves = Atomic<UInt64>(0)
  private let failures = Atomic<UInt64>(0)
  private let bytesMoved = Atomic<UInt64>(0)
  private let nanosecondsMoving = Atomic<UInt64>(0)
  private let waitingBlocks = Atomic<Int>(0)
  private let waitingBytes = Atomic<Int>(0)
  private let barredBlocks = Atomic<Int>(0)

  func moved(_ byteCount: Int, nanoseconds: UInt64) {
    moves.add(1)
    bytesMoved.add(UInt64(byteCount))
    nanosecondsMoving.add(nanoseconds)
  }

  func failed() { failures.add(1) }

  func publish(waiting: (blocks: Int, bytes: Int), barred: Int) {
    waitingBlocks.store(waiting.blocks, ordering: .relaxed)
    waitingBytes.store(waiting.bytes, ordering: .relaxed)
    barredBlocks.store(barred, ordering: .relaxed)
  }

  func add(to result: inout EngineMetrics.Cold) {
    result.moveCount = moves.load(ordering: .relaxed)
    result.failureCount = failures.load(ordering: .relaxed)
    result.movedByteCount = bytesMoved.load(ordering: .relaxed)
    result.movingNanoseconds = nanosecondsMoving.load(ordering: .relaxed)
    result.waitingBlockCount = waitingBlocks.load(ordering: .relaxed)
    result.waitingByteCount = waitingBytes.load(ordering: .relaxed)
    result.barredBlockCount = barredBlocks.load(ordering: .relaxed)
  }
}
