import Cold
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: a row is gone only once every rollup has it, and a window that is right is never replaced
/// by less, whatever happens to configuration, blocks and stores in between.
@Suite struct RollupPromiseTests {
  static let hour: Int64 = 3_600_000_000_000
  static let day = 24 * hour
  /// A whole day.
  static let start: Int64 = 1_795_392_000_000_000_000

  /// Options that a restart may change.
  final class Options {
    var ages = RollupTests.Ages()
    var rules: [RetentionRules.Rule] = []
    var mode = CompactionMode.background
    var isCold = false
    var cutInterval: Int64 = 600_000_000_000
    var partitionCount = 1
  }

  static func harness(
    _ options: Options,
    on disk: FaultyDisk = FaultyDisk(seed: 1),
    now: Int64 = start
  ) throws -> EngineHarness {
    try EngineHarness(on: disk, now: now) { configuration in
      RollupTests.configure(&configuration, options.ages)
      configuration.partitionCount = options.partitionCount
      configuration.retention.rules = options.rules
      configuration.compaction.mode = options.mode
      configuration.cutIntervalNanoseconds = options.cutInterval
      if options.isCold {
        configuration.compaction.coldAfterNanoseconds = 60_000_000_000
        configuration.cold.location = "/cold"
        configuration.cold.afterNanoseconds = ColdPolicy.ageNanosecondsMin
      }
    }
  }

  /// A row of each of three series every ten minutes of some days.
  static func lines(_ first: Int64, days: Int64, _ measurement: String = "m") -> String {
    var lines = ""
    for time in stride(from: first, to: first + days * day, by: 600_000_000_000) {
      for host in ["a", "b", "c"] { lines += "\(measurement),h=\(host) f=1.5 \(time)\n" }
    }
    return lines
  }

  static func send(_ lines: String, to harness: EngineHarness) async throws {
    try await RollupTests.send(lines, to: [harness])
  }

  /// The counts of all hours of some days, and what is warned of.
  static func counted(
    _ harness: EngineHarness,
    _ first: Int64,
    days: Int64,
    tags: String = "",
    _ measurement: String = "m"
  ) async throws -> (count: Int, warnings: [String]) {
    let times = "start=\(first / 1_000_000_000)&end=\((first + days * day) / 1_000_000_000)"
    let answer = try await harness.engine.range(
      EngineHarness.items("measurement=\(measurement)&\(times)&step=1h&agg=count\(tags)"),
      tenant: "default"
    )
    let count = answer.series.reduce(0) { sum, series in
      guard case .buckets(_, let columns) = series.content else { return sum }
      return sum
        + columns.reduce(0) { sum, column in
          guard case .unsigned(let cells) = column.values else { return sum }
          return sum + cells.reduce(0) { $0 + Int($1) }
        }
    }
    return (count, answer.warnings)
  }

  static func look(_ harness: EngineHarness, times: Int = 1) throws {
    for _ in 0..<times { try RollupTests.look([harness]) }
  }

  static func removed(_ harness: EngineHarness) -> UInt64 {
    harness.engine.metrics().retention.removed.values.reduce(0) { $0 + $1.pointCount }
  }

  // MARK: Configuration

  @Test(arguments: [CompactionMode.none, .background])
  func rowsThatGoWhileRollupsAreOffAreMissedByNoWindow(mode: CompactionMode) async throws {
    let options = Options()
    options.mode = .none
    options.ages.hour = 3_650 * Self.day
    let harness = try Self.harness(options)
    for part in 0..<4 as Range<Int64> {
      harness.clock.advance(nanoseconds: 3 * Self.day)
      let first = Self.start + part * 3 * Self.day
      // Blocks that hold `k` too stay whole: only a merge leaves out `m`.
      let kept = mode == .none ? "" : Self.lines(first, days: 3, "k")
      try await Self.send(Self.lines(first, days: 3) + kept, to: harness)
    }
    try Self.look(harness, times: 2)
    let all = try await Self.counted(harness, Self.start, days: 12).count
    #expect(all == 12 * 144 * 3)
    options.ages.hour = 0
    options.mode = mode
    if mode == .none {
      options.ages.raw = 4 * Self.day
    } else {
      // By a rule merges leave out the rows.
      options.rules = [
        RetentionRules.Rule(tenant: nil, measurement: "m", limit: .age(4 * Self.day))
      ]
    }
    try harness.restart()
    try Self.look(harness, times: 3)
    #expect(Self.removed(harness) > 0)
    options.ages.hour = 3_650 * Self.day
    try harness.restart()
    #expect(try await Self.counted(harness, Self.start, days: 12).count == all)
    let first = Self.start / 1_000_000_000
    let range = "start=\(first)&end=\(first + 6 * 86_400 - 1)"
    try await harness.engine.deleteSeries(
      EngineHarness.items("match[]=m{h=\"b\"}&\(range)"),
      tenant: "default"
    )
    for _ in 0..<2 {
      for host in ["a", "c"] {
        let found = try await Self.counted(harness, Self.start, days: 12, tags: "&tag.h=\(host)")
        #expect(found.count == 12 * 144, "\(host)")
      }
      let found = try await Self.counted(harness, Self.start, days: 12, tags: "&tag.h=b")
      #expect(found.count == 6 * 144)
      try Self.look(harness, times: 2)
    }
    #expect(harness.damages.isEmpty)
  }
}
