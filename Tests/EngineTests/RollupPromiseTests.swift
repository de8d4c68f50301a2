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
    _ measurement: String = "m",
    step: String = "1h"
  ) async throws -> (count: Int, warnings: [String]) {
    let times = "start=\(first / 1_000_000_000)&end=\((first + days * day) / 1_000_000_000)"
    let answer = try await harness.engine.range(
      EngineHarness.items("measurement=\(measurement)&\(times)&step=\(step)&agg=count\(tags)"),
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

  /// Rows that are in sight of a day.
  static func raw(_ harness: EngineHarness, day: Int64) async throws -> Int {
    let first = (start + day * Self.day) / 1_000_000_000
    let query = "measurement=m&field=f&start=\(first)&end=\(first + 86_400)"
    let answer = try await harness.engine.range(EngineHarness.items(query), tenant: "default")
    return answer.series.reduce(0) { sum, series in
      guard case .points(let timestamps, _) = series.content else { return sum }
      return sum + timestamps.count
    }
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
    let range = "start=\(first)&end=\(first + 6 * 86_400)"
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
      // The row at the very end goes too, where there are rows and not only windows.
      #expect(found.count == (mode == .none ? 6 * 144 - 1 : 6 * 144))
      try Self.look(harness, times: 2)
    }
    #expect(harness.damages.isEmpty)
  }

  /// Days that none of the first rollups had: rows that were imported later, of a directory in
  /// which rows had been deleted, so that nobody knows what was before.
  @Test func daysBeforeTheFirstRollupAreFoldedBeforeTheirRowsGo() async throws {
    let options = Options()
    options.mode = .none
    let harness = try Self.harness(options, now: Self.start + 100 * Self.day)
    let newest = Self.start + 98 * Self.day
    try await Self.send(Self.lines(newest - 38 * Self.day, days: 1), to: harness)
    try await Self.send(Self.lines(newest, days: 2), to: harness)
    let times = "start=\((newest - 40 * Self.day) / 1_000_000_000)&end=\(newest / 1_000_000_000)"
    try await harness.engine.deleteSeries(
      EngineHarness.items("match[]=m&\(times)"),
      tenant: "default"
    )
    options.mode = .background
    try harness.restart()
    try Self.look(harness)
    options.mode = .none
    options.ages.hour = 3_650 * Self.day
    options.ages.raw = 90 * Self.day
    try harness.restart()
    try Self.look(harness, times: 2)
    let first = newest - 58 * Self.day
    try await Self.send(Self.lines(first, days: 1), to: harness)
    try await Self.send(Self.lines(first + 40 * Self.day, days: 1), to: harness)
    try await Self.send(Self.lines(first + 3 * Self.day, days: 1), to: harness)
    options.ages.raw = 5 * Self.day
    try harness.restart()
    try Self.look(harness, times: 3)
    #expect(Self.removed(harness) > 0)
    for day in [0, 3, 40] as [Int64] {
      let found = try await Self.counted(harness, first + day * Self.day, days: 1)
      #expect(found.count == 3 * 144, "day \(day)")
      #expect(found.warnings.isEmpty)
    }
    #expect(harness.engine.metrics().rollups.failureCount == 0)
  }

  /// A unit that is switched on later begins with the rows that are left then; older ones that come
  /// afterwards have its windows too.
  @Test func aUnitThatIsSwitchedOnLaterHasOlderRowsThatComeAfterwards() async throws {
    let options = Options()
    options.mode = .none
    options.ages.hour = 3_650 * Self.day
    let harness = try Self.harness(options, now: Self.start + 100 * Self.day)
    let newest = Self.start + 98 * Self.day
    try await Self.send(Self.lines(newest, days: 2), to: harness)
    try Self.look(harness, times: 2)
    options.ages.minute = 3_650 * Self.day
    try harness.restart()
    try Self.look(harness, times: 2)
    let first = newest - 35 * Self.day
    try await Self.send(Self.lines(first, days: 1), to: harness)
    options.ages.raw = 5 * Self.day
    try harness.restart()
    try Self.look(harness, times: 3)
    #expect(Self.removed(harness) > 0)
    for step in ["1m", "1h"] {
      let plain = try Self.harness(Options(), now: Self.start + 100 * Self.day)
      try await Self.send(Self.lines(first, days: 1), to: plain)
      let query = RollupTests.query("m", first, first + Self.day, step: step)
      #expect(try await plain.range(query) == harness.range(query), "step \(step)")
    }
  }

  /// With a bound in bytes the oldest windows go; nobody makes them again and again.
  @Test func windowsThatWentByBytesAreNotMadeAgain() async throws {
    let options = Options()
    options.ages.minute = 3_650 * Self.day
    options.ages.minuteBytes = 6_000
    let harness = try Self.harness(options)
    for day in 0..<8 as Range<Int64> {
      harness.clock.advance(nanoseconds: Self.day)
      try await Self.send(Self.lines(Self.start + day * Self.day, days: 1), to: harness)
      try Self.look(harness)
    }
    try Self.look(harness, times: 3)
    let count = harness.engine.metrics().rollups.foldedDayCount
    try Self.look(harness, times: 10)
    #expect(harness.engine.metrics().rollups.foldedDayCount == count)
    // One more try after a start at most.
    try harness.restart()
    try Self.look(harness, times: 3)
    let again = harness.engine.metrics().rollups.foldedDayCount
    try Self.look(harness, times: 10)
    #expect(harness.engine.metrics().rollups.foldedDayCount == again)
  }

  // MARK: Blocks that cannot be read

  /// Two series of days with windows, and blocks of them in the cold store.
  static func cold(
    _ options: Options
  ) async throws -> (EngineHarness, objects: [String], whole: Int) {
    options.isCold = true
    options.mode = .background
    options.ages.hour = 3_650 * day
    options.ages.minute = 3_650 * day
    let harness = try Self.harness(options)
    for part in 0..<9 as Range<Int64> {
      harness.clock.advance(nanoseconds: day)
      try await send(lines(start + part * day, days: 1), to: harness)
      try look(harness)
    }
    harness.clock.advance(nanoseconds: 6 * day)
    try look(harness, times: 2)
    let objects = ColdTierTests.objects(harness.disk)
    #expect(!objects.isEmpty)
    let whole = try await counted(harness, start, days: 9)
    #expect(whole.warnings.isEmpty)
    #expect(whole.count == 9 * 144 * 3)
    return (harness, objects, whole.count)
  }

  static let late = "m,h=a f=2 \(start + hour + 5_000_000_000)\n"

  @Test(arguments: ["damage", "input", "lost"])
  func windowsStayWhereTheirRowsCannotBeRead(kind: String) async throws {
    let options = Options()
    let (harness, objects, whole) = try await Self.cold(options)
    try harness.restart { disk in
      for path in objects {
        switch kind {
        case "damage": disk.damage(path) { $0[200] ^= 0xff }
        case "lost": try disk.rename(path, to: path + ".away")
        default: break
        }
      }
    }
    try await Self.send(Self.late, to: harness)
    if kind == "input" { harness.disk.fail(.read, times: .max) }
    try Self.look(harness)
    let metrics = harness.engine.metrics()
    if kind != "input" { #expect(metrics.rollups.failureCount > 0) }
    harness.disk.fail(.read, times: 0)
    // Rows answer and something is missing; that is told.
    let found = try await Self.counted(harness, Self.start, days: 9)
    #expect(found.count >= whole || !found.warnings.isEmpty)
    // What is there again is folded again.
    try harness.restart { disk in
      for path in objects {
        switch kind {
        case "damage": disk.damage(path) { $0[200] ^= 0xff }
        case "lost": try disk.rename(path + ".away", to: path)
        default: break
        }
      }
    }
    try Self.look(harness, times: 2)
    let again = try await Self.counted(harness, Self.start, days: 9)
    #expect(again.count == whole + 1)
    #expect(again.warnings.isEmpty)
    let items = EngineHarness.items(
      RollupTests.query("m", Self.start, Self.start + Self.day, step: "1h")
    )
    let answer = try await harness.engine.range(items, tenant: "default")
    #expect(answer.statistics.rollupWindows > 0)
    #expect(answer.statistics.chunksCold == 0)
  }

  @Test func aDayThatCannotBeReadStopsNoOther() async throws {
    let options = Options()
    let (harness, objects, whole) = try await Self.cold(options)
    let lost = try #require(objects.first)
    try harness.restart { try $0.rename(lost, to: lost + ".away") }
    try await Self.send(Self.late, to: harness)
    try Self.look(harness, times: 2)
    let before = harness.engine.metrics().rollups
    #expect(before.failureCount > 0)
    // Days that are over are folded all the same.
    let next = Self.start + 20 * Self.day
    harness.clock.advance(nanoseconds: 10 * Self.day)
    try await Self.send(Self.lines(next, days: 3), to: harness)
    try Self.look(harness, times: 2)
    let after = harness.engine.metrics().rollups
    #expect(after.foldedDayCount > before.foldedDayCount)
    let items = EngineHarness.items(RollupTests.query("m", next, next + Self.day, step: "1h"))
    let answer = try await harness.engine.range(items, tenant: "default")
    #expect(answer.statistics.rollupWindows > 0)
    // It is tried again, ever more rarely.
    #expect(after.failureCount - before.failureCount < 8)
    try harness.restart { try $0.rename(lost + ".away", to: lost) }
    try Self.look(harness, times: 2)
    #expect(try await Self.counted(harness, Self.start, days: 9).count == whole + 1)
  }

  // MARK: Answers

  @Test func rowsThatWentByBytesAreWarnedOf() async throws {
    let options = Options()
    options.mode = .none
    options.ages.hour = 3_650 * Self.day
    let harness = try Self.harness(options)
    for day in 0..<6 as Range<Int64> {
      harness.clock.advance(nanoseconds: Self.day)
      try await Self.send(Self.lines(Self.start + day * Self.day, days: 1), to: harness)
      try Self.look(harness)
    }
    options.ages.bytes = 1
    try harness.restart()
    try Self.look(harness, times: 2)
    #expect(Self.removed(harness) > 0)
    for step in ["90s", "30m", nil] {
      let items = EngineHarness.items(
        RollupTests.query("m", Self.start, Self.start + 6 * Self.day, step: step)
      )
      let warnings = try await harness.engine.range(items, tenant: "default").warnings
      #expect(warnings.count == 1, "\(step ?? "raw")")
      #expect(warnings.first?.contains("not all rows are kept, only windows of 1h") == true)
    }
    let hours = try await Self.counted(harness, Self.start, days: 6)
    #expect(hours.warnings.isEmpty)
    #expect(hours.count == 6 * 144 * 3)
  }

  // MARK: Open rows

  /// Hosts whose series of `m` lie in the first and in the second of two partitions.
  static func hosts() async throws -> [String] {
    var hosts: [String?] = [nil, nil]
    for host in ["a", "b", "c", "d", "e", "f", "g", "h"] {
      let harness = try EngineHarness(now: start)
      try await send("m,h=\(host) f=1 \(start)\n", to: harness)
      for partition in 0..<2 {
        let names = try harness.disk.list("/data/partitions/0\(partition)/blocks")
        if names.contains(where: { $0.hasSuffix(".block") }) { hosts[partition] = host }
      }
    }
    return try hosts.map { try #require($0) }
  }

  /// With rare cuts a row may be open for a day after it was taken, while cuts of another partition
  /// let time go on.
  @Test func aRowThatWasTakenInTimeIsInAWindowHoweverLateItIsCut() async throws {
    let hosts = try await Self.hosts()
    let options = Options()
    options.mode = .none
    options.partitionCount = 2
    options.cutInterval = Self.day
    options.ages.hour = 3_650 * Self.day
    options.ages.raw = Self.day
    let today = Self.start
    let begin = today + Self.hour / 2
    let harness = try Self.harness(options, now: begin)
    func row(_ partition: Int, _ time: Int64) -> String { "m,h=\(hosts[partition]) f=2 \(time)\n" }
    func advance(to time: Int64) throws {
      harness.clock.advance(nanoseconds: time - harness.clock.now())
      try harness.settle(steps: 50)
    }
    let yesterday = today - Self.day
    let rows = stride(from: yesterday, to: begin, by: 600_000_000_000)
    try await Self.send(rows.map { row(0, $0) + row(1, $0) }.joined(), to: harness)
    try advance(to: begin + 2 * Self.hour)
    _ = try harness.send(row(0, harness.clock.now()))
    try advance(to: begin + 20 * Self.hour)
    let reply = try harness.send(row(1, yesterday + 12 * Self.hour + 1) + "#ack l\n")
    #expect(reply == "OK l 2 0\n")
    try advance(to: begin + 25 * Self.hour)
    _ = try harness.send(row(0, harness.clock.now()))
    // The first partition is cut, and the second one many hours later.
    for hour in [27, 30, 43, 45] as [Int64] {
      try advance(to: begin + hour * Self.hour)
      try Self.look(harness, times: 2)
    }
    let tags = "&tag.h=\(hosts[1])"
    #expect(try await Self.counted(harness, yesterday, days: 1, tags: tags).count == 145)
    try advance(to: begin + 120 * Self.hour)
    try await Self.send(row(0, harness.clock.now()) + row(1, harness.clock.now()), to: harness)
    try Self.look(harness, times: 2)
    #expect(Self.removed(harness) > 0)
    #expect(try await Self.counted(harness, yesterday, days: 1, tags: tags).count == 145)
  }
}
