import Engine
import Model
import TestSupport
import Testing

/// Goal: a week goes by in 51 slots: the last two days are in the ring, everything older is
/// answered from blocks, and all of it is what was sent. Method: a manual clock, rows and late rows in every
/// hour, restarts on the way, a dictionary beside it.
@Suite struct WeekTests {
  private static let start: Int64 = 1_795_374_000 / 3600 * 3600

  private struct Model {
    /// By minute since the epoch and series: second and value.
    var minutes: [Int64: [String: [Int64: Int64]]] = [:]

    mutating func line(_ series: String, _ second: Int64, _ value: Int64) -> String {
      minutes[second / 60, default: [:]][series, default: [:]][second] = value
      return "w,h=\(series) v=\(value)i \(second)\n"
    }

    /// Counts and sums of a series by minute, as the answer's arrays say them.
    func texts(_ series: String, _ range: Range<Int64>) -> (count: String, sum: String) {
      let found = (range.lowerBound / 60..<range.upperBound / 60).map {
        minutes[$0]?[series] ?? [:]
      }
      let counts = found.map { "\($0.count)" }.joined(separator: ",")
      let sums = found.map { $0.isEmpty ? "null" : "\($0.values.reduce(0, +))" }
      return (counts, sums.joined(separator: ","))
    }

    func windowCount(_ range: Range<Int64>) -> Int {
      (range.lowerBound / 60..<range.upperBound / 60).reduce(0) { $0 + (minutes[$1]?.count ?? 0) }
    }
  }

  private func expect(
    _ harness: EngineHarness,
    _ model: Model,
    _ range: Range<Int64>,
    _ hint: String
  ) async throws {
    for series in ["a", "b"] {
      let answer = try await harness.range(
        "measurement=w&tag.h=\(series)&field=v&start=\(range.lowerBound)&end=\(range.upperBound)"
          + "&step=60s&agg=count,sum"
      )
      let (count, sum) = model.texts(series, range)
      #expect(answer.contains("\"count\":[\(count)]"), "\(hint), counts of \(series)")
      #expect(answer.contains("\"sum\":[\(sum)]"), "\(hint), sums of \(series)")
    }
  }

  @Test func aWeekOfHoursGoesThroughTheRing() async throws {
    let harness = try EngineHarness(now: Self.start * 1_000_000_000)
    var model = Model()
    var random = SeededRandom(seed: 168)
    let hours: Int64 = 7 * 24
    for half in 0..<2 * hours {
      let from = Self.start + half * 1800
      var text = ""
      for second in stride(from: from, to: from + 1800, by: 90) {
        text += model.line("a", second, Int64.random(in: -9...9, using: &random))
        if second % 4 != 0 { text += model.line("b", second + 7, second % 1000) }
      }
      if half > 10, half % 5 == 0 {
        // Late by hours, within the two days and beyond them.
        let back = Int64.random(in: 3600...min(half, 110) * 1800, using: &random)
        text += model.line("a", from - back, 1000 + half)
      }
      harness.clock.advance(seconds: 1800)
      _ = try harness.send(text)
      try await harness.engine.flush()
      try harness.settle(steps: 60)
      if half % 60 == 59 {
        try harness.restart()
        #expect(harness.report.damages == [], "half hour \(half)")
        let end = from + 1800
        try await expect(harness, model, max(Self.start, end - 50 * 3600)..<end, "\(half)")
      }
    }
    let end = Self.start + hours * 3600
    harness.clock.advance(seconds: 900)
    try harness.settle()
    try await expect(harness, model, Self.start..<end, "all of the week")
    // Two days by the minute come from the ring alone.
    let twoDays = end - 47 * 3600..<end
    let query =
      "measurement=w&field=v&start=\(twoDays.lowerBound)&end=\(twoDays.upperBound)&step=60s"
    let found1 = try await harness.ringWindows(query)
    #expect(found1 == model.windowCount(twoDays))
    try harness.restart()
    #expect(harness.report.damages == [])
    #expect(harness.report.ring.frozenHourCount >= 47)
    #expect(harness.report.ring.frozenHourCount <= 49)
    #expect(DataDirectoryCheck(disk: harness.disk, path: "/data").run().findings == [])
    let files = harness.disk.files.keys.filter { $0.contains("/ring/") }
    // Two partitions; an hour has its frozen file and now and then a patch.
    #expect(files.count <= 2 * 49 * 2)
    #expect(files.allSatisfy { !$0.hasSuffix(".tmp") })
  }
}
