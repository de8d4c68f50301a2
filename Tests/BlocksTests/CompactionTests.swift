import Blocks
import Codecs
import Model
import Platform
import TestSupport
import Testing

/// Goal: compaction changes no point that a reader sees, whatever crashes; offsets tile before and
/// after; what is done once is not done again.
@Suite struct CompactionTests {
  /// One point as a reader of the partition sees it.
  struct Key: Hashable {
    var tenant: TenantID
    var series: SeriesID
    var field: FieldID
    var timestamp: Timestamp
  }

  /// All points of the blocks that the manifest names: later groups and later blocks win.
  static func points(_ disk: any Disk) throws -> [Key: [UInt8]] {
    let store = ManifestTests.store(disk)
    var points: [Key: [UInt8]] = [:]
    for block in try store.load().manifest.blocks {
      let reader = try BlockReader.open(disk: disk, path: store.path(of: block))
      for entry in try reader.entries() {
        let batch = try reader.all(entry)
        for column in batch.columns {
          for (row, timestamp) in batch.timestamps.enumerated() {
            let cell = column.cells[row]
            let value =
              column.type == .string
              ? Array(batch.strings.slice(cell) ?? [])
              : (0..<8).map { UInt8(truncatingIfNeeded: cell >> UInt64(8 * $0)) }
            let key = Key(
              tenant: block.identity.tenant,
              series: entry.series,
              field: column.field,
              timestamp: timestamp
            )
            points[key] = value
          }
        }
      }
    }
    return points
  }

  static func compactor(
    _ disk: any Disk,
    _ policy: CompactionPolicy = .offline
  ) -> PartitionCompactor {
    PartitionCompactor(
      disk: disk,
      directory: "partition",
      partition: PartitionID(3),
      policy: policy
    )
  }

  @Test(arguments: UInt64(1)...6, [ChunkStrength.young, .cold])
  func noPointChangesAndOffsetsTile(seed: UInt64, strength: ChunkStrength) throws {
    let disk = FaultyDisk(seed: seed)
    let before = try ManifestTests.populate(disk, cutCount: 5, seed: seed)
    let points = try Self.points(disk)
    let policy = CompactionPolicy(strength: strength, rowsPerGroupMax: 1 + Int(seed) * 20)
    let progress = try Self.compactor(disk, policy).run()
    #expect(progress.stepsDone == 1)
    let after = try ManifestTests.store(disk).load()
    #expect(after.damages == [])
    #expect(after.leftovers == [])
    #expect(try Self.points(disk) == points)
    #expect(after.manifest.ledger == before.ledger)
    #expect(after.manifest.nextOffset == before.nextOffset)
    #expect(after.manifest.blocks.allSatisfy { $0.identity.strength == strength })
    #expect(after.manifest.blocks.map(\.identity.a).min() == before.blocks[0].identity.a)
    #expect(after.manifest.blocks.map(\.identity.b).max() == before.nextOffset)
    for block in after.manifest.blocks {
      let path = ManifestTests.store(disk).path(of: block)
      #expect(BlockChecker.check(disk: disk, path: path, expected: block) == [])
    }
  }

  @Test func theSecondTimeChangesNothing() throws {
    let disk = FaultyDisk(seed: 2)
    _ = try ManifestTests.populate(disk, cutCount: 4, seed: 2)
    _ = try Self.compactor(disk).run()
    let files = disk.files
    #expect(try Self.compactor(disk).run().stepCount == 0)
    #expect(disk.files == files)
  }

  @Test func newCutsBehindMergedBlocksAreMergedByThemselves() throws {
    let disk = FaultyDisk(seed: 5)
    var manifest = try ManifestTests.populate(disk, cutCount: 3, seed: 5)
    _ = try Self.compactor(disk).run()
    manifest = try ManifestTests.store(disk).load().manifest
    var random = SeededRandom(seed: 5)
    for _ in 0..<2 { manifest = try ManifestTests.cut(manifest, disk, tenants: 2, &random) }
    let points = try Self.points(disk)
    let merged = Set(manifest.blocks.filter { $0.identity.strength == .cold })
    _ = try Self.compactor(disk).run()
    let after = try ManifestTests.store(disk).load().manifest
    #expect(merged.isSubset(of: Set(after.blocks)))
    #expect(try Self.points(disk) == points)
    #expect(after.blocks.allSatisfy { $0.identity.strength == .cold })
  }

  @Test(arguments: [FaultyDisk.Crash.power, .powerLosingAll, .kill], UInt64(1)...2)
  func aCrashAtAnyOperationLosesNothingAndCanGoOn(crash: FaultyDisk.Crash, seed: UInt64) throws {
    let start = FaultyDisk(seed: seed)
    _ = try ManifestTests.populate(start, cutCount: 3, seed: seed)
    let points = try Self.points(start)
    let probe = start.copy(seed: seed)
    let first = probe.operationCount
    _ = try Self.compactor(probe).run()
    let operationCount = probe.operationCount - first
    #expect(operationCount > 10)
    let done = try ManifestTests.store(probe).load().manifest
    for operations in 0...operationCount {
      let disk = start.copy(seed: seed &* 1_000 &+ UInt64(operations))
      disk.powerOff(afterOperations: operations)
      _ = try? Self.compactor(disk).run()
      disk.crash(crash)
      let store = ManifestTests.store(disk)
      let loaded = try store.load()
      #expect(!loaded.wasRebuilt)
      #expect(loaded.damages == [], "after \(operations) operations")
      #expect(try Self.points(disk) == points, "after \(operations) operations")

      _ = try Self.compactor(disk).run()
      #expect(try store.load().manifest == done)
      #expect(try Self.points(disk) == points)
      #expect(try disk.list(store.blocksDirectory).count == done.blocks.count)
    }
  }

  @Test func aManifestLostAfterAnyCrashIsRebuiltWithoutDoubles() throws {
    let start = FaultyDisk(seed: 9)
    let before = try ManifestTests.populate(start, cutCount: 3, seed: 9)
    let points = try Self.points(start)
    let probe = start.copy(seed: 9)
    let first = probe.operationCount
    _ = try Self.compactor(probe).run()
    for operations in 0...probe.operationCount - first {
      let disk = start.copy(seed: UInt64(operations) + 70)
      disk.powerOff(afterOperations: operations)
      _ = try? Self.compactor(disk).run()
      disk.crash(.power)
      let store = ManifestTests.store(disk)
      disk.damage(store.path) { $0 = [] }
      let loaded = try store.load()
      #expect(loaded.wasRebuilt)
      #expect(loaded.manifest.nextOffset == before.nextOffset, "after \(operations)")
      #expect(loaded.manifest.ledger == before.ledger)
      try store.commit(loaded.manifest)
      #expect(try Self.points(disk) == points, "after \(operations) operations")
    }
  }

  @Test func aDamagedInputIsLeftAlone() throws {
    let disk = FaultyDisk(seed: 4)
    let before = try ManifestTests.populate(disk, cutCount: 3, seed: 4)
    let store = ManifestTests.store(disk)
    disk.flip(bit: 8 * 100, of: store.path(of: before.blocks[1]))
    #expect(throws: CompactionError.self) { try Self.compactor(disk).run() }
    let loaded = try store.load()
    #expect(loaded.manifest == before)
    #expect(try disk.list(store.blocksDirectory).count == before.blocks.count)
  }

  @Test func stepsAreBoundedAndEndAtMergedBlocks() {
    func block(_ a: UInt64, _ cut: UInt64, _ strength: ChunkStrength = .head) -> BlockSummary {
      BlockSummary(
        identity: BlockIdentity(
          partition: PartitionID(3),
          tenant: TenantID(0),
          epoch: Epoch(1),
          a: Offset(a),
          b: Offset(a + 10),
          cut: cut,
          strength: strength
        ),
        byteCount: 100,
        groupCount: 1,
        rowCount: 1,
        pointCount: 1,
        firstTimestamp: 1,
        lastTimestamp: 1
      )
    }
    let blocks = [
      block(0, 1), block(10, 2), block(20, 3, .cold), block(30, 4), block(40, 5), block(50, 6),
      block(70, 7),
    ]
    let policy = CompactionPolicy(
      strength: .cold,
      rowsPerGroupMax: 10,
      inputByteCountMax: 200,
      cutCountMin: 1
    )
    let steps = CompactionPlan.steps(for: blocks, policy).map { $0.inputs.map(\.identity.cut) }
    #expect(steps == [[1, 2], [4, 5], [6], [7]])
  }

  /// What blocks of the manifest hold, group by group.
  private func groups(_ disk: any Disk) throws -> [(entry: ChunkGroupEntry, bytes: [UInt8])] {
    let store = ManifestTests.store(disk)
    var groups: [(entry: ChunkGroupEntry, bytes: [UInt8])] = []
    for block in try store.load().manifest.blocks {
      let path = store.path(of: block)
      let file = try disk.read(path, byteCountMax: 1 << 24)
      for entry in try BlockReader.open(disk: disk, path: path).entries() {
        groups.append((entry, Array(file[entry.offset..<entry.offset + entry.byteCount])))
      }
    }
    return groups
  }

  @Test(arguments: UInt64(1)...8)
  func noPointChangesWhereGroupsAreCopied(seed: UInt64) throws {
    let disk = FaultyDisk(seed: seed)
    _ = try ManifestTests.populate(disk, cutCount: 5, seed: seed)
    let points = try Self.points(disk)
    let policy = CompactionPolicy(
      strength: .young,
      rowsPerGroupMax: 64,
      rowsPerCopiedGroupMin: 2
    )
    _ = try Self.compactor(disk, policy).run()
    #expect(try Self.points(disk) == points)
    let store = ManifestTests.store(disk)
    for block in try store.load().manifest.blocks {
      let path = store.path(of: block)
      #expect(BlockChecker.check(disk: disk, path: path, expected: block) == [])
    }
  }

  /// A cut of one series with rows of a second from `start` on.
  private func cut(
    _ manifest: Manifest,
    _ disk: any Disk,
    start: Int,
    rowCount: Int
  ) throws -> Manifest {
    let cut = manifest.cut + 1
    let identity = BlockSample.identity(
      cut: cut,
      a: manifest.nextOffset.rawValue,
      b: manifest.nextOffset.rawValue + 10
    )
    var group = SampleGroup(series: SeriesID(5), fieldSet: FieldSetID(1), batch: ColumnBatch())
    group.batch.timestamps = (start..<start + rowCount).map {
      Timestamp($0) * Nanoseconds.perSecond
    }
    let cells = (0..<rowCount).map { (Double((start + $0) % 77) / 10).bitPattern }
    group.batch.columns.append(ColumnBatch.Column(field: FieldID(3), type: .float, cells: cells))
    var next = manifest
    let directory = ManifestTests.store(disk).blocksDirectory
    next.blocks.append(
      try BlockSample.write([group], to: disk, identity: identity, directory: directory)
    )
    next.cut = cut
    next.nextOffset = Offset(identity.b.rawValue)
    return next
  }

  /// Rows of each cut, one behind the other; then of one that begins inside of the last.
  @Test(arguments: [
    (false, [250, 512, 512, 286, 300]),
    (true, [250, 512, 512, 512, 274]),
  ])
  func smallGroupsAreMergedAroundLargeOnes(overlaps: Bool, expected: [Int]) throws {
    let disk = FaultyDisk(seed: 1)
    let store = ManifestTests.store(disk)
    try store.prepare()
    var manifest = Manifest(partition: ManifestTests.partition)
    var start = 1_000
    for rowCount in [250, 30, 30, 300, 150, 60, 700, 40, 300] {
      manifest = try cut(manifest, disk, start: start, rowCount: rowCount)
      start += rowCount
    }
    if overlaps { manifest = try cut(manifest, disk, start: start - 20, rowCount: 220) }
    try store.commit(manifest)
    let points = try Self.points(disk)
    let before = try groups(disk)
    let policy = CompactionPolicy(
      strength: .young,
      rowsPerGroupMax: 512,
      rowsPerCopiedGroupMin: 200
    )
    _ = try Self.compactor(disk, policy).run()
    #expect(try Self.points(disk) == points)
    let after = try groups(disk)
    #expect(after.map(\.entry.rowCount) == expected)
    #expect(after[0].bytes == before[0].bytes)
    if !overlaps { #expect(after[4].bytes == before[8].bytes) }
    let block = try #require(try store.load().manifest.blocks.first)
    #expect(BlockChecker.check(disk: disk, path: store.path(of: block), expected: block) == [])
  }
}
