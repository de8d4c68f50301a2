import Blocks
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: what retention does not keep is in no answer and leaves the disk, nothing else does, and a
/// crash at any moment harms nothing.
@Suite struct RetentionTests {
  static let hour: Int64 = 3_600_000_000_000
  /// A whole hour.
  static let start: Int64 = 1_795_370_400_000_000_000

  static func harness(
    _ rules: [RetentionRules.Rule] = [],
    age: Int64 = 0,
    bytes: Int = 0,
    on disk: FaultyDisk = FaultyDisk(seed: 1),
    now: Int64 = start
  ) throws -> EngineHarness {
    try EngineHarness(on: disk, now: now) { configuration in
      configure(&configuration, rules, age: age, bytes: bytes)
    }
  }

  static func configure(
    _ configuration: inout EngineConfiguration,
    _ rules: [RetentionRules.Rule],
    age: Int64,
    bytes: Int
  ) {
    configuration.retention.ageNanoseconds = age
    configuration.retention.byteCount = bytes
    configuration.retention.rules = rules
    configuration.compaction.cutCount = 3
  }

  /// Writes a row of two measurements every ten minutes and cuts every hour.
  static func write(_ harness: EngineHarness, hours: Int) async throws {
    for _ in 0..<hours {
      var lines = ""
      for step in 0..<6 {
        let time = harness.clock.now() + Int64(step) * 600_000_000_000
        for host in ["a", "b", "c"] {
          lines += "m,h=\(host) f=\(step).5,i=\(step)i \(time)\nn,h=\(host) f=1 \(time)\n"
        }
      }
      harness.clock.advance(nanoseconds: Self.hour)
      let reply = try harness.send(lines + "#ack a\n")
      #expect(reply == "OK a 36 0\n")
      try await harness.engine.flush()
    }
  }

  /// Raw rows of a measurement, each series counted.
  static func raw(_ harness: EngineHarness, _ measurement: String) async throws -> Int {
    let items = EngineHarness.items(
      "measurement=\(measurement)&field=f&start=1795000000&end=1797000000"
    )
    let answer = try await harness.engine.range(items, tenant: "default")
    return answer.series.reduce(0) { sum, series in
      guard case .points(let timestamps, _) = series.content else { return sum }
      return sum + timestamps.count
    }
  }

  /// The sum of the counts of all buckets.
  static func counted(
    _ harness: EngineHarness,
    _ measurement: String,
    step: String
  ) async throws -> Double {
    let items = EngineHarness.items(
      "measurement=\(measurement)&field=f&start=1795000000&end=1797000000&step=\(step)&agg=count"
    )
    let answer = try await harness.engine.range(items, tenant: "default")
    return answer.series.reduce(0) { sum, series in
      guard case .buckets(_, let columns) = series.content else { return sum }
      return sum
        + columns.reduce(0) { sum, column in
          switch column.values {
          case .unsigned(let cells), .integer(let cells):
            return sum + cells.reduce(0) { $0 + Double($1) }
          default: return sum
          }
        }
    }
  }

  static func blocks(_ harness: EngineHarness) -> Int {
    harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockCount }
  }

  @Test func nothingIsRemovedByDefault() async throws {
    let harness = try Self.harness()
    try await Self.write(harness, hours: 6)
    harness.clock.advance(nanoseconds: 1_000 * Self.hour)
    try harness.settle()
    #expect(try await Self.raw(harness, "m") == 6 * 18)
    #expect(harness.engine.metrics().retention.removed.isEmpty)
  }

  @Test func whatIsTooOldLeavesAnswersAtOnceAndTheDiskInWholeBlocks() async throws {
    let harness = try Self.harness(age: 5 * Self.hour)
    try await Self.write(harness, hours: 12)
    try harness.settle(steps: 1_300)
    // The newest row is ten minutes before the twelfth hour's end: its hour and five before it.
    #expect(try await Self.raw(harness, "m") == 6 * 18)
    for step in ["1m", "7s", "400h"] {
      #expect(try await Self.counted(harness, "m", step: step) == 6 * 18, "step \(step)")
    }
    let removed = try #require(harness.engine.metrics().retention.removed["age"])
    #expect(removed.pointCount > 0)
    // All that is gone is told of, by measurement.
    let ledger = await harness.engine.ledger()
    #expect(!ledger.contains { !$0.isBalanced })
    let expired = ledger.reduce(0) { $0 + $1.entry.expired }
    #expect(expired == removed.pointCount)
    let stored = ledger.reduce(0) { $0 + $1.entry.stored }
    let kept = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockPointCount }
    #expect(stored - expired == kept)
    #expect(stored == 12 * 18 * 3)
    #expect(kept < stored)
    for crash in [FaultyDisk.Crash.kill, .power, .powerLosingAll] {
      let report = try harness.restart(crash)
      #expect(report.damages.isEmpty)
      #expect(try await Self.raw(harness, "m") == 6 * 18)
      #expect(await harness.engine.ledger().reduce(0) { $0 + $1.entry.expired } == expired)
    }
    #expect(harness.damages.isEmpty)
  }

  @Test func aClockThatRunsAheadRemovesNothing() async throws {
    let harness = try Self.harness(age: 24 * Self.hour)
    try await Self.write(harness, hours: 3)
    harness.clock.advance(nanoseconds: 100_000 * Self.hour)
    try harness.settle(steps: 1_300)
    #expect(try await Self.raw(harness, "m") == 3 * 18)
    #expect(harness.engine.metrics().retention.removed.isEmpty)
  }

  @Test func aRuleIsAboutItsMeasurementOnly() async throws {
    let harness = try Self.harness([
      RetentionRules.Rule(tenant: nil, measurement: "n", limit: .age(2 * Self.hour))
    ])
    try await Self.write(harness, hours: 9)
    try harness.settle(steps: 1_300)
    #expect(try await Self.raw(harness, "n") == 3 * 18)
    #expect(try await Self.counted(harness, "n", step: "1m") == 3 * 18)
    #expect(try await Self.raw(harness, "m") == 9 * 18)
    // Merges leave out the groups of what is gone.
    let ledger = await harness.engine.ledger()
    let gone = ledger.map { (String(decoding: $0.measurement ?? [], as: UTF8.self), $0) }
    #expect(gone.first { $0.0 == "m" }?.1.entry.expired == 0)
    #expect((gone.first { $0.0 == "n" }?.1.entry.expired ?? 0) > 0)
    let stored = ledger.reduce(0) { $0 + $1.entry.stored - $1.entry.expired }
    let kept = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockPointCount }
    #expect(stored == kept)
  }

  @Test func theOldestOfTooManyBytesGo() async throws {
    let plain = try Self.harness()
    try await Self.write(plain, hours: 12)
    let bytes = plain.engine.metrics().partitions.reduce(0) { $0 + $1.blockByteCount }
    let harness = try Self.harness(bytes: bytes / 2)
    try await Self.write(harness, hours: 12)
    try harness.settle(steps: 1_300)
    let kept = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockByteCount }
    #expect(kept <= bytes / 2)
    #expect(kept > 0)
    let rows = try await Self.raw(harness, "m")
    #expect(rows > 18 && rows < 12 * 18)
    #expect(try await Self.counted(harness, "m", step: "1m") == Double(rows))
    #expect((harness.engine.metrics().retention.removed["bytes"]?.blockCount ?? 0) > 0)
    #expect(harness.damages.isEmpty)
  }

  @Test func aRowThatIsTooOldIsRefusedWithItsReason() async throws {
    let harness = try Self.harness([
      RetentionRules.Rule(tenant: nil, measurement: "kept", limit: .forever),
      RetentionRules.Rule(tenant: "default", measurement: nil, limit: .age(5 * Self.hour)),
    ])
    try await Self.write(harness, hours: 2)
    let old = Self.start - 10 * Self.hour
    let reply = try harness.send("m,h=a f=1 \(old)\nkept f=1 \(old)\nm,h=a f=2 \(old)\n#ack b\n")
    let lines = reply.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("ERR 75 11 timestamp before 2026-11-"))
    #expect(lines[0].hasSuffix("where the measurement's retention begins"))
    #expect(lines[2] == "OK b 1 2")
    try await harness.engine.flush()
    let ledger = await harness.engine.ledger()
    #expect(!ledger.contains { !$0.isBalanced })
    #expect(ledger.reduce(0) { $0 + ($1.entry.rejected[.expired] ?? 0) } == 2)
    #expect(try await Self.raw(harness, "kept") == 1)
  }

  @Test func aCrashAtAnyMomentOfARemovalLosesNothingElse() async throws {
    let source = try Self.harness()
    try await Self.write(source, hours: 7)
    let stored = await source.engine.ledger().reduce(0) { $0 + $1.entry.stored }
    source.disk.crash(.kill)
    let now = source.clock.now()
    let configure = { (configuration: inout EngineConfiguration) in
      Self.configure(&configuration, [], age: 2 * Self.hour, bytes: 0)
    }
    var crashes = 0
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let clock = ManualClock(now: now)
      let engine = try EngineHarness.engine(on: disk, clock: clock, configure: configure)
      _ = try engine.start()
      disk.powerOff(afterOperations: crashes)
      for _ in 0..<60 {
        clock.advance(nanoseconds: 100_000_000)
        try engine.step()
      }
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][crashes % 3])
      let harness = try Self.harness(age: 2 * Self.hour, on: disk, now: clock.now())
      #expect(harness.report.damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes)")
      #expect(try await Self.raw(harness, "m") == 3 * 18, "crash \(crashes)")
      try harness.settle(steps: 60)
      #expect(try await Self.raw(harness, "m") == 3 * 18, "crash \(crashes)")
      let expired = await harness.engine.ledger().reduce(0) { $0 + $1.entry.expired }
      let kept = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockPointCount }
      #expect(stored - expired == kept, "crash \(crashes)")
      #expect(expired > 0)
      #expect(harness.damages.isEmpty, "crash \(crashes)")
      // No file stays behind that nothing names.
      let names = try (0..<2).flatMap { try disk.list("/data/partitions/0\($0)/blocks") }
      #expect(names.count == Self.blocks(harness), "crash \(crashes)")
      guard wasCutShort else { break }
      crashes += 1
    }
    #expect(crashes > 6)
  }

  @Test func aDiskThatRefusesDelaysARemovalOnly() async throws {
    let harness = try Self.harness(age: 2 * Self.hour)
    try await Self.write(harness, hours: 3)
    harness.disk.fail(.write, after: 0, times: 2, code: SystemError.Code.noSpace)
    try await Self.write(harness, hours: 3)
    try harness.settle(steps: 1_300)
    #expect(try await Self.raw(harness, "m") == 3 * 18)
    #expect((harness.engine.metrics().retention.removed["age"]?.pointCount ?? 0) > 0)
    #expect(harness.damages.isEmpty)
  }
}
