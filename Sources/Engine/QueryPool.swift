internal import Platform
internal import Query
internal import Synchronization

/// A few threads that run queries, so that a blocking read never holds one of Swift's own threads.
///
/// Bounded: beyond `waitingMax` waiting queries the next is refused as unavailable.
final class QueryPool: Sendable {
  private struct State {
    /// Each runs its query, or refuses it when told that the pool is stopping.
    var waiting: [@Sendable (_ isStopping: Bool) -> Void] = []
    var isStopping = false
  }

  private let state = Mutex(State())
  private let signal = Signal()
  private let waitingMax: Int
  private let threads = Mutex<[WorkerThread]>([])

  init(waitingMax: Int) { self.waitingMax = waitingMax }

  func start(threadCount: Int) throws(SystemError) {
    for index in 0..<threadCount {
      let thread = try WorkerThread(name: "query-\(index)") { [self] in work() }
      threads.withLock { $0.append(thread) }
    }
  }

  private func work() {
    while true {
      let (job, isStopping) = state.withLock { state in
        (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isStopping)
      }
      if let job {
        job(isStopping)
      } else if isStopping {
        signal.set()  // Wakes the next thread.
        return
      } else {
        _ = signal.wait(timeoutNanoseconds: 1_000_000_000)
      }
    }
  }

  /// Queries that wait for a thread.
  var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// Runs `body` on a query thread.
  func run<Result: Sendable>(
    _ body: @escaping @Sendable () -> Swift.Result<Result, QueryError>
  ) async -> Swift.Result<Result, QueryError> {
    await withCheckedContinuation { continuation in
      let isAccepted = state.withLock { state in
        guard !state.isStopping, state.waiting.count < waitingMax else { return false }
        state.waiting.append { isStopping in
          let stopped = QueryError(.unavailable, "the server is stopping")
          continuation.resume(returning: isStopping ? .failure(stopped) : body())
        }
        return true
      }
      if isAccepted {
        signal.set()
      } else {
        continuation.resume(
          returning: .failure(
            QueryError(
              .unavailable,
              "more than \(waitingMax) queries are waiting; try again later"
            )
          )
        )
      }
    }
  }

  /// Waits for the queries that run; those that wait for a thread are refused.
  func stop() {
    state.withLock { $0.isStopping = true }
    signal.set()
    for thread in threads.withLock({ $0 }) { thread.join() }
  }
}
