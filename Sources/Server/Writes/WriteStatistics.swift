internal import Platform
internal import Synchronization

/// What HTTP writes count, for `/metrics`. Safe from any thread.
final class WriteStatistics: Sendable {
  private let sentBytes = Atomic<UInt64>(0)
  private let inflatedBytes = Atomic<UInt64>(0)
  private let waitingPieces = Atomic(0)
  private let unsettled = Atomic(0)
  private let waits = DurationHistogram()
  private let refusals = Mutex<[WriteRefusal.Reason: UInt64]>([:])

  struct Snapshot {
    var sentByteCount: UInt64 = 0
    var inflatedByteCount: UInt64 = 0
    var waitingPieceCount = 0
    var unsettledCount = 0
    var waits = DurationHistogram.Counts()
    var refusals: [WriteRefusal.Reason: UInt64] = [:]
  }

  func count(sentBytes count: Int) { sentBytes.wrappingAdd(UInt64(count), ordering: .relaxed) }

  func count(inflatedBytes count: Int) {
    inflatedBytes.wrappingAdd(UInt64(count), ordering: .relaxed)
  }

  /// A piece waits for its loop from now on.
  func beginWait() { waitingPieces.wrappingAdd(1, ordering: .relaxed) }

  /// It was taken, or its client told to come again.
  func endWait(nanoseconds: UInt64) {
    waitingPieces.wrappingSubtract(1, ordering: .relaxed)
    waits.record(nanoseconds: nanoseconds)
  }

  /// A body has ended and is not durable yet.
  func beginSettling() { unsettled.wrappingAdd(1, ordering: .relaxed) }
  func endSettling() { unsettled.wrappingSubtract(1, ordering: .relaxed) }

  func count(_ reason: WriteRefusal.Reason) {
    refusals.withLock { $0[reason, default: 0] += 1 }
  }

  func snapshot() -> Snapshot {
    Snapshot(
      sentByteCount: sentBytes.load(ordering: .relaxed),
      inflatedByteCount: inflatedBytes.load(ordering: .relaxed),
      waitingPieceCount: waitingPieces.load(ordering: .relaxed),
      unsettledCount: unsettled.load(ordering: .relaxed),
      waits: waits.counts,
      refusals: refusals.withLock { $0 }
    )
  }
}
