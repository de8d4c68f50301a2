import Model
import Rollup
import TestSupport
import Testing

@Suite struct WatermarkTests {
  private let second = Nanoseconds.perSecond
  private let minute = Nanoseconds.perMinute

  @Test func itStaysTenSecondsBehindTheNewestRow() {
    let newest = 1_700_000_000 * second
    let watermark = Watermark.of(newest: newest, lastArrival: newest, now: newest + 59 * second)
    #expect(watermark == newest - 10 * second)
  }

  @Test func afterAMinuteOfSilenceTheClockSpeaks() {
    let newest = 1_700_000_000 * second
    let now = newest + 60 * second
    #expect(Watermark.of(newest: newest, lastArrival: newest, now: now) == now - 10 * second)
    // An agent that sends the past in bulk is not silent.
    #expect(
      Watermark.of(newest: newest, lastArrival: now - second, now: now) == newest - 10 * second
    )
  }

  @Test func aSeriesAheadOfTheClockIsNotPulledBack() {
    let now = 1_700_000_000 * second
    let newest = now + 300 * second
    #expect(
      Watermark.of(newest: newest, lastArrival: now - 90 * second, now: now)
        == newest - 10 * second
    )
  }

  @Test func aClockThatJumpsNeverTraps() {
    let ends = [Int64.min, Int64.min + 1, -1, 0, 1, Int64.max - 1, Int64.max]
    for newest in ends {
      for lastArrival in ends {
        for now in ends {
          let watermark = Watermark.of(newest: newest, lastArrival: lastArrival, now: now)
          #expect(watermark <= max(newest, now))
        }
      }
    }
  }

  @Test func minutesCloseOnceEach() {
    var random = SeededRandom(seed: 7)
    var watermark = Watermark.of(newest: 5 * minute, lastArrival: 0, now: 0)
    var next = Watermark.firstOpenMinute(at: watermark)
    for _ in 0..<500 {
      let moved = watermark + Int64.random(in: 0...(3 * minute), using: &random)
      let closed = Watermark.closedMinutes(from: watermark, to: moved)
      #expect(closed.lowerBound == next)
      next = closed.upperBound
      #expect(next * minute <= moved)
      #expect(moved < (next + 1) * minute)
      watermark = moved
    }
  }

  @Test func nothingClosesAtTheFirstSightOrOnTheWayBack() {
    #expect(Watermark.closedMinutes(from: nil, to: 99 * minute).isEmpty)
    #expect(Watermark.closedMinutes(from: 9 * minute, to: 3 * minute).isEmpty)
    #expect(Watermark.closedMinutes(from: 9 * minute, to: 10 * minute - 1).isEmpty)
    #expect(Watermark.closedMinutes(from: 9 * minute, to: 10 * minute) == 9..<10)
    #expect(Watermark.firstOpenMinute(at: -1) == -1)
  }
}
