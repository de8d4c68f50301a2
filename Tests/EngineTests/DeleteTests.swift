import Blocks
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: a delete takes away what it selects and nothing else, in every answer at once and for
/// good, whatever is cut, merged, restarted or crashes meanwhile.
@Suite struct DeleteTests {
  static let minute: Int64 = 60_000_000_000
  static let start: Int64 = 1_795_370_400_000_000_000

  static func harness(
    _ mode: CompactionMode = .background,
    on disk: FaultyDisk = FaultyDisk(seed: 1)
  ) throws -> EngineHarness {
    try EngineHarness(on: disk, now: start + 60 * minute) { configuration in
      configuration.compaction.mode = mode
      configuration.compaction.cutCount = 4
    }
  }

  static func delete(_ harness: EngineHarness, _ query: String) async throws {
    try await harness.engine.deleteSeries(EngineHarness.items(query), tenant: "default")
  }

  /// Rows as `host second`, from raw points of the field f.
  static func rows(_ harness: EngineHarness) async throws -> Set<String> {
    let items = EngineHarness.items("measurement=m&field=f&start=0&end=1797000000")
    let answer = try await harness.engine.range(items, tenant: "default")
    var rows: Set<String> = []
    for series in answer.series {
      guard case .points(let timestamps, _) = series.content else { continue }
      let host = String(decoding: series.tags.first?.value ?? [], as: UTF8.self)
      for timestamp in timestamps { rows.insert("\(host) \((timestamp - start) / 1_000_000_000)") }
    }
    return rows
  }

  /// The number of rows by the windows of a step.
  static func counted(_ harness: EngineHarness, step: String) async throws -> Int {
    let items = EngineHarness.items(
      "measurement=m&field=f&start=1795370400&end=1795380000&step=\(step)&agg=count"
    )
    let answer = try await harness.engine.range(items, tenant: "default")
    return answer.series.reduce(0) { sum, series in
      guard case .buckets(_, let columns) = series.content else { return sum }
      return sum
        + columns.reduce(0) { sum, column in
          switch column.values {
          case .unsigned(let cells), .integer(let cells):
            return sum + cells.reduce(0) { $0 + Int($1) }
          default: return sum
          }
        }
    }
  }

  static func check(
    _ harness: EngineHarness,
    _ expected: Set<String>,
    _ place: String
  ) async throws {
    let found = try await rows(harness)
    #expect(
      found == expected,
      "\(place): \(found.symmetricDifference(expected).sorted().prefix(5))"
    )
    for step in ["60s", "7s", "1h"] {
      #expect(try await counted(harness, step: step) == expected.count, "\(place), step \(step)")
    }
  }

  @Test func whatIsDeletedIsGoneAndMayComeAgain() async throws {
    let harness = try Self.harness()
    var expected: Set<String> = []
    func send(_ hosts: [String], _ seconds: Range<Int>) throws {
      var lines = "#precision s\n"
      for second in seconds {
        for host in hosts {
          lines +=
            "m,h=\(host) f=\(second).5,g=\(second)i \(Self.start / 1_000_000_000 + Int64(second))\n"
          expected.insert("\(host) \(second)")
        }
      }
      #expect(try harness.send(lines + "#ack a\n").hasPrefix("OK a"))
    }
    try send(["a", "b", "c"], 0..<300)
    try await harness.engine.flush()
    try send(["a", "b", "c"], 300..<400)
    try await Self.check(harness, expected, "before")
    // Blocks and open rows, one series.
    let from = Self.start / 1_000_000_000
    try await Self.delete(harness, "match[]=m{h=\"a\"}&start=\(from + 100)&end=\(from + 349)")
    for second in 100..<350 { expected.remove("a \(second)") }
    try await Self.check(harness, expected, "after a delete")
    // Others, and what has never been, are not touched.
    try await Self.delete(harness, "match[]=nothing&match[]=m{h=\"z\"}")
    try await Self.delete(harness, "match[]=m{h=~\"a|x.*\",h!=\"a\"}")
    try await Self.check(harness, expected, "after deletes of nothing")
    // The same points come again, and are stored again.
    try send(["a"], 200..<210)
    try await Self.check(harness, expected, "sent again")
    try await harness.engine.flush()
    try await Self.check(harness, expected, "sent again and cut")
    for crash in [FaultyDisk.Crash.kill, .power, .powerLosingAll] {
      let report = try harness.restart(crash)
      #expect(report.damages.isEmpty)
      try await Self.check(harness, expected, "restarted")
    }
    // Merges bring the space back and change nothing.
    try harness.settle(steps: 100)
    try await Self.check(harness, expected, "merged")
    let ledger = await harness.engine.ledger()
    #expect(!ledger.contains { !$0.isBalanced })
    #expect(ledger.reduce(0) { $0 + $1.entry.deleted } == 250 * 2)
    let stored = ledger.reduce(0) { $0 + $1.entry.stored - $1.entry.deleted }
    let kept = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockPointCount }
    #expect(stored == kept)
    _ = try harness.restart(.kill)
    try await Self.check(harness, expected, "merged and restarted")
    #expect(harness.damages.isEmpty)
  }

  @Test func aWholeMeasurementGoes() async throws {
    let harness = try Self.harness()
    _ = try harness.send("m,h=a f=1 \(Self.start)\nn f=2 \(Self.start)\n#ack a\n")
    try await Self.delete(harness, "match[]=m")
    try await Self.check(harness, [], "deleted")
    #expect(try await harness.range("measurement=n&start=0&end=1797000000").contains("[2]"))
  }

  @Test(arguments: [
    "", "match[]=", "match[]={}", "match[]=m{h=}", "match[]=m{h=~\"(\"}", "match[]=m:f",
    "match[]=m&start=x", "match[]=m&start=10&end=5", "match[]=m&step=1",
    "match[]=m&start=1&start=2",
  ])
  func whatMeansNothingIsRefused(query: String) async throws {
    let harness = try Self.harness()
    await #expect(throws: QueryError.self) { try await Self.delete(harness, query) }
  }

  @Test func offlineCompactionCarriesDeletesOut() async throws {
    let harness = try Self.harness(.none)
    var expected: Set<String> = []
    for second in 0..<120 {
      _ = try harness.send("m,h=a f=1 \(Self.start + Int64(second) * 1_000_000_000)\n#ack a\n")
      if second % 40 == 39 { try await harness.engine.flush() }
      if second % 2 == 1 { expected.insert("a \(second)") }
    }
    for second in stride(from: 0, to: 120, by: 2) {
      let time = Self.start / 1_000_000_000 + Int64(second)
      try await Self.delete(harness, "match[]=m&start=\(time)&end=\(time)")
    }
    try await Self.check(harness, expected, "before")
    try harness.engine.stop()
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.partitionCount = 2
    let compaction = OfflineCompaction(
      configuration,
      disk: harness.disk,
      clock: harness.clock,
      threading: .manual
    )
    let (_, faults) = try compaction.run { _ in }
    #expect(faults.isEmpty)
    try harness.start()
    try await Self.check(harness, expected, "compacted")
    let kept = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockPointCount }
    #expect(kept == 60)
    #expect(harness.damages.isEmpty)
  }

  @Test func aCrashAtAnyMomentOfADeleteKeepsAllOrTakesAll() async throws {
    let source = try Self.harness(.none)
    var before: Set<String> = []
    for second in 0..<60 {
      for host in ["a", "b"] {
        _ = try source.send(
          "m,h=\(host) f=1 \(Self.start + Int64(second) * 1_000_000_000)\n#ack a\n"
        )
        before.insert("\(host) \(second)")
      }
      if second == 30 { try await source.engine.flush() }
    }
    let after = before.filter { !$0.hasPrefix("a") }
    source.disk.crash(.kill)
    var crashes = 0
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let first = try Self.harness(on: disk)
      disk.powerOff(afterOperations: crashes)
      var isAcknowledged = false
      do {
        try await Self.delete(first, "match[]=m{h=\"a\"}")
        isAcknowledged = true
      } catch {}
      try? first.settle(steps: 60)
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][crashes % 3])
      let harness = try Self.harness(on: disk)
      #expect(harness.report.damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes)")
      let found = try await Self.rows(harness)
      #expect(found == after || !isAcknowledged && found == before, "crash \(crashes)")
      try harness.settle(steps: 60)
      try await Self.check(harness, found, "crash \(crashes)")
      #expect(harness.damages.isEmpty, "crash \(crashes)")
      guard wasCutShort else { break }
      crashes += 1
    }
    #expect(crashes > 10)
  }

  /// Random rows, deletes, cuts, merges and crashes against a plain set.
  @Test(arguments: UInt64(1)...6)
  func answersAreThoseOfAPlainModel(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let harness = try Self.harness(on: FaultyDisk(seed: seed))
    var expected: Set<String> = []
    let from = Self.start / 1_000_000_000
    for round in 0..<25 {
      var lines = "#precision s\n"
      for _ in 0..<Int.random(in: 1...60, using: &random) {
        let host = ["a", "b", "c"][Int.random(in: 0..<3, using: &random)]
        let second = Int.random(in: 0..<600, using: &random)
        let field = Bool.random(using: &random) ? "" : ",g=2i"
        lines += "m,h=\(host) f=1.5\(field) \(from + Int64(second))\n"
        expected.insert("\(host) \(second)")
      }
      #expect(try harness.send(lines + "#ack a\n").hasPrefix("OK a"))
      if Int.random(in: 0..<2, using: &random) == 0 {
        let (first, length) = (
          Int.random(in: 0..<600, using: &random), Int.random(in: 0..<200, using: &random)
        )
        let hosts = [["a"], ["b", "c"], ["a", "b", "c"]][Int.random(in: 0..<3, using: &random)]
        try await Self.delete(
          harness,
          "match[]=m{h=~\"\(hosts.joined(separator: "|"))\"}"
            + "&start=\(from + Int64(first))&end=\(from + Int64(first + length))"
        )
        for host in hosts {
          for second in first...first + length { expected.remove("\(host) \(second)") }
        }
      }
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1: try await harness.engine.flush()
      case 2: try harness.restart([.kill, .power, .powerLosingAll][round % 3])
      case 3: try harness.settle(steps: 60)
      default: break
      }
      try await Self.check(harness, expected, "seed \(seed), round \(round)")
    }
    #expect(harness.damages.isEmpty)
  }
}
