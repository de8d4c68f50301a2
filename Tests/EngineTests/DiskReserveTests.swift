import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: on a full disk rows still become blocks, and the log goes on by itself when there is room.
@Suite struct DiskReserveTests {
  private static let path = "/data/reserve"
  private static let base: Int64 = 1_795_373_300
  private static let query = "measurement=m&field=*&start=\(base - 200)&end=\(base + 99)"

  private func harness(on disk: FaultyDisk = FaultyDisk()) throws -> EngineHarness {
    try EngineHarness(on: disk) { configuration in
      configuration.diskReserveByteCount = 256 << 10
      configuration.ringExtentByteCount = 4_096
    }
  }

  private func rows(_ range: Range<Int64>) -> String {
    range.map { "m,h=\($0 % 5) f=\($0).5,s=\"\($0)\" \(Self.base - 90 + $0)\n" }.joined()
  }

  /// Sends until it is acknowledged, at most ten seconds.
  private func again(_ harness: EngineHarness, _ text: String) throws -> String {
    var reply = ""
    for _ in 0..<10 where !reply.hasPrefix("OK") {
      harness.clock.advance(seconds: 1)
      reply = try harness.send(text)
    }
    return reply
  }

  @Test func aCutOnAFullDiskTakesTheReserveAndWritesWaitForItsReturn() async throws {
    let harness = try harness()
    #expect(harness.disk.files[Self.path]?.count == 256 << 10)
    #expect(try harness.send(rows(0..<40) + "#ack a\n") == "OK a 40 0\n")
    let expected = try await harness.range(Self.query)
    harness.disk.limitFreeSpace(to: 100)
    let refused = try harness.send(rows(40..<80) + "#ack b\n")
    #expect(refused.hasPrefix("FAIL b the disk is full"), "\(refused)")
    // The full disk has asked for a cut, and the cut for the reserve.
    try await harness.engine.flush()
    #expect(harness.disk.files[Self.path] == nil)
    #expect(harness.disk.files.keys.contains { $0.hasSuffix(".block") })
    let during = try await harness.range(Self.query)
    #expect(during == expected)
    // What the cut has left over is not the log's.
    harness.clock.advance(seconds: 2)
    #expect(try harness.send(rows(40..<80) + "#ack c\n").hasPrefix("FAIL c"))
    try harness.restart()
    let after = try await harness.range(Self.query)
    #expect(after == expected)
    harness.disk.limitFreeSpace(to: nil)
    #expect(try again(harness, rows(40..<80) + "#ack d\n") == "OK d 40 0\n")
    #expect(harness.disk.files[Self.path]?.count == 256 << 10)
  }

  @Test func aFullDiskMakesRoomByCutting() async throws {
    let harness = try harness()
    let text = (Int64(0)..<400).map {
      "m,h=1 s=\"\(String(repeating: "x", count: 300))\" \(Self.base - 90 + $0 / 4)\($0 % 4)00\n"
    }.joined()
    #expect(try harness.send(text + "#ack a\n").hasPrefix("OK a 400"))
    let before = harness.disk.files.filter { $0.key.hasSuffix(".segment") }.values.map(\.count)
    harness.disk.limitFreeSpace(to: 0)
    #expect(try harness.send(rows(0..<40) + "#ack b\n").hasPrefix("FAIL b"))
    // Nobody asked for a cut, and no space came back from outside.
    try harness.settle(steps: 50)
    #expect(try again(harness, rows(0..<40) + "#ack c\n") == "OK c 40 0\n")
    let after = harness.disk.files.filter { $0.key.hasSuffix(".segment") }.values.map(\.count)
    #expect(after.reduce(0, +) < before.reduce(0, +))
  }

  @Test(arguments: [false, true])
  func aDeleteOnAFullDiskIsTakenAndGivesItsSpaceBack(isKnownToBeFull: Bool) async throws {
    let harness = try EngineHarness { configuration in
      configuration.diskReserveByteCount = 256 << 10
      configuration.ringExtentByteCount = 4_096
      // Blocks are made anew for deletes alone.
      configuration.compaction.cutCount = 100
    }
    var random = SeededRandom(seed: 7)
    #expect(try harness.send(rows(0..<40) + "#ack a\n") == "OK a 40 0\n")
    for cut in Int64(0)..<3 {
      let large = (Int64(0)..<400).map { row in
        let noise = (0..<60).map { _ in
          String(UInt64.random(in: 0..<1 << 60, using: &random), radix: 36)
        }.joined()
        return "large,h=1 s=\"\(noise)\" \((Self.base - 90 + cut) * 1_000_000_000 + row)\n"
      }.joined()
      #expect(try harness.send(large + "#ack b\n") == "OK b 400 0\n")
      try await harness.engine.flush()
    }
    func blockByteCount() -> Int {
      harness.disk.files.reduce(0) { $0 + ($1.key.hasSuffix(".block") ? $1.value.count : 0) }
    }
    let expected = try await harness.range(Self.query)
    let before = blockByteCount()
    #expect(before > 400_000)
    harness.disk.limitFreeSpace(to: 0)
    if isKnownToBeFull {
      #expect(try harness.send(rows(40..<80) + "#ack c\n").hasPrefix("FAIL c the disk is full"))
    }
    let items = EngineHarness.items("match[]=large")
    #expect(try await harness.engine.deleteSeries(items, tenant: "default") == 1)
    let gone = "measurement=large&field=*&start=\(Self.base - 200)&end=\(Self.base + 99)"
    #expect(try await harness.range(gone).contains(#""series":[]"#))
    #expect(try await harness.range(Self.query) == expected)
    try harness.restart(.power)
    #expect(try await harness.range(gone).contains(#""series":[]"#))
    try harness.settle(steps: 200)
    #expect(blockByteCount() < before / 10)
    #expect(try again(harness, rows(40..<80) + "#ack d\n") == "OK d 40 0\n")
    #expect(harness.disk.files[Self.path]?.count == 256 << 10)
    #expect(harness.damages.isEmpty)
  }

  @Test func aDirectoryOnAFullDiskStartsWithoutAReserve() async throws {
    let calm = try harness()
    _ = try calm.send(rows(0..<40) + "#ack a\n")
    let expected = try await calm.range(Self.query)
    try calm.kill()
    let disk = calm.disk.copy(seed: 2)
    try disk.remove(Self.path)
    disk.limitFreeSpace(to: 0)
    let harness = try harness(on: disk)
    let during = try await harness.range(Self.query)
    #expect(during == expected)
    #expect(try harness.send(rows(40..<80) + "#ack b\n").hasPrefix("FAIL b"))
    harness.disk.limitFreeSpace(to: nil)
    #expect(try again(harness, rows(40..<80) + "#ack c\n") == "OK c 40 0\n")
  }
}
