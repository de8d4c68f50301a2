import Cold
import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: on a full disk what makes room does not need room that there is not.
@Suite struct RoomTests {
  private static let hour = RetentionTests.hour
  private static let reserve = "/data/reserve"

  private func harness(on disk: FaultyDisk, age: Int64) throws -> EngineHarness {
    try EngineHarness(on: disk, now: RetentionTests.start + 9 * Self.hour) { configuration in
      configuration.diskReserveByteCount = 256 << 10
      configuration.ringExtentByteCount = 4_096
      configuration.compaction.mode = .none
      configuration.retention.ageNanoseconds = age
    }
  }

  @Test func retentionMakesRoomOnAFullDisk() async throws {
    let disk = FaultyDisk(seed: 1)
    let filling = try harness(on: disk, age: 0)
    for hour in 0..<8 {
      let time = RetentionTests.start + Int64(hour) * Self.hour
      let lines = (0..<20).map { "m,h=\($0) f=\($0).5 \(time)\n" }.joined()
      #expect(try filling.send(lines + "#ack a\n") == "OK a 20 0\n")
      try await filling.engine.flush()
    }
    try filling.settle(steps: 60)
    try filling.kill()
    disk.limitFreeSpace(to: 0)
    let harness = try harness(on: disk, age: 3 * Self.hour)
    #expect(disk.files[Self.reserve]?.count == 256 << 10)
    // Nothing waits to be cut: nobody but retention can make room.
    try harness.settle(steps: 60)
    let removed = try #require(harness.engine.metrics().retention.removed["age"])
    #expect(removed.blockCount > 0)
    #expect(try await RetentionTests.raw(harness, "m") == 4 * 20)
    disk.limitFreeSpace(to: nil)
    let report = try harness.restart()
    #expect(report.damages.filter { $0.severity != .note }.isEmpty)
    #expect(harness.damages.isEmpty)
  }

  @Test func movingMakesRoomOnAFullDisk() async throws {
    let other = FaultyDisk(seed: 2)
    let store = DirectoryStore(disk: other, path: "/cold")
    let harness = try await ColdTierTests.harness(objectStore: store) { configuration in
      ColdTierTests.configure(&configuration)
      configuration.diskReserveByteCount = 256 << 10
    }
    let expected = try await harness.range(ColdTierTests.queries[0])
    harness.disk.limitFreeSpace(to: 0)
    try ColdTierTests.age(harness)
    #expect(harness.engine.metrics().cold.moveCount > 0)
    #expect(!other.files.isEmpty)
    #expect(try ColdTierTests.names(harness.disk, ".block").isEmpty)
    #expect(try await harness.range(ColdTierTests.queries[0]) == expected)
  }
}
