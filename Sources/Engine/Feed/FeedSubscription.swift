internal import Model
internal import Query
internal import Synchronization

/// One reader of the change feed.
///
/// Safe from any thread; one task at a time waits in ``next()``. A reader that does not take what
/// is announced is cut off at ``FeedConfiguration/readerByteCountMax``.
public final class FeedSubscription: Sendable {
  /// Why a reader gets no more.
  public enum End: Sendable, Hashable {
    /// It has said so itself.
    case cancelled
    /// More waited for it than may.
    case tooSlow(byteCountMax: Int)
    /// It fell further behind, while it was catching up, than can be remembered.
    case tooFarBehind
    /// The feed has ended.
    case stopped(reason: String)

    /// Whether the reader was ended because it took too little.
    var isCutOff: Bool {
      switch self {
      case .tooSlow, .tooFarBehind: true
      case .cancelled, .stopped: false
      }
    }

    /// The reason in words.
    public var text: String {
      switch self {
      case .cancelled: "the reader has left"
      case .tooSlow(let byteCountMax):
        "too slow: more than \(byteCountMax) bytes waited to be read; go on from the last id, "
          + "or ask for less"
      case .tooFarBehind: "too far behind: more windows have changed than can be remembered"
      case .stopped(let reason): reason
      }
    }
  }

  /// Windows that a reader still has to be told of, in the order of their announcement.
  struct Debt {
    var pairs: [FeedPair]
    /// Where the reader stands when it has been told of all of them.
    var position: FeedPosition
  }

  private struct State {
    var queue: [FeedDelivery] = []
    var byteCount = 0
    /// While there are any, what is announced joins them instead of the queue.
    var debts: [Debt] = []
    var debtCount = 0
    /// What was asked for lies further back than memory does.
    var search: (from: FeedPosition, upTo: FeedPosition)?
    /// Where the reader stands after all deliveries so far.
    var position: FeedPosition?
    var waiter: CheckedContinuation<Void, Never>?
    var end: End?
  }

  let request: StreamRequest
  let tenant: [UInt8]
  let form: FeedForm
  private let feed: ChangeFeed
  private let state = Mutex(State())

  init(_ request: StreamRequest, tenant: [UInt8], form: FeedForm, feed: ChangeFeed) {
    self.request = request
    self.tenant = tenant
    self.form = form
    self.feed = feed
  }

  // MARK: The reader's side

  /// All deliveries that wait, at least one; waits for it. `nil` once the reader is cut off, has
  /// left, or the feed has ended: ``end`` tells which.
  public func next() async -> [FeedDelivery]? {
    while true {
      guard let deliveries = await poll() else { return nil }
      if !deliveries.isEmpty { return deliveries }
      await withTaskCancellationHandler {
        await wait()
      } onCancel: {
        cancel()
      }
    }
  }

  /// All deliveries that wait, none if there are none; what is owed is looked up. `nil` like
  /// ``next()``.
  public func poll() async -> [FeedDelivery]? {
    while true {
      let found = state.withLock { state -> (deliveries: [FeedDelivery]?, work: Work?) in
        if state.end != nil { return (nil, nil) }
        if !state.queue.isEmpty {
          defer { drop(&state) }
          return (state.queue, nil)
        }
        return ([], Self.work(in: state))
      }
      guard let work = found.work else { return found.deliveries }
      await feed.run(work, for: self)
    }
  }

  /// Why there is no more, once ``next()`` has returned `nil`.
  public var ending: End? { state.withLock { $0.end } }

  /// Leaves the feed; what waits is dropped.
  public func cancel() {
    end(.cancelled)
    feed.remove(self)
  }

  private func wait() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        guard state.end == nil, state.queue.isEmpty, Self.work(in: state) == nil else {
          return true
        }
        state.waiter = continuation
        return false
      }
      if isOver { continuation.resume() }
    }
  }

  // MARK: The feed's side

  /// What has to be looked up before the reader is up to date.
  enum Work: Sendable {
    case search(from: FeedPosition, upTo: FeedPosition)
    case pay(pairs: [FeedPair], after: FeedPosition)
  }

  /// Windows that are looked up at once.
  private static let pairsPerTurn = 128

  private static func work(in state: State) -> Work? {
    if let search = state.search { return .search(from: search.from, upTo: search.upTo) }
    guard let debt = state.debts.first, let before = state.position else { return nil }
    let pairs = debt.pairs.prefix(pairsPerTurn)
    let isAll = pairs.count == debt.pairs.count
    return .pay(pairs: Array(pairs), after: isAll ? debt.position : before)
  }

  /// Begins at `position`.
  ///
  /// - Parameters:
  ///   - debts: what was announced between the position asked for and this one.
  ///   - search: whether that has to be searched for.
  func begin(
    at position: FeedPosition,
    from: FeedPosition?,
    debts: [Debt],
    search: Bool,
    reset: String?
  ) {
    update { state in
      state.position = from ?? position
      state.queue = [
        reset.map { .reset(reason: $0, position) } ?? .progress(from ?? position)
      ]
      state.debts = debts
      state.debtCount = debts.reduce(0) { $0 + $1.pairs.count }
      if search, let from { state.search = (from, position) }
    }
  }

  /// Whether it is told of windows later, when it has caught up.
  var isCatchingUp: Bool { state.withLock { $0.search != nil || !$0.debts.isEmpty } }

  /// Remembers windows that a reader who is catching up has to be told of.
  func owe(_ pairs: [FeedPair], position: FeedPosition, countMax: Int) {
    update { state in
      state.debts.append(Debt(pairs: pairs, position: position))
      state.debtCount += pairs.count
      if state.debtCount > countMax { end(&state, .tooFarBehind) }
    }
  }

  /// The end of a search: what was found comes before what is owed since.
  func found(_ result: Result<[Debt], FeedLoss>, upTo: FeedPosition, countMax: Int) {
    update { state in
      state.search = nil
      switch result {
      case .success(let debts):
        state.debts.insert(contentsOf: debts, at: 0)
        state.debtCount += debts.reduce(0) { $0 + $1.pairs.count }
        if state.debtCount > countMax { end(&state, .tooFarBehind) }
      case .failure(let loss):
        state.position = upTo
        state.queue.append(.reset(reason: loss.reason, upTo))
      }
    }
  }

  /// What was owed is told of.
  func pay(_ changes: [FeedChange], count: Int, after: FeedPosition) {
    update { state in
      guard !state.debts.isEmpty else { return }
      let before = state.position ?? after
      for (index, change) in changes.enumerated() {
        state.queue.append(.change(change, index == changes.count - 1 ? after : before))
      }
      if changes.isEmpty, after != before { state.queue.append(.progress(after)) }
      state.position = after
      state.debtCount -= count
      state.debts[0].pairs.removeFirst(count)
      if state.debts[0].pairs.isEmpty { state.debts.removeFirst() }
    }
  }

  /// Delivers changes; all but the last one leave the reader at the position before.
  func deliver(_ changes: [FeedChange], before: FeedPosition, after: FeedPosition) {
    update { state in
      var byteCount = 0
      for (index, change) in changes.enumerated() {
        let delivery = FeedDelivery.change(change, index == changes.count - 1 ? after : before)
        state.queue.append(delivery)
        byteCount += delivery.byteCount
      }
      state.byteCount += byteCount
      state.position = after
      let limit = feed.charge(byteCount)
      if state.byteCount > limit { end(&state, .tooSlow(byteCountMax: limit)) }
    }
  }

  /// Everything up to `position` is told of, unless the reader is catching up.
  func progress(_ position: FeedPosition) {
    update { state in
      let isBehind = state.search != nil || !state.debts.isEmpty
      if !isBehind { state.position = position }
      guard let told = state.position else { return }
      if case .progress = state.queue.last { state.queue.removeLast() }
      state.queue.append(.progress(told))
    }
  }

  /// What was announced before `position` is lost.
  func reset(_ reason: String, _ position: FeedPosition) {
    update { state in
      state.search = nil
      state.debts = []
      state.debtCount = 0
      state.position = position
      state.queue.append(.reset(reason: reason, position))
    }
  }

  func end(_ end: End) { update { self.end(&$0, end) } }

  private func end(_ state: inout State, _ end: End) {
    state.end = end
    drop(&state)
    state.debts = []
    state.search = nil
  }

  /// Empties the queue.
  private func drop(_ state: inout State) {
    state.queue = []
    feed.release(state.byteCount)
    state.byteCount = 0
  }

  var isOver: Bool { state.withLock { $0.end != nil } }

  private func update(_ body: (inout State) -> Void) {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.end == nil else { return nil }
      body(&state)
      return state.waiter.take()
    }
    waiter?.resume()
  }
}

/// Why what was announced since a position cannot be told.
struct FeedLoss: Error, Hashable, Sendable {
  var reason: String
}
