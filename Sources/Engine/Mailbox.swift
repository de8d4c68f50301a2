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
    /// Link what the manifests name into a snapshot.
    case snapshot(DataDirectory, reply: Promise<Result<[PartitionCopy], SystemError>>)
    /// The blocks of a partition as they are.
    case blocks(partition: PartitionID, reply: Promise<BlockList?>)
    /// Puts merged blocks in the place of others.
    case replaceBlocks(partition: PartitionID, BlockReplacement, reply: Promise<BlockSwap?>)
    /// Puts rollups in the place of others.
    case replaceRollups(
      partition: PartitionID,
      RollupReplacement,
      reply: Promise<BlockSwap?>
    )
    /// Takes blocks away.
    case removeBlocks(partition: PartitionID, BlockRemoval, reply: Promise<BlockSwap?>)
  }

  private struct State {
    var requests: [Request] = []
    var isClosed = false
  }

  /// What a flush is told that comes after the end.
  static let closed = SystemError(
    code: SystemError.Code.notConnected,
    operation: "cut",
    path: "stopped engine"
  )

  /// Wakes the worker; the same that its port sets.
  private let signal: Signal
  private let state = Mutex(State())

  init(signal: Signal) { self.signal = signal }

  /// Hands a request over; refuses it at once when nobody will answer any more.
  func send(_ request: Request) {
    let isTaken = state.withLock { state in
      guard !state.isClosed else { return false }
      state.requests.append(request)
      return true
    }
    if isTaken { signal.set() } else { request.refuse() }
  }

  func takeAll() -> [Request] {
    state.withLock { state in
      defer { state.requests = [] }
      return state.requests
    }
  }

  /// Takes no more requests.
  ///
  /// - Returns: those that nobody has taken.
  func close() -> [Request] {
    state.withLock { state in
      defer { state = State(isClosed: true) }
      return state.requests
    }
  }
}

extension Mailbox.Request {
  /// Whether nobody waits for the answer any more.
  var isAbandoned: Bool {
    switch self {
    case .view(_, _, _, let reply): reply.isAbandoned
    case .closed(_, _, let reply): reply.isAbandoned
    case .ledger(let reply): reply.isAbandoned
    case .flush(_, let completion): completion.isAbandoned
    case .snapshot(_, let reply): reply.isAbandoned
    case .blocks(_, let reply): reply.isAbandoned
    case .replaceBlocks(_, _, let reply): reply.isAbandoned
    case .replaceRollups(_, _, let reply): reply.isAbandoned
    case .removeBlocks(_, _, let reply): reply.isAbandoned
    }
  }

  /// Answers that there will be no answer.
  func refuse() {
    switch self {
    case .view(_, _, _, let reply): reply.fulfil(nil)
    case .closed(_, let pairs, let reply): reply.fulfil(pairs.map { _ in false })
    case .ledger(let reply): reply.fulfil([])
    case .flush(_, let completion): completion.fulfil(Mailbox.closed)
    case .snapshot(_, let reply): reply.fulfil(.failure(Mailbox.closed))
    case .blocks(_, let reply): reply.fulfil(nil)
    case .replaceBlocks(_, _, let reply): reply.fulfil(nil)
    case .replaceRollups(_, _, let reply): reply.fulfil(nil)
    case .removeBlocks(_, _, let reply): reply.fulfil(nil)
    }
  }
}

/// A value that one thread waits for and another delivers, once.
final class Promise<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let signal = Signal()
  private let abandoned = Atomic(false)

  /// Whether its waiter has given up.
  var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

  func fulfil(_ result: Value) {
    value.withLock { $0 = result }
    signal.set()
  }

  /// Waits at most `timeoutNanoseconds`; `nil` when nothing came.
  func wait(timeoutNanoseconds: Int64) -> Value? {
    if let result = value.withLock({ $0 }) { return result }
    _ = signal.wait(timeoutNanoseconds: UInt64(max(0, timeoutNanoseconds)))
    let result = value.withLock { $0 }
    // A wait of 0 only looks: its caller asks again.
    if result == nil, timeoutNanoseconds > 0 { abandoned.store(true, ordering: .relaxed) }
    return result
  }
}

/// The end of a flush: `nil`, or why it failed.
typealias Completion = Promise<SystemError?>
