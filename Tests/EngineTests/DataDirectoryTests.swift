import Engine
import Logging
import Platform
import TestSupport
import Testing

/// Goal: a data directory is ours alone, and a foreign one is never taken over.
@Suite struct DataDirectoryTests {
  @Test func theIdentityFileNeverChanges() throws {
    let golden = try Fixtures.bytes("format-v1/directory.identity")
    #expect(
      DataDirectory.encodeIdentity(partitionCount: 8, createdAt: 1_700_000_000_000_000_000)
        == golden
    )
    #expect(try DataDirectory.decodeIdentity(golden).get() == 8)
  }

  @Test func everyFlippedBitOfTheIdentityIsNoticed() throws {
    let golden = try Fixtures.bytes("format-v1/directory.identity")
    for bit in 0..<golden.count * 8 {
      let found = try? DataDirectory.decodeIdentity(golden.flipping(bit: bit)).get()
      #expect(found == nil, "bit \(bit)")
    }
  }

  @Test func aDirectoryInUseIsRefused() throws {
    let disk = FaultyDisk(seed: 1)
    let first = try EngineHarness.engine(on: disk)
    _ = try first.start()
    #expect(throws: EngineError.self) { _ = try EngineHarness.engine(on: disk) }
    try first.stop()
    _ = try EngineHarness.engine(on: disk)
  }

  @Test func aDirectoryOfSomebodyElseIsRefused() {
    let disk = FaultyDisk(seed: 1, files: ["/data/holiday.jpg": [1, 2, 3]])
    #expect(throws: EngineError.self) { _ = try EngineHarness.engine(on: disk) }
  }
}
