public import Model
internal import Platform
internal import Synchronization

/// One receiver's way to the committer: batches go in, a sequence number comes back.
///
/// Batches settle in the order in which they were submitted, so a receiver waits for one number.
/// The receiver's thread alone calls ``submit(_:)`` and ``failure(after:upTo:)``; the committer's
/// thread takes and settles.
public final class ReceiverPort: Sendable {
  /// Failed stretches that are remembered; beyond it two of them grow together, so that more is
  /// reported as failed than was. Sending again is always safe.
  static let failuresMax = 1_024

  /// Batches `range` (sequences, both ends included) failed.
  private struct Failure {
    var range: ClosedRange<UInt64>
    var reason: String
  }

  private let ring: HandoverRing<RowBatch>
  private let submitted = Atomic<UInt64>(0)
  private let settled = Atomic<UInt64>(0)
  private let closed = Atomic(false)
  private let hasFailures = Atomic(false)
  private let failures = Mutex<[Failure]>([])
  private let committer = AtomicLazyReference<Signal>()
  private let onSettled: @Sendable () -> Void
  /// Whether its batches are taken on a full disk, too: deletes, which make room.
  let makesRoom: Bool

  /// - Parameters:
  ///   - capacity: batches that may wait for the committer.
  ///   - makesRoom: whether it carries deletes alone, which a full disk does not keep out.
  ///   - onSettled: called on the committer's thread after each round that settled something.
  public init(
    capacity: Int = 256,
    makesRoom: Bool = false,
    onSettled: @escaping @Sendable () -> Void
  ) {
    ring = HandoverRing(capacity: capacity)
    self.makesRoom = makesRoom
    self.onSettled = onSettled
  }

  // MARK: The receiver's side

  /// Hands a sealed batch over.
  ///
  /// - Returns: `false`, and nothing done, when the committer is behind: try again after
  ///   `onSettled`.
  public func submit(_ batch: RowBatch) -> Bool {
    guard ring.push(batch) else { return false }
    submitted.wrappingAdd(1, ordering: .releasing)
    committer.load()?.set()
    return true
  }

  /// The number of batches handed over so far, which is the sequence of the last one.
  public var submittedSequence: UInt64 { submitted.load(ordering: .acquiring) }

  /// All batches up to this sequence are durable, or have failed.
  public var settledSequence: UInt64 { settled.load(ordering: .acquiring) }

  /// Why one of the settled batches with a sequence in `first + 1 ... last` is not durable; `nil`
  /// when all are.
  public func failure(after first: UInt64, upTo last: UInt64) -> String? {
    guard first < last, hasFailures.load(ordering: .acquiring) else { return nil }
    return failures.withLock { failures in
      failures.last { $0.range.overlaps(first + 1...last) }?.reason
    }
  }

  /// Ends the port: the committer forgets it once it has taken what is in it. By the receiver.
  public func close() {
    closed.store(true, ordering: .releasing)
    committer.load()?.set()
  }

  // MARK: The committer's side

  /// Lets submissions wake the committer.
  func attach(_ signal: Signal) { _ = committer.storeIfNil(signal) }

  func take() -> RowBatch? { ring.pop() }

  var isEmpty: Bool { ring.isEmpty }

  /// Whether it was closed and is empty.
  var isDone: Bool { closed.load(ordering: .acquiring) && ring.isEmpty }

  /// Settles the next `count` batches, as failed when there is a reason.
  func settle(count: Int, failure reason: String?) {
    guard count > 0 else { return }
    let first = settled.load(ordering: .relaxed) + 1
    let last = first + UInt64(count) - 1
    if let reason { note(Failure(range: first...last, reason: reason)) }
    settled.store(last, ordering: .releasing)
  }

  private func note(_ failure: Failure) {
    failures.withLock { failures in
      if let last = failures.last, last.range.upperBound + 1 == failure.range.lowerBound,
        last.reason == failure.reason
      {
        let range = last.range.lowerBound...failure.range.upperBound
        failures[failures.count - 1].range = range
      } else {
        failures.append(failure)
      }
      if failures.count > Self.failuresMax {
        failures[1].range = failures[0].range.lowerBound...failures[1].range.upperBound
        failures.removeFirst()
      }
    }
    hasFailures.store(true, ordering: .releasing)
  }

  func notify() { onSettled() }
}
