import Platform
import TestSupport
import Testing

@Suite struct ClockTests {
  @Test func realClocksRun() {
    let clock = RealClock()
    let (wall, monotonic) = (clock.now(), clock.monotonic())
    #expect(wall > 1_700_000_000_000_000_000)
    Signal().wait(timeoutNanoseconds: 2_000_000)
    #expect(clock.monotonic() >= monotonic + 2_000_000)
  }

  @Test func manualClocksStandStillUntilMoved() {
    let clock = ManualClock(now: 1_000)
    #expect(clock.now() == 1_000)
    #expect(clock.monotonic() == 0)
    clock.advance(seconds: 2)
    clock.advance(nanoseconds: 5)
    #expect(clock.now() == 2_000_001_005)
    #expect(clock.monotonic() == 2_000_000_005)
    clock.set(now: 7)
    #expect(clock.now() == 7)
    #expect(clock.monotonic() == 2_000_000_005)
  }
}
