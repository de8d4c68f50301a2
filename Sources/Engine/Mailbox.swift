internal import Model
internal import Platform
internal import Synchronization

/// Requests to a worker's thread, and the signal that wakes it.
final class Mailbox: Sendable {
  enum Request: Sendable {
    /// One state of a partition once `applied` and all before it is in it.
    case view(
      partition: PartitionID,
      series: [SeriesID],
      applied: Offset,
      reply: Promise<StoreView?>
    )
    /// Which of some windows of a partition are closed by now.
    case closed(partition: PartitionID, pairs: [FeedPair], reply: Promise<[Bool]>)
    case ledger(reply: Promise<[(entry: LedgerEntry, pending: UInt64)]>)
    /// Cut everything once the offsets are applied.
    case flush(applied: [PartitionID: Offset], completion: Completion)
  }

  /// Wakes the worker; the same that its port sets.
  private let signal: Signal
  private let requests = Mutex<[Request]>([])

  init(signal: Signal) { self.signal = signal }

  func send(_ request: Request) {
    requests.withLock { $0.append(request) }
    signal.set()
  }

  func takeAll() -> [Request] {
    requests.withLock { requests in
      defer { requests = [] }
      return requests
    }
  }
}

/// A value that one thread waits for and another delivers, once.
final class Promise<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let signal = Signal()

  func fulfil(_ result: Value) {
    value.withLock { $0 = result }
    signal.set()
  }

  /// Waits at most `timeoutNanoseconds`; `nil` when nothing came.
  func wait(timeoutNanoseconds: Int64) -> Value? {
    if let result = value.withLock({ $0 }) { return result }
    _ = signal.wait(timeoutNanoseconds: UInt64(max(0, timeoutNanoseconds)))
    return value.withLock { $0 }
  }
}

/// The end of a flush: `nil`, or why it failed.
typealias Completion = Promise<SystemError?>
