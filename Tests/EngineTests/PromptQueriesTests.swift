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
    clock.advance(nanoseconds: 490_000_000)
    #expect(run(0) == nil)
    clock.advance(nanoseconds: 10_000_000)
    #expect(run(100_000) == 1)
    #expect(run(100_000) == 1)
  }

  @Test func manyAtOnceLeaveTheThreadSomeTime() {
    let clock = ManualClock()
    let prompt = PromptQueries()
    clock.advance(seconds: 1)
    var count = 0
    for _ in 0..<40 {
      let answer = prompt.run(clock) { _ in
        clock.advance(nanoseconds: 500_000)
        return 1
      }
      count += answer == nil ? 0 : 1
    }
    #expect(count == Int(PromptQueries.windowShareMax) / 500_000)
    clock.advance(nanoseconds: 10_000_000)
    #expect(prompt.run(clock) { _ in 1 } == 1)
  }

  @Test func whatIsGivenUpIsNoAnswer() {
    #expect(PromptQueries().run(ManualClock()) { _ in nil as Int? } == nil)
  }
}
