import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: whatever the disk refuses during a start, the next start without it finds everything.
@Suite struct StartFaultTests {
  private static let base = 1_795_373_300
  private static let queries = [
    "measurement=m&field=*&start=\(base - 200)&end=\(base + 99)",
    "measurement=m&field=*&start=\(base - 240)&end=\(base + 99)&step=60s"
      + "&agg=count,sum,min,max,first,last",
  ]

  /// Rows in two blocks of each of two partitions, in the ring, and open.
  private func harness() async throws -> EngineHarness {
    let harness = try EngineHarness()
    for round in 0..<3 {
      let rows = (0..<40).map { row in
        "m,h=\(row % 4) f=\(row).5,s=\"\(round)\" \(Self.base - 120 + 40 * round + row)\n"
      }
      let reply = try harness.send(rows.joined() + "#ack a\n")
      #expect(reply == "OK a 40 0\n")
      if round < 2 { try await harness.engine.flush() }
    }
    return harness
  }

  private func answers(_ harness: EngineHarness) async throws -> [String] {
    var result: [String] = []
    for query in Self.queries { result.append(try await harness.range(query)) }
    return result
  }

  /// - Parameter times: how many reads fail, one after another.
  @Test(arguments: [1, 3, 1_000])
  func aReadErrorDuringAStartIsForgottenByTheNext(times: Int) async throws {
    let calm = try await harness()
    let expected = try await answers(calm)
    let rows = await calm.engine.ledger()
    let received = rows.reduce(0) { $0 + $1.entry.received }
    for skipped in 0..<1_000 {
      let harness = try await harness()
      // It may fail, or start and tell; what it cuts then is cut without what it could not read.
      let started = try? harness.restart { disk in
        disk.fail(.read, after: skipped, times: times)
      }
      // The start reads no further.
      guard !harness.disk.isWaiting(toFail: .read) else { return #expect(skipped > 20) }
      if started != nil { try? await harness.engine.flush() }
      try harness.restart()
      let after = try await answers(harness)
      #expect(after == expected, "read \(skipped)")
      let ledger = await harness.engine.ledger()
      let isBalanced = ledger.allSatisfy(\.isBalanced)
      #expect(isBalanced, "read \(skipped)")
      let found = ledger.reduce(0) { $0 + $1.entry.received }
      #expect(found == received, "read \(skipped)")
    }
  }

  /// What a start could not read of the log is gone from the answers, but told, and kept.
  @Test func aLogThatStaysUnreadableIsToldOfAndNothingOfItRemoved() async throws {
    let expected = try await answers(try await harness())
    var toldCount = 0
    for skipped in 0..<1_000 {
      let harness = try await harness()
      let started = try? harness.restart { disk in
        disk.fail(.read, after: skipped, times: 1_000)
      }
      guard !harness.disk.isWaiting(toFail: .read) else { break }
      let segments = Set(harness.disk.files.keys.filter { $0.hasSuffix(".segment") })
      if started != nil {
        harness.disk.fail(.read, times: 0)
        let newer = (0..<4).map { "m,h=\($0) f=1 \(Self.base + 120)\n" }.joined()
        _ = try harness.send(newer + "#ack b\n")
        try? await harness.engine.flush()
      }
      try harness.restart()
      let after = try await answers(harness)
      guard after != expected else { continue }
      toldCount += 1
      let damages = started?.damages ?? []
      let isTold = damages.contains { $0.path.contains("/queue/") && $0.severity != .note }
      #expect(isTold, "read \(skipped): \(started == nil) \(damages)")
      let kept = Set(harness.disk.files.keys)
      let isKept = segments.allSatisfy { path in kept.contains { $0.hasPrefix(path) } }
      #expect(isKept, "read \(skipped)")
    }
    #expect((1..<10).contains(toldCount), "\(toldCount)")
  }

  @Test func retriesAfterABlockIsLostAreCountedOnce() async throws {
    let harness = try EngineHarness { $0.partitionCount = 1 }
    let rows = (0..<60).map { "m f=\($0) \(Self.base - 60 + $0)\n" }.joined()
    _ = try harness.send(rows + "#ack a\n")
    try await harness.engine.flush()
    let expected = try await answers(harness)
    let path = try #require(harness.disk.files.keys.first { $0.hasSuffix(".block") })
    try harness.restart { disk in
      disk.damage(path) { bytes in bytes = [UInt8](repeating: 0, count: bytes.count) }
    }
    // The client sends it again: raw rows and windows are what they were.
    _ = try harness.send(rows + "#ack b\n")
    let open = try await answers(harness)
    #expect(open == expected)
    try await harness.engine.flush()
    let cut = try await answers(harness)
    #expect(cut == expected)
  }

  @Test func aDamagedManifestWithoutBlocksIsToldOfOnce() throws {
    let harness = try EngineHarness()
    let directory = DataDirectory("/data")
    let path = directory.partition(1) + "/manifest"
    try harness.restart { disk in
      try disk.replace(path, with: [UInt8](repeating: 7, count: 100))
    }
    #expect(harness.report.damages.contains { $0.path == path && $0.severity == .damage })
    let set = try harness.disk.list(directory.quarantine)
    #expect(set.count == 1)
    try harness.restart()
    #expect(harness.report.damages.isEmpty)
    #expect(try harness.send("m f=1\n#ack a\n") == "OK a 1 0\n")
  }
}
