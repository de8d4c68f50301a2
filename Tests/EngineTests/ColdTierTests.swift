import Blocks
import Cold
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: blocks move into the cold tier and nobody who asks can tell, whatever fails; what cannot
/// be read there is named and stops nothing.
@Suite struct ColdTierTests {
  static let queries = BackgroundCompactionTests.queries

  static func configure(_ configuration: inout EngineConfiguration) {
    configuration.compaction.cutCount = 3
    configuration.compaction.coldAfterNanoseconds = 60_000_000_000
    configuration.cold.location = "/cold"
    configuration.cold.afterNanoseconds = ColdPolicy.ageNanosecondsMin
  }

  /// Rows in some cuts, merged; nothing is old enough to move.
  static func harness(
    objectStore: (any ObjectStore)? = nil,
    _ configure: @escaping (inout EngineConfiguration) -> Void = configure
  ) async throws -> EngineHarness {
    let harness = try EngineHarness(objectStore: objectStore, configure: configure)
    for cut in 0..<9 {
      _ = try harness.send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
      try await harness.engine.flush()
      // Three cuts become a young block, three of these a cold one.
      if cut % 3 == 2 { try harness.settle(steps: 30) }
    }
    try harness.settle(steps: 60)
    return harness
  }

  /// Lets days pass, so that all merged blocks move.
  static func age(_ harness: EngineHarness) throws {
    harness.clock.advance(nanoseconds: 4 * 86_400_000_000_000)
    try harness.settle(steps: 100)
  }

  static func names(_ disk: FaultyDisk, _ suffix: String) throws -> [String] {
    try (0..<2).flatMap { try disk.list("/data/partitions/0\($0)/blocks") }
      .filter { $0.hasSuffix(suffix) }
  }

  static func objects(_ disk: FaultyDisk) -> [String] {
    disk.files.keys.filter { $0.hasPrefix("/cold/") && !$0.hasSuffix(StoreMark.key) }.sorted()
  }

  @Test func answersAreTheSameInTheColdTier() async throws {
    let harness = try await Self.harness()
    let expected = try await BackgroundCompactionTests.answers(harness)
    #expect(Self.objects(harness.disk).isEmpty)
    try Self.age(harness)
    let metrics = harness.engine.metrics()
    #expect(metrics.cold.moveCount >= 1)
    #expect(metrics.cold.failureCount == 0)
    #expect(metrics.cold.waitingBlockCount == 0)
    #expect(metrics.cold.location == "/cold")
    let coldCount = metrics.partitions.reduce(0) { $0 + $1.coldBlockCount }
    #expect(coldCount == Int(metrics.cold.moveCount))
    #expect(Self.objects(harness.disk).count == coldCount)
    #expect(try Self.names(harness.disk, ".cold").count == coldCount)
    // The blocks themselves are gone from here.
    #expect(try Self.names(harness.disk, ".block").isEmpty)
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
    for crash in [FaultyDisk.Crash.kill, .power, .powerLosingAll] {
      let report = try harness.restart(crash)
      #expect(report.damages.isEmpty)
      #expect(try await BackgroundCompactionTests.answers(harness) == expected)
    }
    let answer = try await harness.engine.range(
      EngineHarness.items(Self.queries[0]),
      tenant: "default"
    )
    #expect(answer.warnings.isEmpty)
    #expect(answer.statistics.chunksCold > 0)
    #expect(answer.statistics.chunksCold == answer.statistics.chunksDecoded)
    #expect(harness.damages.isEmpty)
    // A start asks the store for nothing.
    try harness.restart()
    #expect(harness.engine.metrics().cold.requestCount == 0)
  }

  @Test func nothingMovesUnlessItIsAskedFor() async throws {
    let harness = try await Self.harness { configuration in
      Self.configure(&configuration)
      configuration.cold = ColdConfiguration()
    }
    try Self.age(harness)
    #expect(try Self.names(harness.disk, ".cold").isEmpty)
    #expect(harness.disk.files["/data/cold-store"] == nil)
  }

  @Test func theOldestBlocksMoveWhenTheyAreTooMany() async throws {
    let harness = try await Self.harness { configuration in
      Self.configure(&configuration)
      configuration.cold.afterNanoseconds = 0
      configuration.cold.localByteCountMax = 1
    }
    #expect(try Self.names(harness.disk, ".cold").isEmpty)
    try Self.age(harness)
    #expect(try Self.names(harness.disk, ".block").isEmpty)
    #expect(harness.engine.metrics().cold.moveCount >= 1)
  }

  /// Rules that move the blocks of `m`, which the tenant default has alone, and rules that do not.
  @Test(arguments: [
    (RetentionRules.Rule(tenant: nil, measurement: "m", limit: .age(3_600_000_000_000)), true),
    (RetentionRules.Rule(tenant: "default", measurement: nil, limit: .bytes(1)), true),
    (RetentionRules.Rule(tenant: "default", measurement: nil, limit: .forever), false),
    (RetentionRules.Rule(tenant: nil, measurement: "m", limit: .forever), false),
    (RetentionRules.Rule(tenant: "other", measurement: nil, limit: .bytes(1)), false),
    (RetentionRules.Rule(tenant: nil, measurement: "x", limit: .age(3_600_000_000_000)), false),
  ])
  func rulesMoveBlocksOfATenantOrAMeasurement(
    rule: RetentionRules.Rule,
    moves: Bool
  ) async throws {
    let harness = try await Self.harness { configuration in
      Self.configure(&configuration)
      // What no rule is about moves in a year.
      configuration.cold.afterNanoseconds = 365 * 86_400_000_000_000
      configuration.cold.rules = [rule]
    }
    try Self.age(harness)
    #expect(try Self.names(harness.disk, ".block").isEmpty == moves)
    #expect(Self.objects(harness.disk).isEmpty != moves)
    #expect(harness.damages.isEmpty)
  }

  @Test(arguments: [true, false]) func coldBlocksGoByTheirOwnBytes(_ isOfTenant: Bool) async throws
  {
    let harness = try await Self.harness { configuration in
      Self.configure(&configuration)
      if isOfTenant {
        configuration.retention.coldRules = [
          RetentionRules.Rule(tenant: "default", measurement: nil, limit: .bytes(1))
        ]
      } else {
        configuration.retention.coldByteCount = 1
      }
    }
    try Self.age(harness)
    // They are among what came last.
    #expect(!Self.objects(harness.disk).isEmpty)
    _ = try harness.send("m,h=z f=1 \(harness.clock.now())\n#ack z\n")
    try await harness.engine.flush()
    try harness.settle(steps: 700)
    #expect(Self.objects(harness.disk).isEmpty)
    // What lies here is not counted.
    let partitions = harness.engine.metrics().partitions
    #expect(partitions.reduce(0) { $0 + $1.blockCount } == 1)
    let ledger = await harness.engine.ledger()
    #expect(ledger.reduce(0) { $0 + $1.entry.expired } > 0)
    #expect(!ledger.contains { !$0.isBalanced })
    #expect(harness.damages.isEmpty)
  }

  @Test func anAgeWithoutADirectoryIsRefused() throws {
    let error = #expect(throws: EngineError.self) {
      _ = try EngineHarness { $0.cold.afterNanoseconds = ColdPolicy.ageNanosecondsMin }
    }
    #expect("\(try #require(error))".contains("cold.directory"))
  }

  @Test func aCrashAtAnyMomentOfAMoveLosesNothing() async throws {
    let source = try await Self.harness()
    let expected = try await BackgroundCompactionTests.answers(source)
    try source.kill()
    var crashes = 0
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let now = 1_795_373_340_000_000_000 + 4 * 86_400_000_000_000 as Int64
      let clock = ManualClock(now: now)
      var engine = try EngineHarness.engine(on: disk, clock: clock, configure: Self.configure)
      _ = try engine.start()
      disk.powerOff(afterOperations: crashes)
      for _ in 0..<60 {
        clock.advance(nanoseconds: 100_000_000)
        try engine.step()
      }
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][crashes % 3])
      engine = try EngineHarness.engine(on: disk, clock: clock, configure: Self.configure)
      let report = try engine.start()
      #expect(report.damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes)")
      for attempt in 0..<2 {
        for (query, answer) in zip(Self.queries, expected) {
          let found = try await engine.range(EngineHarness.items(query), tenant: "default")
          let json = String(decoding: found.json(), as: UTF8.self)
          #expect(json.hasPrefix(answer), "crash \(crashes), attempt \(attempt)")
        }
        for _ in 0..<100 {
          clock.advance(nanoseconds: 100_000_000)
          try engine.step()
        }
      }
      #expect(try Self.names(disk, ".block").isEmpty, "crash \(crashes)")
      let damages = DataDirectoryCheck(disk: disk, path: "/data").run().findings
      #expect(damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes): \(damages)")
      guard wasCutShort else { break }
      crashes += 1
    }
    #expect(crashes > 8)
  }

  @Test func whatIsMissingInTheStoreIsNamedAndStopsNothing() async throws {
    let harness = try await Self.harness()
    try Self.age(harness)
    let object = try #require(Self.objects(harness.disk).first)
    let bytes = try #require(harness.disk.files[object])
    try harness.restart { disk in try disk.remove(object) }
    let query = EngineHarness.items(Self.queries[0])
    let answer = try await harness.engine.range(query, tenant: "default")
    #expect(answer.warnings.contains { $0.contains(object) && $0.contains("no such file") })
    let troubles = harness.engine.metrics().cold.troubles
    #expect(troubles.map(\.object) == [object])
    // Verify says so, ingest does not care.
    #expect(
      harness.damages.contains { $0.path.contains(object) || $0.description.contains(object) }
    )
    #expect(try harness.send("m,h=a f=1 \(harness.clock.now())\n#ack x\n") == "OK x 1 0\n")
    try await harness.engine.flush()
    // It comes back, and is read again.
    try harness.restart { disk in
      let file = try disk.append(to: object)
      try file.append(bytes)
      try file.sync()
    }
    #expect(try await harness.engine.range(query, tenant: "default").warnings.isEmpty)
    #expect(harness.engine.metrics().cold.troubles.isEmpty)
  }

  @Test func aDamagedObjectIsNamedAndTheRestIsAnswered() async throws {
    let harness = try await Self.harness()
    let expected = try await BackgroundCompactionTests.answers(harness)
    try Self.age(harness)
    let object = try #require(Self.objects(harness.disk).first)
    try harness.restart { disk in disk.flip(bit: 8 * 100, of: object) }
    let query = EngineHarness.items(Self.queries[0])
    let answer = try await harness.engine.range(query, tenant: "default")
    #expect(answer.warnings.contains { $0.contains(object) && $0.contains("checksum") })
    try harness.restart { disk in disk.flip(bit: 8 * 100, of: object) }
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
  }

  @Test func aLostStubIsReadFromTheStore() async throws {
    let harness = try await Self.harness()
    let expected = try await BackgroundCompactionTests.answers(harness)
    try Self.age(harness)
    let stubs = harness.disk.files.keys.filter { $0.hasSuffix(".cold") }.sorted()
    let report = try harness.restart { disk in
      for (index, stub) in stubs.enumerated() {
        if index == 0 { try disk.remove(stub) } else { disk.flip(bit: 77, of: stub) }
      }
    }
    #expect(!stubs.isEmpty)
    #expect(report.damages.contains { $0.path == stubs[0] })
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
    #expect(harness.engine.metrics().cold.requestCount > 0)
    // They are written again, whether anything moves or not.
    try harness.settle(steps: 60)
    let lost = try #require(report.damages.first { $0.path == stubs[0] })
    #expect(lost.severity == .damage)
    #expect(harness.damages.isEmpty)
    let again = try harness.restart()
    #expect(again.damages.filter { $0.severity != .note }.isEmpty)
    #expect(harness.disk.files.keys.filter { $0.hasSuffix(".cold") }.sorted() == stubs)
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
  }

  @Test func aStubIsNotMadeOfAnObjectThatIsSomethingElse() async throws {
    let harness = try await Self.harness()
    try Self.age(harness)
    let stubs = harness.disk.files.keys.filter { $0.hasSuffix(".cold") }.sorted()
    let objects = Self.objects(harness.disk)
    try harness.restart { disk in
      for stub in stubs { try disk.remove(stub) }
      for object in objects { disk.flip(bit: 8 * 100, of: object) }
    }
    try harness.settle(steps: 60)
    #expect(harness.disk.files.keys.allSatisfy { !$0.hasSuffix(".cold") })
    // Once it is right again the next start makes up for it.
    try harness.restart { disk in
      for object in objects { disk.flip(bit: 8 * 100, of: object) }
    }
    try harness.settle(steps: 60)
    #expect(harness.disk.files.keys.filter { $0.hasSuffix(".cold") }.sorted() == stubs)
  }

  @Test func aLostManifestIsRebuiltFromStubs() async throws {
    let harness = try await Self.harness()
    let expected = try await BackgroundCompactionTests.answers(harness)
    try Self.age(harness)
    let ledger = await harness.engine.ledger().map(\.entry)
    let report = try harness.restart { disk in
      for index in 0..<2 { try disk.remove("/data/partitions/0\(index)/manifest") }
    }
    #expect(report.damages.contains { $0.what.contains("rebuilt") })
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
    #expect(await harness.engine.ledger().map(\.entry) == ledger)
    try harness.restart()
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
  }

  @Test func lateRowsOfColdTimesAreStoredWithoutAskingTheStore() async throws {
    let harness = try await Self.harness()
    try Self.age(harness)
    try harness.restart()
    let late = "m,h=a f=99.5 1795373005\nm,h=c f=1.5 1795373005\n#ack l\n"
    #expect(try harness.send(late) == "OK l 2 0\n")
    try await harness.engine.flush()
    #expect(harness.engine.metrics().cold.requestCount == 0)
    #expect(await harness.engine.ledger().allSatisfy { $0.isBalanced })
    let query = "measurement=m&tag.h=a&field=f&start=1795373005&end=1795373006"
    #expect(try await harness.range(query).contains(#""values":[99.5]"#))
    // Merged, it still wins.
    try Self.age(harness)
    #expect(try await harness.range(query).contains(#""values":[99.5]"#))
  }

  @Test func theDirectoryRemembersItsStore() async throws {
    var isConfigured = true
    let harness = try await Self.harness { configuration in
      Self.configure(&configuration)
      if !isConfigured { configuration.cold = ColdConfiguration() }
    }
    let expected = try await BackgroundCompactionTests.answers(harness)
    try Self.age(harness)
    isConfigured = false
    try harness.restart()
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
    #expect(harness.engine.metrics().cold.location == "/cold")
    // Where nobody knows it, blocks are named that cannot be read.
    try harness.restart { disk in try disk.remove("/data/cold-store") }
    let answer = try await harness.engine.range(
      EngineHarness.items(Self.queries[0]),
      tenant: "default"
    )
    #expect(answer.warnings.contains { $0.contains("cold.directory") })
  }

  @Test func aDamagedBlockStaysHere() async throws {
    let harness = try await Self.harness()
    let names = try Self.names(harness.disk, ".block")
    let path = try #require(harness.disk.files.keys.first { $0.hasSuffix(names[0]) })
    harness.disk.flip(bit: 8 * 200, of: path)
    try Self.age(harness)
    #expect(try disk(harness, has: path))
    #expect(harness.engine.metrics().cold.barredBlockCount == 1)
    #expect(harness.engine.metrics().cold.failureCount == 1)
  }

  private func disk(_ harness: EngineHarness, has path: String) throws -> Bool {
    try harness.disk.byteCount(of: path) != nil
  }
}
