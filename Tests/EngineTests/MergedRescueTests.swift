import Engine
import Platform
import TestSupport
import Testing

/// Goal: a merged block that is made anew from the log has neither the rows of deletes that came
/// between its cuts nor those of later ones that a merge has carried out, and has what was sent
/// again after a delete, also when it is made in parts.
@Suite struct MergedRescueTests {
  private static func fill(_ harness: EngineHarness) async throws {
    let start: Int64 = 1_795_373_000
    for cut in 0..<6 {
      _ = try harness.send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
      try await harness.engine.flush()
      let deleted = (start + Int64(cut) * 10 - 6) * DeleteInterplayTests.second
      if cut == 1 || cut == 2 {
        try await DeleteInterplayTests.delete(
          cut == 1 ? "m{h=\"a\"}" : "m",
          deleted,
          deleted + 9 * DeleteInterplayTests.second,
          in: [harness]
        )
      }
      if cut == 3 { _ = try harness.send("m,h=a f=99.5,i=1i \(start + 5)\n#ack c\n") }
      try harness.settle(steps: 60)
    }
    try await DeleteInterplayTests.delete(
      "m{h=\"b\"}",
      (start + 30) * DeleteInterplayTests.second,
      (start + 33) * DeleteInterplayTests.second,
      in: [harness]
    )
    try harness.settle(steps: 60)
  }

  @Test(arguments: [nil, 1] as [Int?])
  func deletesHoldInAMergedBlockThatIsMadeAnew(openRows: Int?) async throws {
    let source = try BackgroundCompactionTests.harness(.background)
    try await Self.fill(source)
    let answers = try await BackgroundCompactionTests.answers(source)
    let ledger = await source.engine.ledger().map(\.entry)
    try source.kill()
    let merged = source.disk.files.keys.filter { $0.hasSuffix(".block") && $0.contains("-1") }
    try #require(merged.contains { $0.hasSuffix("-1.block") })
    for path in source.disk.files.keys.sorted() where path.hasSuffix(".block") {
      let disk = source.disk.copy(seed: 1)
      try disk.remove(path)
      let harness = try EngineHarness(on: disk) { configuration in
        configuration.compaction.mode = .none
        if let openRows { configuration.openRowByteCountMax = openRows }
      }
      for _ in 0..<2 {
        #expect(try await BackgroundCompactionTests.answers(harness) == answers, "\(path)")
        #expect(await harness.engine.ledger().map(\.entry) == ledger, "\(path)")
        #expect(harness.damages.isEmpty, "\(path)")
        try harness.restart(.powerLosingAll)
      }
    }
  }
}
