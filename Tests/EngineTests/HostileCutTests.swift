import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: nothing that a client may send, no full disk and no odd clock stops a partition from
/// cutting or makes two ways to the same data answer differently.
@Suite struct HostileCutTests {
  static let base = 1_795_373_300

  private func balanced(_ engine: Engine) async -> (stored: UInt64, received: UInt64) {
    let rows = await engine.ledger()
    for row in rows where !row.isBalanced { Issue.record("ledger off: \(row)") }
    return (
      rows.reduce(0) { $0 + $1.entry.stored }, rows.reduce(0) { $0 + $1.entry.received }
    )
  }

  private func fields(_ prefix: String, _ numbers: Range<Int>) -> String {
    numbers.map { "\(prefix)\($0)=\($0 % 10)" }.joined(separator: ",")
  }

  @Test func twoRowsOfOneTimestampMayHaveMoreFieldsThanARowCanHold() async throws {
    let harness = try EngineHarness()
    let wide = "m \(fields("f", 0..<60_000)) \(Self.base)\n"
    let other = "m f0=7,\(fields("g", 0..<39_000)) \(Self.base)\n"
    #expect(try harness.send(wide + other + "#ack a\n") == "OK a 2 0\n")
    let query = "measurement=m&field=f0,f59999,g38999&start=\(Self.base)&end=\(Self.base + 1)"
    let open = try await harness.range(query)
    try await harness.engine.flush()
    let cut = try await harness.range(query)
    #expect(cut == open)
    let windows = "measurement=m&field=f0,f1,g38999&start=\(Self.base - 60)&end=\(Self.base + 60)"
    let folded = try await harness.range(windows + "&step=60s&agg=count,sum")
    #expect(folded.contains("[0,1,0]") || folded.contains("[1,0,0]"), "\(folded)")
    #expect(!folded.contains("2,"), "a point is counted once: \(folded)")
    try harness.restart()
    let restarted = try await harness.range(query)
    #expect(restarted == open)
    let ledger = await balanced(harness.engine)
    #expect(ledger.stored == 99_000)
    #expect(ledger.received == 99_001)
  }

  @Test func aMinuteMayHaveMoreFieldsThanARowCanHold() async throws {
    let harness = try EngineHarness()
    let query =
      "measurement=m&field=f0,g38999&start=\(Self.base - 60)&end=\(Self.base + 60)"
      + "&step=60s&agg=count,sum,first,last"
    let lines =
      "m \(fields("f", 0..<60_000)) \(Self.base)\n"
      + "m \(fields("g", 0..<39_000)) \(Self.base + 1)\n"
    #expect(try harness.send(lines + "#ack a\n") == "OK a 2 0\n")
    let open = try await harness.range(query)
    try await harness.engine.flush()
    let cut = try await harness.range(query)
    #expect(cut == open)
    // The minute goes on in the next cut.
    _ = try harness.send("m f0=5 \(Self.base + 2)\n#ack b\n")
    let more = try await harness.range(query)
    try await harness.engine.flush()
    let again = try await harness.range(query)
    #expect(again == more)
    #expect(again != cut)
    // And when its hour is frozen.
    try await freeze(harness)
    let frozen = try await harness.range(query)
    #expect(frozen == more)
  }

  /// Lets the open hours end and freeze.
  private func freeze(_ harness: EngineHarness) async throws {
    harness.clock.advance(seconds: 5_000)
    _ = try harness.send("other f=1\n#ack f\n")
    try await harness.engine.flush()
    for _ in 0..<2_000 {
      harness.clock.advance(nanoseconds: 100_000_000)
      try harness.engine.step()
    }
  }

  @Test func aCutNeedsNoFieldSetThatTheCatalogRefuses() async throws {
    let harness = try EngineHarness { $0.fieldSetsMax = 2 }
    let queries = [
      "measurement=m&field=*&start=\(Self.base - 99)&end=\(Self.base + 99)",
      "measurement=m&field=*&start=\(Self.base - 120)&end=\(Self.base + 99)&step=60s"
        + "&agg=count,sum,min,max,first,last",
    ]
    func answers() async throws -> [String] {
      var result: [String] = []
      for query in queries { result.append(try await harness.range(query)) }
      return result
    }
    var rounds = [
      "m a=1,b=2 \(Self.base)\nm b=3,c=4 \(Self.base)\nm b=5,c=6 \(Self.base + 1)\n",
      // Late: it replaces, and joins both sets again.
      "m b=7,c=8 \(Self.base)\nm a=9,b=10 \(Self.base)\nm a=1,b=1 \(Self.base - 1)\n",
      "m b=11,c=12 \(Self.base + 2)\n",
    ]
    while !rounds.isEmpty {
      #expect(try harness.send(rounds.removeFirst() + "#ack a\n").contains("OK a "))
      let open = try await answers()
      try await harness.engine.flush()
      let cut = try await answers()
      #expect(cut == open)
      try harness.restart()
      let restarted = try await answers()
      #expect(restarted == open)
    }
    let ledger = await balanced(harness.engine)
    #expect(ledger.stored == 9)
    let open = try await answers()
    try await freeze(harness)
    let frozen = try await answers()
    #expect(frozen == open)
    // The refusal is told to those who ask for a new set.
    let refused = try harness.send("#ack x\nm a=1,c=1 \(Self.base)\n#ack b\n")
    #expect(refused.contains("ERR ") && refused.contains("the limit of 2 field sets"))
  }

  @Test func aCutThatFailedIsMadeGoodInOneGo() async throws {
    let harness = try EngineHarness()
    let names = (0..<200).map { "f\($0)" }
    for host in 0..<40 {
      let rows = (0..<60).map { row in
        "m,h=\(host) \(names.map { "\($0)=\(row)" }.joined(separator: ",")) \(Self.base + row)\n"
      }
      _ = try harness.send(rows.joined())
    }
    #expect(try harness.send("#ack a\n") == "OK a 2400 0\n")
    harness.disk.limitFreeSpace(to: 0)
    await #expect(throws: EngineError.self) { try await harness.engine.flush() }
    harness.disk.limitFreeSpace(to: nil)
    harness.clock.advance(seconds: 2)
    try await harness.engine.flush()
    let ledger = await balanced(harness.engine)
    #expect(ledger.stored == 480_000)
  }

  @Test func refusedLinesAloneDoNotPinTheLog() async throws {
    let harness = try EngineHarness()
    _ = try harness.send("m f=x 1\n#ack a\n")
    harness.clock.advance(seconds: 601)
    _ = try harness.send("#ack b\n")
    #expect(harness.engine.metrics().partitions.contains { $0.cutCount == 1 })
  }

  @Test func windowsStayWholeWhenTheClockStepsBack() async throws {
    let harness = try EngineHarness()
    let hour = 1_795_374_000
    harness.clock.set(now: Int64(hour + 300) * Nanoseconds.perSecond)
    let query = "measurement=m&field=f&start=\(hour)&end=\(hour + 600)&step=60s&agg=count,sum"
    _ = try harness.send((0..<120).map { "m f=\($0) \(hour + $0)\n" }.joined() + "#ack a\n")
    try await harness.engine.flush()
    _ = try harness.send((0..<120).map { "m f=\($0) \(hour + 120 + $0)\n" }.joined() + "#ack b\n")
    let open = try await harness.range(query)
    harness.clock.set(now: Int64(hour - 1_200) * Nanoseconds.perSecond)
    try await harness.engine.flush()
    let cut = try await harness.range(query)
    #expect(cut == open)
  }

  @Test func aLostManifestOfSeveralTenantsGivesABalancedLedger() async throws {
    let harness = try EngineHarness { $0.partitionCount = 1 }
    let lines = ["", "#tenant x\n", "#tenant y\n"].map { $0 + "m f=1 \(Self.base)\nm f=2 1\n" }
    #expect(try harness.send(lines.joined() + "#ack a\n") == "OK a 6 0\n")
    try await harness.engine.flush()
    try harness.restart { disk in
      disk.flip(bit: 300, of: "/data/partitions/00/manifest")
    }
    let ledger = await balanced(harness.engine)
    #expect(ledger.stored == 6)
  }

  @Test func aLostCatalogIsLearnedFromTheBlocks() async throws {
    let harness = try EngineHarness()
    let lines = (0..<20).map { "m,h=\($0) f=\($0),s=\"\($0)\" \(Self.base)\n" }.joined()
    #expect(try harness.send(lines + "#ack a\n") == "OK a 20 0\n")
    try await harness.engine.flush()
    let query = "measurement=m&field=*&start=\(Self.base)&end=\(Self.base + 1)"
    let before = try await harness.range(query)
    try harness.restart { disk in
      try disk.remove("/data/catalog/a.log")
      try disk.remove("/data/catalog/b.log")
    }
    let after = try await harness.range(query)
    #expect(after == before)
    // A new series is not mistaken for one of them.
    _ = try harness.send("n f=5 \(Self.base)\nm,h=new f=6 \(Self.base)\n#ack b\n")
    let other = try await harness.range(
      "measurement=n&start=\(Self.base)&end=\(Self.base + 1)&field=*"
    )
    #expect(other.contains("\"values\":[5]"))
    #expect(other.split(separator: "\"field\"").count == 2, "\(other)")
  }

  @Test func anOldCatalogGivesNoIdentifierTwice() async throws {
    let harness = try EngineHarness()
    _ = try harness.send("m,h=a f=1 \(Self.base)\n#ack a\n")
    try await harness.engine.flush()
    let old = harness.disk.files.filter { $0.key.hasPrefix("/data/catalog/") }
    _ = try harness.send("m,h=b f=2 \(Self.base)\n#ack b\n")
    try await harness.engine.flush()
    // The newest blocks know only what the old catalog knows, too.
    _ = try harness.send("m,h=a f=3 \(Self.base + 1)\n#ack c\n")
    try await harness.engine.flush()
    let query = "measurement=m&field=*&start=\(Self.base)&end=\(Self.base + 9)"
    let before = try await harness.range(query)
    let report = try harness.restart { disk in
      for (path, bytes) in old { disk.damage(path) { $0 = bytes } }
    }
    #expect(report.damages.contains { $0.path.contains("/catalog/") && $0.severity != .note })
    let after = try await harness.range(query)
    #expect(after == before)
    _ = try harness.send("m,h=c f=4 \(Self.base)\n#ack d\n")
    try await harness.engine.flush()
    let other = try await harness.range(query + "&tag.h=c")
    #expect(other.contains("\"values\":[4]"))
    let same = try await harness.range(query + "&tag.h=b")
    #expect(same.contains("\"values\":[2]"))
  }

  @Test func manyAcknowledgementsAtOnceWaitInBoundedMemory() throws {
    let harness = try EngineHarness()
    let bytes = Array(String(repeating: "#ack a\n", count: 5_000).utf8)
    var start = 0
    var rounds = 0
    var answers = 0
    while start < bytes.count, rounds < 1_000 {
      let taken = unsafe bytes[start...].withUnsafeBytes {
        unsafe harness.receiver.receive($0, on: harness.connection)
      }
      #expect(taken <= 7 * 1_024)
      start += taken
      rounds += 1
      answers += try harness.send("").split(separator: "\n").count
    }
    #expect(answers == 5_000)
  }

  @Test func aStopOnAFullDiskEndsAndLosesNothing() async throws {
    let harness = try EngineHarness()
    #expect(try harness.send("m f=1 \(Self.base)\n#ack a\n") == "OK a 1 0\n")
    harness.disk.limitFreeSpace(to: 0)
    try harness.engine.stop()
    // It starts on the full disk, too, and answers.
    let query = "measurement=m&field=f&start=\(Self.base)&end=\(Self.base + 1)"
    try harness.restart()
    let full = try await harness.range(query)
    #expect(full.contains("\"values\":[1]"))
    harness.disk.limitFreeSpace(to: nil)
    try harness.restart()
    let free = try await harness.range(query)
    #expect(free == full)
  }
}
