import Engine
import Model
import Query
import TestSupport
import Testing

/// Goal: a start needs no more memory than running, however much log there is to replay.
@Suite struct ReplayMemoryTests {
  @Test func aReplayHoldsNoMoreOpenRowsThanRunningMay() async throws {
    let disk = FaultyDisk(seed: 1)
    func open(openRows: Int) throws -> EngineHarness {
      try EngineHarness(on: disk) { configuration in
        configuration.openRowByteCountMax = openRows
        configuration.compaction.mode = .none
      }
    }
    let filling = try open(openRows: 64 << 20)
    let base: Int64 = 1_795_373_000
    var count = 0
    for batch in 0..<20 {
      let lines = (0..<200).map { row in
        "m,h=\(row % 10) a=\(row).5,b=\(batch)i,c=\"\(String(repeating: "x", count: 200))\" "
          + "\(base + Int64(batch * 20 + row / 10))\n"
      }.joined()
      #expect(try filling.send(lines + "#ack a\n") == "OK a 200 0\n")
      count += 200
    }
    let held = filling.engine.metrics().partitions.reduce(0) { $0 + $1.openByteCount }
    let budget = held / 16
    try filling.kill()
    let harness = try open(openRows: budget)
    let partitions = harness.engine.metrics().partitions
    let replays = partitions.reduce(0) { $0 + ($1.cuts[.replay] ?? 0) }
    // Each cut empties a partition at the latest when both hold the budget: one batch beyond it.
    #expect(replays >= 12, "\(replays) cuts of \(held) bytes at \(budget)")
    #expect(partitions.reduce(0) { $0 + $1.openByteCount } <= budget + (64 << 10))
    let items = EngineHarness.items("measurement=m&field=a&start=\(base)&end=\(base + 1000)")
    let answer = try await harness.engine.range(items, tenant: "default")
    let rows = answer.series.reduce(0) { sum, series in
      guard case .points(let timestamps, _) = series.content else { return sum }
      return sum + timestamps.count
    }
    #expect(rows == count)
    #expect(harness.damages.isEmpty)
  }
}
