import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: a replay of the log finds what blocks have not, and nothing else.
@Suite struct LogReplayTests {
  static let minute: Int64 = 60_000_000_000

  struct Found {
    var summary = LogReplay.Summary()
    var changes: [LogReplay.Change] = []
    var rows: [LogReplay.Rows] = []
    var damages: [Damage] = []
  }

  static func replay(_ disk: FaultyDisk, from start: LogReplay.Start) throws -> Found {
    let replay = try LogReplay(
      LogInspection(disk: disk, path: "/data"),
      DirectorySnapshot(disk: disk, path: "/data"),
      from: start
    )
    var found = Found()
    try replay.run {
      found.changes.append($0)
    } rows: {
      found.rows.append($0)
    }
    found.summary = replay.summary
    found.damages = replay.damages
    return found
  }

  /// Two cuts of three series, with values that were replaced, and a few open rows.
  static func harness() async throws -> (EngineHarness, start: Int64) {
    let harness = try EngineHarness()
    let start = harness.clock.now() / minute * minute - 10 * minute
    for cut in 0..<2 {
      var lines = ""
      for step in 0..<120 {
        let time = start + Int64(step) * 1_000_000_000 + Int64(cut) * 120_000_000_000
        for host in ["a", "b", "c"] {
          lines += "m,h=\(host) f=\(step).5,i=\(step)i,s=\"x\(step % 3)\" \(time)\n"
        }
        if step % 10 == 0 { lines += "m,h=a f=\(step).25 \(time)\n" }
      }
      _ = try harness.send(lines + "#ack x\n")
      try await harness.engine.flush()
    }
    _ = try harness.send("m,h=a f=1 \(start + 400_000_000_000)\n#ack y\n")
    return (harness, start)
  }

  @Test func aSoundDirectoryHasNothingToChange() async throws {
    let (harness, _) = try await Self.harness()
    let found = try Self.replay(harness.disk, from: .arrival(0))
    #expect(found.summary.pointCount == 2 * 120 * 3 * 3 + 1)
    #expect(found.summary.changedPointCount == 0)
    #expect(found.changes.isEmpty)
    #expect(found.rows.isEmpty)
  }

  @Test func rowsThatComeMeanwhileAreNoDifference() async throws {
    let (harness, start) = try await Self.harness()
    let log = try LogInspection(disk: harness.disk, path: "/data")
    let snapshot = try DirectorySnapshot(disk: harness.disk, path: "/data")
    // Known names, new names, and a cut.
    _ = try harness.send("m,h=a f=2 \(start + 401_000_000_000)\n#ack z\n")
    _ = try harness.send("m,h=new f=2,g=3 \(start + 402_000_000_000)\n#ack z\n")
    try await harness.engine.flush()
    _ = try harness.send("m,h=a f=3 \(start + 403_000_000_000)\n#ack z\n")
    let replay = LogReplay(log, snapshot, from: .offset(Offset(0)))
    var changes = 0
    try replay.run { _ in
      changes += 1
    } rows: { _ in
    }
    #expect(changes == 0)
    #expect(replay.summary.changedPointCount == 0)
    #expect(replay.summary.pointCount == 2 * 120 * 3 * 3 + 1)
  }

  /// Batch by batch: the value, the value that replaces it, and something else.
  @Test(arguments: [1, 2]) func aLogThatLostTheNewerValueDoesNotBringTheOlderBack(
    batchCountBehind: Int
  ) async throws {
    let harness = try EngineHarness { $0.partitionCount = 1 }
    let time = harness.clock.now() - Self.minute
    _ = try harness.send("m f=1 \(time)\n#ack a\n")
    _ = try harness.send("m f=2,marker=\"MARKER\" \(time)\n#ack b\n")
    if batchCountBehind == 2 { _ = try harness.send("m f=3 \(time + 1)\n#ack c\n") }
    try await harness.engine.flush()
    #expect(try Self.replay(harness.disk, from: .arrival(0)).summary.changedPointCount == 0)
    // The newer batch is damaged in the log.
    var isFound = false
    for name in try harness.disk.list("/data/queue") {
      let path = "/data/queue/\(name)"
      var bytes = try harness.disk.read(path, byteCountMax: 64 << 20)
      guard let place = bytes.firstRange(of: Array("MARKER".utf8)) else { continue }
      bytes[place.lowerBound] ^= 1
      try harness.disk.replace(path, with: bytes)
      isFound = true
    }
    #expect(isFound)
    let found = try Self.replay(harness.disk, from: .arrival(0))
    #expect(found.summary.changedPointCount == 0)
    #expect(found.summary.doubtfulPointCount == 1)
    #expect(found.rows.isEmpty)
  }

  @Test func whatABlockHasLostIsFoundMinuteByMinute() async throws {
    let (harness, start) = try await Self.harness()
    let folders = (0..<2).map { "/data/partitions/0\($0)/blocks" }
    let blocks = try folders.flatMap { folder in
      try harness.disk.list(folder).sorted().prefix(1).map { "\(folder)/\($0)" }
    }
    // The first cut's blocks are gone: two minutes of each series and field.
    for block in blocks { try harness.disk.remove(block) }
    let found = try Self.replay(harness.disk, from: .offset(Offset(0)))
    #expect(found.summary.changedPointCount == 120 * 3 * 3)
    #expect(found.changes.count == 2 * 3 * 3)
    let change = try #require(
      found.changes.first {
        $0.field.name == Array("f".utf8) && $0.minute == start / Self.minute
          && $0.series.tags.first?.value == Array("a".utf8)
      }
    )
    #expect(change.stored == nil)
    #expect(change.derived.count == 60)
    #expect(Double(bitPattern: change.derived.first) == 0.25)
    #expect(Double(bitPattern: change.derived.max) == 59.5)
    #expect(found.rows.reduce(0) { $0 + $1.values.timestamps.count } == 120 * 3)
    // Nothing of it came lately.
    let late = LogReplay.Start.arrival(harness.clock.now() + 1)
    #expect(try Self.replay(harness.disk, from: late).summary == LogReplay.Summary())
  }

  @Test func whatARuleHasLeftOutOfAMergeStaysOut() async throws {
    let rule = RetentionRules.Rule(
      tenant: nil,
      measurement: "n",
      limit: .age(2 * RetentionTests.hour)
    )
    var mode = CompactionMode.none
    let harness = try EngineHarness(now: RetentionTests.start) { configuration in
      RetentionTests.configure(&configuration, [rule], age: 0, bytes: 0)
      configuration.compaction.mode = mode
      // Blocks hold both measurements, so that none goes whole.
      configuration.partitionCount = 1
      configuration.queueRetainNanoseconds = .max
      configuration.queueRetainByteCount = .max
    }
    try await RetentionTests.write(harness, hours: 9)
    mode = .background
    try harness.restart()
    try harness.settle(steps: 200)
    let expired = await harness.engine.ledger().reduce(0) { $0 + $1.entry.expired }
    #expect(expired > 0)
    let found = try Self.replay(harness.disk, from: .arrival(0))
    #expect(found.summary.expiredPointCount == Int(expired))
    #expect(found.summary.changedPointCount == 0)
    #expect(found.rows.isEmpty)
    #expect(found.summary.unreadablePointCount == 0)
  }

  /// What lies in a store that does not answer is not known to be gone.
  @Test func whatCannotBeReadNowIsNotRestated() async throws {
    let harness = try await ColdTierTests.harness { configuration in
      ColdTierTests.configure(&configuration)
      configuration.queueRetainNanoseconds = .max
      configuration.queueRetainByteCount = .max
    }
    try ColdTierTests.age(harness)
    let objects = ColdTierTests.objects(harness.disk)
    #expect(!objects.isEmpty)
    let sound = try Self.replay(harness.disk, from: .arrival(0))
    #expect(sound.summary.changedPointCount == 0)
    #expect(sound.summary.unreadablePointCount == 0)
    #expect(sound.damages.isEmpty)
    for path in objects { try harness.disk.rename(path, to: path + ".away") }
    let away = try Self.replay(harness.disk, from: .arrival(0))
    #expect(away.summary.pointCount == sound.summary.pointCount)
    #expect(away.summary.changedPointCount == 0)
    #expect(away.summary.unreadablePointCount > 0)
    #expect(away.rows.isEmpty)
    #expect(Set(away.damages.map(\.path)) == Set(objects))
  }
}
