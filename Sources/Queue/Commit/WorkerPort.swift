public import Model
public import Platform
internal import Synchronization

/// The committer's way to one worker: durable batches in offset order, bounded in number and bytes.
///
/// The committer's thread pushes, the worker's thread pops; ``durableOffset(of:)`` is for anybody.
public final class WorkerPort: Sendable {
  /// A partition's durable end and what of it waits for the worker, in a place of its own.
  private final class DurableEnd: Sendable {
    let offset = Atomic<UInt64>(0)
    let pushedRows = Atomic<UInt64>(0)
    let poppedRows = Atomic<UInt64>(0)
    /// Arrival of the first batch since nothing waited, and of the last one popped.
    let waitingSince = Atomic<Int64>(0)
    let poppedArrival = Atomic<Int64>(0)
  }

  /// What a worker is behind with in one partition.
  public struct Lag: Sendable, Hashable {
    public var rows: UInt64 = 0
    /// How long the oldest of them has waited since it arrived; 0 when nothing waits.
    public var nanoseconds: Int64 = 0

    public init() {}
  }

  /// Set when there is something to pop.
  public let signal: Signal
  private let ring: HandoverRing<RowBatch>
  private let byteCountMax: Int
  private let pushedByteCount = Atomic<Int>(0)
  private let poppedByteCount = Atomic<Int>(0)
  private let durable: [DurableEnd]
  private let isMissed = Atomic(false)
  private let committer = AtomicLazyReference<Signal>()

  /// - Parameters:
  ///   - partitionCount: of the log.
  ///   - capacity: batches in flight.
  ///   - byteCountMax: bytes in flight; the last batch may go beyond.
  ///   - signal: what wakes the worker.
  public init(
    partitionCount: Int,
    capacity: Int = 4_096,
    byteCountMax: Int = 64 << 20,
    signal: Signal = Signal()
  ) {
    precondition(byteCountMax >= 1)
    ring = HandoverRing(capacity: capacity)
    self.byteCountMax = byteCountMax
    self.signal = signal
    durable = (0..<partitionCount).map { _ in DurableEnd() }
  }

  // MARK: The worker's side

  /// Takes the oldest batch, or `nil` when there is none.
  public func pop() -> RowBatch? {
    guard let batch = ring.pop() else { return nil }
    let end = durable[Int(batch.header.partition.rawValue)]
    end.poppedArrival.store(batch.header.arrival, ordering: .relaxed)
    end.poppedRows.wrappingAdd(UInt64(batch.header.rowCount), ordering: .relaxed)
    poppedByteCount.wrappingAdd(batch.record.count, ordering: .sequentiallyConsistent)
    if isMissed.load(ordering: .sequentiallyConsistent) {
      isMissed.store(false, ordering: .sequentiallyConsistent)
      committer.load()?.set()
    }
    return batch
  }

  /// Bytes pushed and not popped.
  public var inFlightByteCount: Int {
    let popped = poppedByteCount.load(ordering: .sequentiallyConsistent)
    return pushedByteCount.load(ordering: .sequentiallyConsistent) - popped
  }

  public var inFlightCount: Int { ring.count }

  // MARK: Anybody's

  /// Behind the last batch of `partition` that this run has acknowledged, or is about to; 0 before
  /// the first one. What earlier runs acknowledged was replayed.
  public func durableOffset(of partition: PartitionID) -> Offset {
    Offset(durable[Int(partition.rawValue)].offset.load(ordering: .acquiring))
  }

  /// What is durable and not applied of `partition`, as of the wall clock `now`.
  public func lag(of partition: PartitionID, now: Timestamp) -> Lag {
    let end = durable[Int(partition.rawValue)]
    var lag = Lag()
    let popped = end.poppedRows.load(ordering: .relaxed)
    let pushed = end.pushedRows.load(ordering: .relaxed)
    guard pushed > popped else { return lag }
    lag.rows = pushed - popped
    // What waits came after the last that was taken.
    let since = max(
      end.waitingSince.load(ordering: .relaxed),
      end.poppedArrival.load(ordering: .relaxed)
    )
    lag.nanoseconds = max(0, now - since)
    return lag
  }

  // MARK: The committer's side

  func attach(_ signal: Signal) { _ = committer.storeIfNil(signal) }

  /// Whether so many batches and bytes that are not pushed yet leave room for one more. If not, the
  /// committer is woken when there is.
  func hasRoom(besides count: Int, byteCount: Int) -> Bool {
    if fits(count, byteCount) { return true }
    isMissed.store(true, ordering: .sequentiallyConsistent)
    // The worker may have made room just before it could see the wish.
    return fits(count, byteCount)
  }

  private func fits(_ count: Int, _ byteCount: Int) -> Bool {
    ring.count + count < ring.capacity && inFlightByteCount + byteCount < byteCountMax
  }

  /// Hands a durable batch over; there is room, for the committer has asked.
  func push(_ batch: RowBatch) {
    let end = durable[Int(batch.header.partition.rawValue)]
    let pushed = end.pushedRows.load(ordering: .relaxed)
    if pushed == end.poppedRows.load(ordering: .relaxed) {
      end.waitingSince.store(batch.header.arrival, ordering: .relaxed)
    }
    end.pushedRows.store(pushed + UInt64(batch.header.rowCount), ordering: .relaxed)
    pushedByteCount.wrappingAdd(batch.record.count, ordering: .sequentiallyConsistent)
    let wasPushed = ring.push(batch)
    precondition(wasPushed, "room was reserved")
    end.offset.store(batch.header.offset.advanced(by: 1).rawValue, ordering: .releasing)
  }
}
