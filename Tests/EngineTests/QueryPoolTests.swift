import Engine
import Platform
import Query
import Synchronization
import Testing

/// Goal: a free thread takes a query at once, and a stop waits for none that has not begun.
@Suite struct QueryPoolTests {
  /// How a job fared.
  private final class Outcome: Sendable {
    private let state = Mutex<String>("")
    let isSettled = Signal()

    var text: String { state.withLock { $0 } }

    func settle(_ text: String) {
      state.withLock { $0 += text }
      isSettled.set()
    }

    func job(_ body: @escaping @Sendable () -> String) -> QueryPool.Job {
      QueryPool.Job(run: { self.settle(body()) }, refuse: { self.settle("refused: \($0.message)") })
    }
  }

  @Test func aQueryBehindALongOneIsNotKeptWaiting() throws {
    let pool = QueryPool(waitingMax: 16)
    try pool.start(threadCount: 2)
    for _ in 0..<20 {
      let mayEnd = Signal()
      let (long, short) = (Outcome(), Outcome())
      // Both come while both threads sleep: the first holds its thread until the second is done.
      pool.submit(long.job { mayEnd.wait(timeoutNanoseconds: 800_000_000) ? "in time" : "alone" })
      pool.submit(
        short.job {
          mayEnd.set()
          return "done"
        }
      )
      long.isSettled.wait(timeoutNanoseconds: 10_000_000_000)
      short.isSettled.wait(timeoutNanoseconds: 10_000_000_000)
      #expect(long.text == "in time")
      #expect(short.text == "done")
    }
    pool.stop()
  }

  @Test func aStopRefusesWhatWaits() throws {
    let pool = QueryPool(waitingMax: 1)
    try pool.start(threadCount: 1)
    let (hasBegun, mayEnd) = (Signal(), Signal())
    let outcomes = (0..<4).map { _ in Outcome() }
    pool.submit(
      outcomes[0].job {
        hasBegun.set()
        mayEnd.wait(timeoutNanoseconds: 10_000_000_000)
        return "done"
      }
    )
    hasBegun.wait(timeoutNanoseconds: 10_000_000_000)
    pool.submit(outcomes[1].job { "done" })
    pool.submit(outcomes[2].job { "done" })
    #expect(outcomes[2].text == "refused: more than 1 queries are waiting; try again later")
    let stopper = try WorkerThread(name: "stop") { pool.stop() }
    outcomes[1].isSettled.wait(timeoutNanoseconds: 10_000_000_000)
    #expect(outcomes[1].text == "refused: the server is stopping")
    mayEnd.set()
    stopper.join()
    #expect(outcomes[0].text == "done")
    pool.submit(outcomes[3].job { "done" })
    #expect(outcomes[3].text == "refused: the server is stopping")
  }
}
