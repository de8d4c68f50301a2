import Model
import Rollup
import TestSupport
import Testing

@Suite struct MinuteRunTests {
  @Test func noRowsAreNoRuns() {
    #expect(MinuteRun.split([Timestamp]().span).isEmpty)
  }

  @Test func theEdgesOfAMinuteBelongToIt() {
    let minute = Nanoseconds.perMinute
    let times = [0, minute - 1, minute, 2 * minute - 1, 7 * minute]
    let runs = MinuteRun.split(times.span)
    #expect(
      runs == [
        MinuteRun(minute: 0, rows: 0..<2), MinuteRun(minute: 1, rows: 2..<4),
        MinuteRun(minute: 7, rows: 4..<5),
      ]
    )
  }

  @Test func theEndOfTimeIsInTheLastMinute() {
    let times = [Int64.max - 60_000_000_000, Int64.max - 1, Int64.max]
    let runs = MinuteRun.split(times.span)
    #expect(
      runs.map(\.minute) == [
        Int64.max / Nanoseconds.perMinute - 1, Int64.max / Nanoseconds.perMinute,
      ]
    )
    #expect(runs.map(\.rows) == [0..<1, 1..<3])
  }

  @Test(arguments: UInt64(1)...60)
  func everyRowIsInItsMinuteAndInNoOther(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let spacing: Int64 =
      [1_000_000, 100_000_000, 1_000_000_000, 90_000_000_000]
      .randomElement(using: &random) ?? 1
    var time = Int64.random(in: 0...1_000_000_000_000, using: &random)
    let times = (0..<Int.random(in: 1...3000, using: &random)).map { _ in
      time += Int64.random(in: 1...spacing, using: &random)
      return time
    }
    let runs = MinuteRun.split(times.span)
    #expect(runs.flatMap { Array($0.rows) } == Array(times.indices), "seed \(seed)")
    for run in runs {
      #expect(!run.rows.isEmpty)
      #expect(times[run.rows].allSatisfy { $0 / Nanoseconds.perMinute == run.minute })
    }
    #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.minute < $1.minute })
  }
}
