import Blocks
import Catalog
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: what is deleted stays away whatever else answers for rows: windows of rollups, statistics
/// of chunks, the cold store, a block that is made anew from the log, a replay of it.
/// Method: beside an engine that only has rows, or that never had the deleted ones.
@Suite struct DeleteInterplayTests {
  static let second: Int64 = 1_000_000_000

  /// Seconds with nine decimals.
  static func text(_ time: Int64) -> String {
    let rest = String(time % second)
    return "\(time / second)." + String(repeating: "0", count: 9 - rest.count) + rest
  }

  /// Deletes the rows from `start` to before `end`.
  static func delete(
    _ selector: String,
    _ start: Int64,
    _ end: Int64,
    in harnesses: [EngineHarness]
  ) async throws {
    let query = "match[]=\(selector)&start=\(text(start))&end=\(text(end - 1))"
    for harness in harnesses { try await DeleteTests.delete(harness, query) }
  }

  static func manifests(_ harness: EngineHarness) throws -> [Manifest] {
    try DirectorySnapshot(disk: harness.disk, path: "/data").partitions.map(\.manifest)
  }

  // MARK: Exports

  /// An export that is made again knows by them which days it has to write anew.
  @Test func whereRowsLieTellsOfDeletes() async throws {
    let harness = try EngineHarness()
    let start = harness.clock.now() - 60 * Self.second
    for row in 0..<20 {
      _ = try harness.send("m,h=a f=\(row) \(start + Int64(row) * Self.second)\n#ack r\n")
    }
    try await harness.engine.flush()
    let range = TimeRange(start: start, end: start + 60 * Self.second)
    func sources() throws -> [DirectorySnapshot.Source] {
      let snapshot = try DirectorySnapshot(disk: harness.disk, path: "/data")
      let tenant = try #require(snapshot.tenants.first)
      let found = snapshot.catalog.series(tenant: tenant.id, measurement: Array("m".utf8), tags: [])
      let series = try #require(snapshot.catalog.series(found).first.flatMap { $0 })
      return snapshot.sources(of: series, in: range)
    }
    let before = try sources()
    #expect(before.count == 1)
    try await Self.delete("m{}", start, start + 5 * Self.second, in: [harness])
    try await harness.engine.flush()
    let after = try sources()
    #expect(after.count == before.count)
    #expect(after.map(\.rowCount) == before.map(\.rowCount))
    #expect(after != before)
  }

  // MARK: Rollups

  /// Rows of some days in several engines, folded where they are to be.
  static func fill(_ harnesses: [EngineHarness], days: Int, seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    for day in 0..<days {
      for harness in harnesses { harness.clock.advance(nanoseconds: RollupTests.day) }
      let start = RollupTests.start + Int64(day) * RollupTests.day
      try await RollupTests.send(
        RollupTests.lines(from: start, hours: 8, &random),
        to: harnesses
      )
      try RollupTests.look(harnesses)
    }
  }

  static func checkSteps(
    _ steps: [String],
    days: Int64,
    _ harness: EngineHarness,
    _ plain: EngineHarness,
    _ place: String
  ) async throws {
    let (start, end) = (RollupTests.start, RollupTests.start + days * RollupTests.day)
    for step in steps {
      for measurement in ["m", "n"] {
        let query = RollupTests.query(measurement, start, end, step: step)
        let (found, expected) = (try await harness.range(query), try await plain.range(query))
        #expect(found == expected, "\(place): \(measurement) by \(step)")
      }
    }
  }

  static func rollupWindows(_ harness: EngineHarness, day: Int64) async throws -> Int {
    let start = RollupTests.start + day * RollupTests.day
    let items = EngineHarness.items(
      RollupTests.query("m", start, start + RollupTests.day, step: "1h")
    )
    return try await harness.engine.range(items, tenant: "default").statistics.rollupWindows
  }

  @Test func daysOfADeleteAreFoldedAgain() async throws {
    let plain = try RollupTests.harness(.init())
    let harness = try RollupTests.harness(
      .init(minute: 100 * RollupTests.day, hour: 100 * RollupTests.day)
    )
    let both = [plain, harness]
    try await Self.fill(both, days: 5, seed: 3)
    #expect(try await Self.rollupWindows(harness, day: 1) > 0)
    let steps = ["1m", "1h", "1d"]
    let start = RollupTests.start
    try await Self.delete(
      "m{h=~\"a|b\"}",
      start + RollupTests.hour + 17 * Self.second,
      start + 2 * RollupTests.day + 3 * RollupTests.hour,
      in: both
    )
    #expect(try await Self.rollupWindows(harness, day: 1) == 0)
    try await Self.checkSteps(steps, days: 3, harness, plain, "deleted")
    try harness.restart(.power)
    try await Self.checkSteps(steps, days: 3, harness, plain, "deleted and restarted")
    try RollupTests.look(both)
    #expect(try await Self.rollupWindows(harness, day: 1) > 0)
    try await Self.checkSteps(steps, days: 3, harness, plain, "folded again")
    #expect(try Self.manifests(harness).allSatisfy { $0.rollups.deletes.isEmpty })
    // Some of the rows come again, and count again.
    var random = SeededRandom(seed: 3)
    _ = RollupTests.lines(from: start, hours: 8, &random)
    let lines = RollupTests.lines(from: start + RollupTests.day, hours: 8, &random)
    try await RollupTests.send(lines, to: both)
    try await Self.checkSteps(steps, days: 3, harness, plain, "sent again")
    try RollupTests.look(both)
    try await Self.checkSteps(steps, days: 3, harness, plain, "sent again and folded")
    try harness.restart(.powerLosingAll)
    try await Self.checkSteps(steps, days: 3, harness, plain, "at the end")
    #expect(harness.damages.isEmpty)
  }

  @Test func windowsWhoseRowsAreGoneGoToo() async throws {
    let plain = try RollupTests.harness(.init())
    let harness = try RollupTests.harness(
      .init(raw: RollupTests.day, hour: 400 * RollupTests.day)
    )
    let both = [plain, harness]
    try await Self.fill(both, days: 7, seed: 4)
    let raw = try await RollupTests.raw(
      harness,
      RollupTests.start,
      RollupTests.start + RollupTests.day
    )
    #expect(raw.contains(#""series":[]"#))
    let start = RollupTests.start + RollupTests.day
    try await Self.delete(
      "m{h=\"a\"}",
      start + 2 * RollupTests.hour,
      start + RollupTests.day + 5 * RollupTests.hour,
      in: both
    )
    let steps = ["1h", "3h", "1d"]
    try await Self.checkSteps(steps, days: 7, harness, plain, "deleted")
    try harness.restart(.powerLosingAll)
    try await Self.checkSteps(steps, days: 7, harness, plain, "restarted")
    try RollupTests.look(both)
    try await Self.checkSteps(steps, days: 7, harness, plain, "made anew")
    #expect(try Self.manifests(harness).allSatisfy { $0.rollups.deletes.isEmpty })
    try harness.restart(.kill)
    try await Self.checkSteps(steps, days: 7, harness, plain, "made anew and restarted")
    #expect(harness.damages.isEmpty)
  }

  @Test func aCrashAtAnyMomentOfADeleteKeepsAllWindowsOrTakesAll() async throws {
    let ages = RollupTests.Ages(
      raw: 2 * RollupTests.day,
      minute: 50 * RollupTests.day,
      hour: 50 * RollupTests.day
    )
    let source = try RollupTests.harness(ages)
    try await Self.fill([source], days: 6, seed: 5)
    let start = RollupTests.start
    let query = RollupTests.query("m", start, start + 6 * RollupTests.day, step: "1h")
    let before = try await source.range(query)
    let (from, until) = (start + 2 * RollupTests.hour, start + 5 * RollupTests.day)
    let now = source.clock.now()
    source.disk.crash(.kill)
    let whole = try RollupTests.harness(ages, on: source.disk.copy(seed: 1), now: now)
    try await Self.delete("m{h=\"b\"}", from, until, in: [whole])
    let after = try await whole.range(query)
    #expect(after != before)
    var crashes = 0
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let first = try RollupTests.harness(ages, on: disk, now: now)
      disk.powerOff(afterOperations: crashes)
      var isAcknowledged = false
      do {
        try await Self.delete("m{h=\"b\"}", from, until, in: [first])
        isAcknowledged = true
      } catch {}
      first.clock.advance(nanoseconds: 61 * Self.second)
      try? first.settle(steps: 60)
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][crashes % 3])
      let harness = try RollupTests.harness(ages, on: disk, now: first.clock.now())
      #expect(harness.report.damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes)")
      let found = try await harness.range(query)
      #expect(found == after || !isAcknowledged && found == before, "crash \(crashes)")
      try RollupTests.look([harness])
      #expect(try await harness.range(query) == found, "crash \(crashes), folded")
      #expect(harness.damages.isEmpty, "crash \(crashes)")
      guard wasCutShort else { break }
      crashes += crashes < 24 ? 1 : 7
    }
    #expect(crashes > 10)
  }

  // MARK: Statistics

  @Test func chunksThatHaveLostRowsAreNotAnsweredFromStatistics() async throws {
    // So old that the ring answers for nothing.
    func harness() throws -> EngineHarness {
      try EngineHarness(now: DeleteTests.start + 4 * RollupTests.day) { configuration in
        configuration.compaction.cutCount = 4
      }
    }
    let (plain, deleting) = (try harness(), try harness())
    func isDeleted(_ host: String, _ second: Int64) -> Bool {
      host == "a" ? (100..<200).contains(second) || second >= 3_190 : second > 0
    }
    for cut in 0..<4 {
      var all = ""
      var some = ""
      for second in Int64(cut * 800)..<Int64(cut * 800 + 800) {
        for host in ["a", "b", "c"] {
          let value = (second * 37) % 3_001
          let time = DeleteTests.start + second * Self.second
          let line = "m,h=\(host) f=\(value).5,i=\(value)i \(time)\n"
          all += line
          if host == "c" || !isDeleted(host, second) { some += line }
        }
      }
      #expect(try deleting.send(all + "#ack a\n").hasPrefix("OK a"))
      #expect(try plain.send(some + "#ack a\n").hasPrefix("OK a"))
      for harness in [plain, deleting] { try await harness.engine.flush() }
    }
    for harness in [plain, deleting] { try harness.settle(steps: 60) }
    let range = "measurement=m&field=f,i&start=1795305600&end=1795392000"
    let queries = [
      "\(range)&step=1d&agg=count,sum,min,max,first,last", "\(range)&newest=1",
      "\(range)&newest=3", "\(range)&where=f<20", range,
    ]
    func statistics(_ query: String) async throws -> Int {
      let items = EngineHarness.items(query)
      return try await deleting.engine.range(items, tenant: "default").statistics
        .chunksFromStatistics
    }
    for query in queries[..<2] { #expect(try await statistics(query) == 6, "\(query)") }
    let start = DeleteTests.start
    let end = start + 10_000 * Self.second
    try await Self.delete(
      "m{h=\"a\"}",
      start + 100 * Self.second,
      start + 200 * Self.second,
      in: [deleting]
    )
    try await Self.delete("m{h=\"a\"}", start + 3_190 * Self.second, end, in: [deleting])
    try await Self.delete("m{h=\"b\"}", start + Self.second, end, in: [deleting])
    for place in ["deleted", "restarted", "made anew"] {
      for query in queries {
        #expect(try await deleting.range(query) == plain.range(query), "\(place): \(query)")
      }
      if place == "deleted" {
        // Those of one series alone still count as a whole.
        #expect(try await statistics(queries[0]) == 2)
        try deleting.restart(.power)
      } else {
        try deleting.settle(steps: 100)
      }
    }
    #expect(try Self.manifests(deleting).allSatisfy(\.deletes.isEmpty))
    #expect(try await statistics(queries[0]) >= 4)
  }

  // MARK: The log

  @Test func aReplayOfTheLogBringsNothingBack() async throws {
    let (harness, start) = try await LogReplayTests.harness()
    try await Self.delete(
      "m{h=\"a\"}",
      start + 30 * Self.second,
      start + 150 * Self.second,
      in: [harness]
    )
    _ = try harness.send("m,h=a f=7 \(start + 60 * Self.second)\n#ack z\n")
    func check(_ place: String) throws {
      let found = try LogReplayTests.replay(harness.disk, from: .arrival(0))
      #expect(found.summary.pointCount == 2 * 120 * 3 * 3 + 1 - 120 * 3 + 1, "\(place)")
      #expect(found.summary.changedPointCount == 0, "\(place)")
      #expect(found.rows.isEmpty, "\(place)")
    }
    try check("open")
    try await harness.engine.flush()
    try check("cut")
    try harness.settle(steps: 100)
    try check("made anew")
    try harness.restart(.power)
    try check("restarted")
  }

  @Test(arguments: [CompactionMode.none, .background])
  func aBlockThatIsMadeAnewFromTheLogHasNoDeletedRows(_ mode: CompactionMode) async throws {
    let harness = try EngineHarness(now: DeleteTests.start + 60 * DeleteTests.minute) {
      $0.compaction.mode = mode
      // Blocks are made anew for deletes alone.
      $0.compaction.cutCount = 100
    }
    for cut in 0..<3 {
      var lines = ""
      for second in cut * 60..<cut * 60 + 60 {
        let time = DeleteTests.start + Int64(second) * Self.second
        for host in ["a", "b", "c"] { lines += "m,h=\(host) f=\(second).5 \(time)\n" }
      }
      _ = try harness.send(lines + "#ack a\n")
      try await harness.engine.flush()
    }
    let start = DeleteTests.start
    try await Self.delete(
      "m{h=~\"a|b\"}",
      start + 20 * Self.second,
      start + 140 * Self.second,
      in: [harness]
    )
    _ = try harness.send("m,h=a f=50.5 \(start + 50 * Self.second)\n#ack a\n")
    try await harness.engine.flush()
    try harness.settle(steps: 100)
    let isPending = try Self.manifests(harness).contains { !$0.deletes.isEmpty }
    #expect(isPending == (mode == .none))
    let expected = try await DeleteTests.rows(harness)
    #expect(expected.count == 180 + 60 * 2 + 1)
    let blocks = harness.disk.files.keys.filter { $0.hasSuffix(".block") }.sorted()
    let report = try harness.restart { disk in
      for path in blocks { disk.flip(bit: 8 * 150, of: path) }
    }
    #expect(report.damages.count { $0.what == "was made anew from the log" } == blocks.count)
    func check(_ place: String) async throws {
      try await DeleteTests.check(harness, expected, place)
      let ledger = await harness.engine.ledger()
      #expect(!ledger.contains { !$0.isBalanced }, "\(place)")
      let stored = ledger.reduce(0) { $0 + $1.entry.stored - $1.entry.deleted }
      let kept = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockPointCount }
      #expect(stored == kept, "\(place)")
    }
    try await check("made anew")
    try harness.settle(steps: 100)
    try await check("and settled")
    try harness.restart(.power)
    try await check("and restarted")
    #expect(harness.damages.isEmpty)
  }

  // MARK: The cold store

  /// Rows of the cold store, and the same ones in an engine that has none.
  static func coldPair() async throws -> (plain: EngineHarness, cold: EngineHarness) {
    let plain = try BackgroundCompactionTests.harness(.none)
    for cut in 0..<9 {
      _ = try plain.send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
      try await plain.engine.flush()
    }
    return (plain, try await ColdTierTests.harness())
  }

  @Test(arguments: [false, true])
  func coldBlocksAreReadWithoutDeletedRows(isMovedBefore: Bool) async throws {
    let (plain, cold) = try await Self.coldPair()
    if isMovedBefore { try ColdTierTests.age(cold) }
    let start: Int64 = 1_795_373_005 * Self.second
    try await Self.delete("m{h=\"a\"}", start, start + 50 * Self.second, in: [plain, cold])
    let expected = try await BackgroundCompactionTests.answers(plain)
    #expect(try await BackgroundCompactionTests.answers(cold) == expected)
    if !isMovedBefore { try ColdTierTests.age(cold) }
    // The delete's own offset is in a block too, which has no rows.
    let blocks = try Self.manifests(cold).flatMap(\.blocks)
    #expect(blocks.allSatisfy { $0.cold != nil || $0.rowCount == 0 })
    #expect(try await BackgroundCompactionTests.answers(cold) == expected)
    // What moved later has left the rows behind.
    let isPending = try Self.manifests(cold).contains { !$0.deletes.isEmpty }
    #expect(isPending == isMovedBefore)
    for crash in [FaultyDisk.Crash.kill, .power, .powerLosingAll] {
      #expect(try cold.restart(crash).damages.isEmpty)
      #expect(try await BackgroundCompactionTests.answers(cold) == expected)
    }
    #expect(cold.damages.isEmpty)
  }
}
