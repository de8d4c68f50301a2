import Engine
import TestSupport
import Testing

/// Goal: a compacted directory answers what it did before, and only a stopped one is compacted.
@Suite struct OfflineCompactionTests {
  static let queries = [
    "measurement=m&field=*&start=1795372900&end=1795373400",
    "measurement=m&field=f&start=1795372900&end=1795373400&step=60s&agg=count,sum,min,max,avg",
  ]

  private func compaction(_ harness: EngineHarness) -> OfflineCompaction {
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.partitionCount = 2
    configuration.workerCount = 1
    return OfflineCompaction(
      configuration,
      disk: harness.disk,
      clock: harness.clock,
      threading: .manual
    )
  }

  private func answers(_ harness: EngineHarness) async throws -> [String] {
    var result: [String] = []
    for query in Self.queries { result.append(try await harness.range(query)) }
    return result
  }

  @Test func answersAreTheSameAfterACompaction() async throws {
    let harness = try EngineHarness()
    let rows = (0..<120).map { "m,h=a f=\($0).5,i=\($0)i \(1_795_373_000 + $0)\n" }
    _ = try harness.send(rows[..<60].joined() + "#ack a\n")
    try await harness.engine.flush()
    _ = try harness.send(rows[60...].joined() + "m,h=a f=7.25 1795373010\n#ack b\n")
    try await harness.engine.flush()
    // Still in the log when the server ends.
    _ = try harness.send("m,h=a f=1000.5,s=\"up\" 1795373130\nm,h=b f=2 1795373131\n#ack c\n")
    let before = try await answers(harness)

    let report = try harness.restart(.kill) { _ in
      let compaction = compaction(harness)
      try compaction.applyLog()
      let plan = try compaction.plan()
      #expect(plan.stepCount >= 1)
      #expect(plan.scratchByteCount > 0)
      var reported: UInt64 = 0
      let (progress, faults) = try compaction.run { reported = $0.pointsDone }
      #expect(faults.isEmpty)
      #expect(progress.pointsDone == plan.pointCount)
      #expect(reported == plan.pointCount)
      let again = try compaction.plan()
      #expect(again.stepCount == 0)
    }
    #expect(report.damages.isEmpty)
    let after = try await answers(harness)
    #expect(after == before)
  }

  @Test func aDirectoryInUseIsRefused() throws {
    let harness = try EngineHarness()
    let compaction = compaction(harness)
    #expect(throws: EngineError.self) { try compaction.applyLog() }
    #expect(throws: EngineError.self) { _ = try compaction.plan() }
  }
}
