import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: wherever a cut is struck, by an error of the disk, a kill or a power failure, every answer
/// stays what it was and the ledger balances. Method: the fault moves through the operations of a
/// cut one by one until it no longer strikes.
@Suite struct CutFaultTests {
  private static let base = 1_795_373_300
  private static let queries = [
    "measurement=m&field=*&start=\(base - 200)&end=\(base + 99)",
    "measurement=m&field=*&start=\(base - 240)&end=\(base + 99)&step=60s"
      + "&agg=count,sum,min,max,first,last",
  ]

  /// What happens after the fault.
  enum Sequel: CaseIterable {
    /// The cut is tried again.
    case retry
    case kill
    case power
  }

  /// Rows of two tenants; some are cut, and the rest, late ones among them, wait for the next cut.
  private func harness() async throws -> EngineHarness {
    let harness = try EngineHarness { $0.partitionCount = 1 }
    let rows = (0..<90).map {
      "m,h=\($0 % 3) f=\($0).5,i=\($0)i,s=\"\($0)\" \(Self.base - 90 + $0)\n"
    }
    _ = try harness.send(rows[..<60].joined())
    try await harness.engine.flush()
    let late =
      "m,h=0 f=-1 \(Self.base - 90)\nm,h=0 g=1 \(Self.base - 90)\nm,h=1 f=2 \(Self.base - 200)\n"
    let other = "#tenant other\nm,h=0 f=1 \(Self.base)\n#tenant default\n"
    let text = rows[60...].joined() + late + rows[80...].joined() + other + "#ack a\n"
    let reply = try harness.send(text)
    #expect(reply == "OK a 104 0\n")
    return harness
  }

  private func answers(_ harness: EngineHarness) async throws -> [String] {
    var result: [String] = []
    for query in Self.queries { result.append(try await harness.range(query)) }
    return result
  }

  /// The totals of the ledger once all is cut.
  private func ledger(_ harness: EngineHarness) async -> [UInt64] {
    let rows = await harness.engine.ledger()
    for row in rows where !row.isBalanced { Issue.record("ledger off: \(row)") }
    let entries = rows.map(\.entry)
    return [
      entries.reduce(0) { $0 + $1.received }, entries.reduce(0) { $0 + $1.stored },
      entries.reduce(0) { $0 + $1.duplicate }, entries.reduce(0) { $0 + $1.replaced },
      entries.reduce(0) { $0 + $1.late },
    ]
  }

  @Test(arguments: Sequel.allCases, [FaultyDisk.Operation.write, .sync, .name])
  func anErrorAtAnyOperationOfACutChangesNoAnswer(
    sequel: Sequel,
    operation: FaultyDisk.Operation
  ) async throws {
    let calm = try await harness()
    let expected = try await answers(calm)
    try await calm.engine.flush()
    let counts = await ledger(calm)
    var strikes = 0
    // Errors that do no harm may lie between those that do.
    var passes = 0
    for skipped in 0..<200 where passes < 3 {
      let harness = try await harness()
      harness.disk.fail(operation, after: skipped)
      var isStruck = false
      do { try await harness.engine.flush() } catch { isStruck = true }
      let place = "\(operation) \(skipped)"
      let during = try await answers(harness)
      #expect(during == expected, "\(place)")
      switch sequel {
      case .retry:
        harness.disk.fail(operation, times: 0)
        harness.clock.advance(seconds: 2)
      case .kill: try harness.restart()
      case .power: try harness.restart(.power)
      }
      let after = try await answers(harness)
      #expect(after == expected, "\(place)")
      try await harness.engine.flush()
      let flushed = try await answers(harness)
      #expect(flushed == expected, "\(place)")
      let found = await ledger(harness)
      #expect(found == counts, "\(place)")
      try harness.restart()
      let restarted = try await answers(harness)
      #expect(restarted == expected, "\(place)")
      if isStruck { strikes += 1 } else { passes += 1 }
    }
    #expect(strikes > 0)
    #expect(passes == 3)
  }

  @Test(arguments: [FaultyDisk.Crash.power, .powerLosingAll, .kill])
  func aCrashAtAnyOperationOfACutChangesNoAnswer(crash: FaultyDisk.Crash) async throws {
    let calm = try await harness()
    let expected = try await answers(calm)
    try await calm.engine.flush()
    let counts = await ledger(calm)
    var strikes = 0
    for operations in 0..<300 {
      let harness = try await harness()
      harness.disk.powerOff(afterOperations: operations)
      var isStruck = false
      do { try await harness.engine.flush() } catch { isStruck = true }
      try harness.restart(crash)
      let after = try await answers(harness)
      #expect(after == expected, "operation \(operations)")
      try await harness.engine.flush()
      let found = await ledger(harness)
      #expect(found == counts, "operation \(operations)")
      if !isStruck { break }
      strikes += 1
    }
    #expect(strikes > 10)
    #expect(strikes < 299)
  }
}
