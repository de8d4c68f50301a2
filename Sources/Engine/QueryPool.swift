package import Platform
package import Query
internal import Synchronization

/// A few threads that run queries, so that a blocking read never holds one of Swift's own threads.
///
/// Bounded: beyond `waitingMax` waiting queries the next is refused as unavailable. Once it stops,
/// those that wait are refused, and only those that run are waited for.
package final class QueryPool: QueryHelpers {
  /// Work for one thread; one of the two is called, once.
  package struct Job: Sendable {
    var run: @Sendable () -> Void
    var refuse: @Sendable (QueryError) -> Void

    package init(
      run: @escaping @Sendable () -> Void,
      refuse: @escaping @Sendable (QueryError) -> Void
    ) {
      self.run = run
      self.refuse = refuse
    }
  }

  private struct State {
    var waiting: [Job] = []
    /// Threads that sleep and were not woken for anything yet.
    var idleCount = 0
    var isStopping = false
  }

  private let state = Mutex(State())
  private let signal = Signal()
  private let waitingMax: Int
  private let threads = Mutex<[WorkerThread]>([])

  package init(waitingMax: Int) { self.waitingMax = waitingMax }

  package func start(threadCount: Int) throws(SystemError) {
    for index in 0..<threadCount {
      let thread = try WorkerThread(name: "query-\(index)") { [self] in work() }
      threads.withLock { $0.append(thread) }
    }
  }

  private func work() {
    while true {
      let (job, isMoreToDo, isStopping) = state.withLock { state in
        let job = state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        if job == nil, !state.isStopping { state.idleCount += 1 }
        return (job, !state.waiting.isEmpty, state.isStopping)
      }
      // The signal wakes one thread however often it was set: each wakes the next.
      if isMoreToDo || isStopping { signal.set() }
      if let job {
        job.run()
      } else if isStopping {
        return
      } else {
        _ = signal.wait(timeoutNanoseconds: 1_000_000_000)
        state.withLock { $0.idleCount -= 1 }
      }
    }
  }

  /// Queries that wait for a thread.
  var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// Runs `body` on a query thread.
  package func run<Result: Sendable>(
    _ body: @escaping @Sendable () -> Swift.Result<Result, QueryError>
  ) async -> Swift.Result<Result, QueryError> {
    await withCheckedContinuation { continuation in
      let job = Job(
        run: { continuation.resume(returning: body()) },
        refuse: { continuation.resume(returning: .failure($0)) }
      )
      submit(job)
    }
  }

  /// Queues a job, or refuses it at once.
  package func submit(_ job: Job) {
    let refusal = state.withLock { state -> QueryError? in
      if state.isStopping { return Self.stopping }
      guard state.waiting.count < waitingMax else {
        let text = "more than \(waitingMax) queries are waiting; try again later"
        return QueryError(.unavailable, text)
      }
      state.waiting.append(job)
      return nil
    }
    if let refusal { job.refuse(refusal) } else { signal.set() }
  }

  /// Hands `work` to a thread that has nothing to do, or drops it.
  package func offer(_ work: @escaping @Sendable () -> Void) {
    let isTaken = state.withLock { state in
      guard !state.isStopping, state.waiting.count < state.idleCount else { return false }
      state.waiting.append(Job(run: work, refuse: { _ in }))
      return true
    }
    if isTaken { signal.set() }
  }

  private static let stopping = QueryError(.unavailable, "the server is stopping")

  /// Refuses what waits and waits for what runs.
  package func stop() {
    close()
    join()
  }

  /// Refuses what waits and all that comes.
  package func close() {
    let refused = state.withLock { state in
      state.isStopping = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for job in refused { job.refuse(Self.stopping) }
    signal.set()
  }

  /// Waits for what runs, after ``close()``.
  package func join() {
    for thread in threads.withLock({ $0 }) { thread.join() }
  }
}
