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
}
