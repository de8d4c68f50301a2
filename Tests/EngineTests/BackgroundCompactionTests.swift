import Blocks
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: blocks are merged while the server runs, and nobody who asks can tell, whatever fails.
@Suite struct BackgroundCompactionTests {
  static let queries = [
    "measurement=m&field=*&start=1795372900&end=1795373400",
    "measurement=m&field=*&start=1795372900&end=1795373400&step=60s&agg=count,sum,min,first",
    "measurement=m&field=*&start=1795372900&end=1795373400&step=7s&agg=count,sum,min,max",
  ]

  static func harness(_ mode: CompactionMode = .background) throws -> EngineHarness {
    try EngineHarness { configuration in
      configuration.compaction.mode = mode
      configuration.compaction.cutCount = 3
      configuration.blockOpenFileCountMax = 8
    }
  }

  /// Rows of a cut: two series in time order, a late row, a duplicate, a replacement, another
  /// field set.
  static func lines(_ cut: Int) -> String {
    var lines = ""
    for row in 0..<10 {
      let second = 1_795_373_000 + cut * 10 + row
      lines += "m,h=a f=\(row).5,i=\(cut * row)i \(second)\n"
      lines += "m,h=b f=\(row).25,s=\"t\(row % 3)\" \(second)\n"
    }
    lines += "m,h=a f=\(cut)7.5,i=1i \(1_795_372_950 + cut)\n"
    lines += "m,h=a f=\(cut)8.5 1795372999\nm,h=b f=0.25,s=\"t0\" \(1_795_373_000)\n"
    return lines
  }

  static func answers(_ harness: EngineHarness) async throws -> [String] {
    var result: [String] = []
    for query in queries { result.append(try await harness.range(query)) }
    return result
  }

  private func blockNames(_ disk: FaultyDisk) throws -> [String] {
    try (0..<2).flatMap { try disk.list("/data/partitions/0\($0)/blocks") }
  }

  @Test func answersAreTheSameBeforeDuringAndAfterMerges() async throws {
    let plain = try Self.harness(.none)
    let merging = try Self.harness()
    for cut in 0..<8 {
      for harness in [plain, merging] {
        _ = try harness.send(Self.lines(cut) + "#ack c\n")
        try await harness.engine.flush()
      }
      #expect(try await Self.answers(merging) == Self.answers(plain))
      try merging.settle(steps: 40)
      #expect(try await Self.answers(merging) == Self.answers(plain))
    }
    let metrics = merging.engine.metrics()
    #expect(metrics.compaction.mergeCount >= 2)
    #expect(metrics.compaction.failureCount == 0)
    #expect(metrics.compaction.debtByteCount == 0)
    #expect(metrics.compaction.retiredFileCount == 0)
    // The inputs are gone.
    let count = metrics.partitions.reduce(0) { $0 + $1.blockCount }
    #expect(try blockNames(merging.disk).count == count)
    #expect(count < plain.engine.metrics().partitions.reduce(0) { $0 + $1.blockCount })
    #expect(await merging.engine.ledger().map(\.entry) == plain.engine.ledger().map(\.entry))
    let before = try await Self.answers(merging)
    for crash in [FaultyDisk.Crash.kill, .power, .powerLosingAll] {
      let report = try merging.restart(crash)
      #expect(report.damages.isEmpty)
      #expect(try await Self.answers(merging) == before)
    }
    #expect(merging.damages.isEmpty)
  }

  @Test func aCrashAtAnyMomentOfAMergeLosesNothing() async throws {
    let source = try Self.harness(.none)
    for cut in 0..<4 {
      _ = try source.send(Self.lines(cut) + "#ack c\n")
      try await source.engine.flush()
    }
    let expected = try await Self.answers(source)
    source.disk.crash(.kill)
    var crashes = 0
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let configure = { (configuration: inout EngineConfiguration) in
        configuration.compaction.cutCount = 3
      }
      let clock = ManualClock(now: 1_795_373_340_000_000_000)
      var engine = try EngineHarness.engine(on: disk, clock: clock, configure: configure)
      _ = try engine.start()
      disk.powerOff(afterOperations: crashes)
      for _ in 0..<60 {
        clock.advance(nanoseconds: 100_000_000)
        try engine.step()
      }
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][crashes % 3])
      engine = try EngineHarness.engine(on: disk, clock: clock, configure: configure)
      let report = try engine.start()
      #expect(report.damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes)")
      for attempt in 0..<2 {
        for (query, answer) in zip(Self.queries, expected) {
          let found = try await engine.range(EngineHarness.items(query), tenant: "default")
          let json = String(decoding: found.json(), as: UTF8.self)
          #expect(json.hasPrefix(answer), "crash \(crashes), attempt \(attempt)")
        }
        for _ in 0..<60 {
          clock.advance(nanoseconds: 100_000_000)
          try engine.step()
        }
      }
      let damages = DataDirectoryCheck(disk: disk, path: "/data").run().findings
      #expect(damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes)")
      guard wasCutShort else { break }
      crashes += 1
    }
    #expect(crashes > 8)
  }

  @Test func aFullDiskDelaysAMergeAndHarmsNothingElse() async throws {
    let harness = try Self.harness()
    for cut in 0..<3 {
      _ = try harness.send(Self.lines(cut) + "#ack c\n")
      if cut < 2 { try await harness.engine.flush() }
    }
    let before = try await Self.answers(harness)
    try await harness.engine.flush()
    harness.disk.fail(.write, after: 0, times: 20, code: SystemError.Code.noSpace)
    try harness.settle(steps: 30)
    #expect(harness.engine.metrics().compaction.failureCount >= 1)
    #expect(try await Self.answers(harness) == before)
    try harness.settle(steps: 2_000)
    #expect(harness.engine.metrics().compaction.mergeCount >= 1)
    #expect(harness.engine.metrics().compaction.debtByteCount == 0)
    #expect(try await Self.answers(harness) == before)
    #expect(harness.damages.isEmpty)
  }

  @Test func aDamagedBlockIsLeftAloneAndOthersAreMerged() async throws {
    let harness = try Self.harness(.none)
    for cut in 0..<9 {
      _ = try harness.send(Self.lines(cut) + "#ack c\n")
      try await harness.engine.flush()
    }
    let merging = try Self.harness()
    try harness.kill()
    let folders = ["/data/partitions/00/blocks", "/data/partitions/01/blocks"]
    let folder = try #require(try folders.first { try harness.disk.list($0).count == 9 })
    let bad = "\(folder)/\(try harness.disk.list(folder)[1])"
    harness.disk.flip(bit: 8 * 100, of: bad)
    // With its log it would be made anew.
    for name in try harness.disk.list("/data/queue") {
      try harness.disk.remove("/data/queue/\(name)")
    }
    let disk = harness.disk.copy(seed: 1)
    let engine = try EngineHarness.engine(on: disk, clock: merging.clock) {
      $0.compaction.cutCount = 3
    }
    _ = try engine.start()
    for _ in 0..<100 {
      merging.clock.advance(nanoseconds: 1_000_000_000)
      try engine.step()
    }
    let metrics = engine.metrics().compaction
    #expect(metrics.failureCount == 1)
    #expect(metrics.barredFileCount == 1)
    #expect(metrics.mergeCount >= 1)
    #expect(try disk.byteCount(of: bad) != nil)
  }

  /// A directory with so many cuts that nothing has merged, and the bytes of two of its blocks.
  private static func unmerged(cuts: Int) async throws -> (disk: FaultyDisk, pairByteCount: Int) {
    let source = try harness(.none)
    for cut in 0..<cuts {
      _ = try source.send(lines(cut) + "#ack c\n")
      try await source.engine.flush()
    }
    let partitions = source.engine.metrics().partitions
    let byteCount = partitions.reduce(0) { $0 + $1.blockByteCount }
    let count = partitions.reduce(0) { $0 + $1.blockCount }
    source.disk.crash(.kill)
    return (source.disk.copy(seed: 1), 5 * byteCount / (2 * count))
  }

  @Test func rowsAreTakenMoreSlowlyWhileTooMuchWaitsAndNotLonger() async throws {
    let (disk, pairByteCount) = try await Self.unmerged(cuts: 60)
    let harness = try EngineHarness(on: disk) {
      $0.compaction.cutCount = 2
      $0.compaction.scratchByteCountMax = pairByteCount
      $0.compaction.debtByteCountMax = 4 * pairByteCount
    }
    #expect(harness.engine.metrics().compaction.ingestByteRateMax == .infinity)
    var restCount = 0
    var slowedMax = 0.0
    // Rows of the future are refused, and what refusals say fills the replies of who takes none.
    var replies = ""
    for second in 0..<40 {
      // Each second a merge of two small cuts, and rows of a larger one.
      let text = (0..<5).map { Self.lines(61 + 5 * second + $0) }.joined() + "#ack c\n"
      let isSlowed = harness.engine.metrics().compaction.ingestByteRateMax < .infinity
      _ = harness.receiver.receive(Array(text.utf8), from: 0, on: harness.connection)
      harness.receiver.endOfRound()
      #expect(isSlowed || harness.receiver.restNanoseconds == 0)
      if isSlowed, harness.receiver.restNanoseconds > 0 { restCount += 1 }
      harness.clock.advance(seconds: 1)
      try harness.engine.step()
      harness.receiver.settle()
      try await harness.engine.flush()
      replies += String(decoding: harness.connection.takeReplies(), as: UTF8.self)
      slowedMax = max(slowedMax, harness.engine.metrics().compaction.ingestSlowedRatio)
    }
    #expect(slowedMax > 0 && slowedMax <= 0.9, "\(slowedMax)")
    #expect(restCount >= 5)
    // What was read is taken all the same, and answered.
    try harness.settle(steps: 400)
    harness.receiver.settle()
    replies += String(decoding: harness.connection.takeReplies(), as: UTF8.self)
    #expect(replies.split(separator: "\n").filter { $0.hasPrefix("OK c ") }.count == 40)
    let metrics = harness.engine.metrics().compaction
    #expect(metrics.debtByteCount == 0)
    #expect(metrics.ingestSlowedRatio == 0)
    #expect(metrics.ingestByteRateMax == .infinity)
    #expect(harness.receiver.restNanoseconds == 0)
  }

  @Test func blocksThatCannotBeMergedDoNotSlowRows() async throws {
    let harness = try EngineHarness(on: try await Self.unmerged(cuts: 30).disk) {
      $0.compaction.cutCount = 3
      $0.compaction.debtByteCountMax = 2_000
    }
    harness.disk.fail(.write, after: 0, times: 100_000, code: SystemError.Code.noSpace)
    for _ in 0..<200 {
      harness.clock.advance(seconds: 1)
      try harness.engine.step()
      #expect(harness.receiver.restNanoseconds == 0)
    }
    let metrics = harness.engine.metrics().compaction
    #expect(metrics.failureCount > 5)
    #expect(metrics.debtByteCount > 2_000)
    #expect(metrics.ingestSlowedRatio == 0)
  }

  @Test func mergesOfSeveralPartitionsAreMadeAtOnce() async throws {
    let (disk, pairByteCount) = try await Self.unmerged(cuts: 30)
    let plain = try EngineHarness(on: disk.copy(seed: 2)) { $0.compaction.mode = .none }
    let expected = try await Self.answers(plain)
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.compaction.cutCount = 2
    configuration.compaction.scratchByteCountMax = pairByteCount
    configuration.compaction.threadCountMax = 4
    configuration.compaction.debtByteCountMax = 1_000
    let clock = ManualClock(now: 1_795_373_340_000_000_000)
    let engine = try Engine(
      configuration,
      disk: disk,
      clock: clock,
      logger: EngineHarness.silent
    )
    _ = try engine.start()
    for _ in 0..<2_000 {
      let found = engine.metrics().compaction
      if found.mergeCount > 0, found.debtByteCount == 0 { break }
      clock.advance(seconds: 1)
      try await Task.sleep(for: .milliseconds(5))
    }
    let metrics = engine.metrics().compaction
    #expect(metrics.failureCount == 0)
    #expect(metrics.debtByteCount == 0)
    #expect(metrics.mergeCount >= 10)
    for (query, answer) in zip(Self.queries, expected) {
      let found = try await engine.range(EngineHarness.items(query), tenant: "default")
      #expect(String(decoding: found.json(), as: UTF8.self).hasPrefix(answer))
    }
    try engine.stop()
    let damages = DataDirectoryCheck(disk: disk, path: "/data").run().findings
    #expect(damages.filter { $0.severity != .note }.isEmpty)
  }
}
