import Engine
import TestSupport
import Testing

/// Goal: a thread that serves others is not held by queries again and again.
@Suite struct PromptQueriesTests {
  @Test func aQueryThatTookLongSendsTheNextOnesAway() {
    let clock = ManualClock()
    let prompt = PromptQueries()
    func run(_ nanoseconds: Int64) -> Int? {
      prompt.run(clock) { deadline in
        #expect(deadline == clock.monotonic() + PromptQueries.nanosecondsMax)
        clock.advance(nanoseconds: nanoseconds)
        return 1
      }
    }
    #expect(run(100_000) == 1)
    #expect(run(1_500_000) == 1)
    // Its own answer holds; those behind it wait for a query thread.
    #expect(run(50_000_000) == 1)
    #expect(run(0) == nil)
    clock.advance(nanoseconds: 4_900_000_000)
    #expect(run(0) == nil)
    clock.advance(nanoseconds: 100_000_000)
    #expect(run(100_000) == 1)
    #expect(run(100_000) == 1)
  }

  @Test func whatIsGivenUpIsNoAnswer() {
    #expect(PromptQueries().run(ManualClock()) { _ in nil as Int? } == nil)
  }
}
