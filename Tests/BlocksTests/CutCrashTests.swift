import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Goal: a crash at any operation of a cut leaves the partition before it or after it, and a full
/// disk leaves it before it. Method: count the operations, then crash after each number of them.
@Suite struct CutCrashTests {
  @Test(arguments: [FaultyDisk.Crash.power, .powerLosingAll, .kill], UInt64(1)...5)
  func aCrashLeavesAllOfACutOrNothing(crash: FaultyDisk.Crash, seed: UInt64) throws {
    let start = FaultyDisk(seed: seed)
    let before = try ManifestTests.populate(start, cutCount: 2, seed: seed)
    // As after a restart: nothing is open, everything is durable.
    let probe = start.copy(seed: seed)
    let first = probe.operationCount
    let after = try cut(before, probe, seed)
    let operationCount = probe.operationCount - first
    #expect(operationCount > 10)

    var outcomes: Set<UInt64> = []
    for operations in 0...operationCount {
      let disk = start.copy(seed: seed &* 1_000 &+ UInt64(operations))
      disk.powerOff(afterOperations: operations)
      let result = Result { try cut(before, disk, seed) }
      #expect((try? result.get()) == (operations == operationCount ? after : nil))
      disk.crash(crash)

      let store = ManifestTests.store(disk)
      let loaded = try store.load()
      #expect(loaded.wasRebuilt == false)
      #expect(loaded.damages == [], "after \(operations) operations")
      #expect(loaded.manifest == before || loaded.manifest == after)
      outcomes.insert(loaded.manifest.cut)
      if operations == operationCount { #expect(loaded.manifest == after) }
      for block in loaded.manifest.blocks {
        let path = store.path(of: block)
        #expect(BlockChecker.check(disk: disk, path: path, expected: block) == [])
      }

      // And the same cut goes through after the restart.
      try store.remove(loaded.leftovers)
      if loaded.manifest == before {
        #expect(try cut(before, disk, seed) == after)
        #expect(try store.load().leftovers == [])
      }
      #expect(store.check() == [])
    }
    #expect(outcomes == [before.cut, after.cut])
  }

  @Test func aLostManifestAfterAnyCrashIsRebuiltToOneOfBoth() throws {
    let start = FaultyDisk(seed: 3)
    let before = try ManifestTests.populate(start, cutCount: 2, seed: 3)
    let probe = start.copy(seed: 3)
    let first = probe.operationCount
    let after = try cut(before, probe, 3)
    for operations in 0...probe.operationCount - first {
      let disk = start.copy(seed: UInt64(operations) + 7)
      disk.powerOff(afterOperations: operations)
      _ = try? cut(before, disk, 3)
      disk.crash(.power)
      let store = ManifestTests.store(disk)
      disk.damage(store.path) { $0 = [] }
      let loaded = try store.load()
      #expect(loaded.wasRebuilt)
      #expect([before.blocks, after.blocks].contains(loaded.manifest.blocks))
      #expect([before.nextOffset, after.nextOffset].contains(loaded.manifest.nextOffset))
    }
  }

  @Test func aFullDiskIsAnErrorAndCostsNothing() throws {
    let start = FaultyDisk(seed: 1)
    let before = try ManifestTests.populate(start, cutCount: 2)
    let probe = start.copy(seed: 1)
    let used = probe.files.values.reduce(0) { $0 + $1.count }
    let after = try cut(before, probe, 1)
    let needed = probe.files.values.reduce(0) { $0 + $1.count } - used
    for free in stride(from: 0, to: needed, by: 97) {
      let disk = start.copy(seed: 1)
      disk.limitFreeSpace(to: free)
      do {
        _ = try cut(before, disk, 1)
        Issue.record("\(free) bytes were enough for \(needed)")
      } catch let error as SystemError {
        #expect(error.isDiskFull)
      }
      disk.limitFreeSpace(to: nil)
      let store = ManifestTests.store(disk)
      let loaded = try store.load()
      #expect(loaded.manifest == before)
      try store.remove(loaded.leftovers)
      #expect(try cut(before, disk, 1) == after)
    }
  }

  @Test func aFailedSyncOrRenameCommitsNothing() throws {
    for (operation, count) in [(FaultyDisk.Operation.sync, 6), (.name, 6)] {
      for skipped in 0..<count {
        let disk = FaultyDisk(seed: 1)
        let before = try ManifestTests.populate(disk, cutCount: 1)
        disk.fail(operation, after: skipped)
        guard (try? cut(before, disk, 1)) == nil else { continue }
        disk.fail(operation, times: 0)
        disk.crash(.powerLosingAll)
        let loaded = try ManifestTests.store(disk).load()
        #expect(loaded.damages == [])
        #expect(loaded.manifest == before, "\(operation) \(skipped)")
      }
    }
  }

  @Test func anAbandonedBlockLeavesNothing() throws {
    let disk = FaultyDisk()
    try disk.createDirectory("blocks")
    let writer = try BlockWriter(
      disk: disk,
      directory: "blocks",
      identity: BlockSample.identity()
    )
    #expect(try disk.list("blocks").count == 1)
    writer.abandon()
    #expect(try disk.list("blocks") == [])
  }

  @Test func aTemporaryFileOfAnEarlierCrashIsWrittenOver() throws {
    let disk = FaultyDisk()
    let groups = BlockSample.groups(seriesCount: 2, seed: 1)
    let name = BlockSample.identity().fileName
    try disk.createDirectory(BlockSample.directory)
    let path = Path.join(BlockSample.directory, name)
    try disk.append(to: path + ".tmp").append(Array(repeating: 7, count: 10_000))
    let summary = try BlockSample.write(groups, to: disk)
    #expect(BlockChecker.check(disk: disk, path: path, expected: summary) == [])
  }

  private func cut(_ before: Manifest, _ disk: any Disk, _ seed: UInt64) throws -> Manifest {
    var random = SeededRandom(seed: seed)
    return try ManifestTests.cut(before, disk, tenants: 2, &random)
  }
}
