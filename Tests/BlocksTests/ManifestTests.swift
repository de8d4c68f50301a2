import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Goal: a manifest comes back as it was committed, or is made anew from the blocks.
@Suite struct ManifestTests {
  static let partition = PartitionID(3)

  static func store(_ disk: any Disk) -> ManifestStore {
    ManifestStore(disk: disk, directory: "partition", partition: partition)
  }

  static func decode(_ bytes: [UInt8]) throws(BlockError) -> Manifest { try Manifest(bytes.span) }

  /// A partition of `cutCount` committed cuts, each with blocks of one to three tenants.
  static func populate(_ disk: any Disk, cutCount: Int, seed: UInt64 = 1) throws -> Manifest {
    var random = SeededRandom(seed: seed)
    let store = store(disk)
    try store.prepare()
    var manifest = Manifest(partition: partition)
    for _ in 0..<cutCount {
      manifest = try cut(manifest, disk, tenants: Int.random(in: 1...3, using: &random), &random)
    }
    return manifest
  }

  /// Makes the next cut: blocks, then the manifest.
  static func cut(
    _ manifest: Manifest,
    _ disk: any Disk,
    tenants: Int,
    epoch: UInt32 = 1,
    _ random: inout SeededRandom
  ) throws -> Manifest {
    let store = store(disk)
    let rowCount = UInt64.random(in: 1...20, using: &random)
    var next = manifest
    next.cut += 1
    next.epoch = Epoch(epoch)
    next.nextOffset = manifest.nextOffset.advanced(by: rowCount)
    var entry = LedgerEntry(tenant: TenantID(0), measurement: MeasurementID(1))
    entry.received = next.nextOffset.rawValue
    next.ledger = [entry]
    for index in 0..<tenants {
      let identity = BlockSample.identity(
        cut: next.cut,
        a: manifest.nextOffset.rawValue,
        b: next.nextOffset.rawValue,
        tenant: UInt32(index * 5),
        index: UInt32(index),
        count: UInt32(tenants),
        epoch: epoch
      )
      next.blocks.append(
        try BlockSample.write(
          BlockSample.groups(seriesCount: 2, seed: random.next(), rowCountMax: 5),
          to: disk,
          identity: identity,
          ledger: next.ledger,
          directory: store.blocksDirectory
        )
      )
    }
    next.ringProgress = [RingProgress(hour: 472_222, byteCount: next.nextOffset.rawValue)]
    try store.commit(next)
    return next
  }

  @Test func aNewPartitionIsEmpty() throws {
    let disk = FaultyDisk()
    let store = Self.store(disk)
    try store.prepare()
    let loaded = try store.load()
    #expect(loaded.manifest == Manifest(partition: Self.partition))
    // The catalog's version stands at the end, where earlier manifests end.
    let known = Manifest(partition: Self.partition, cut: 2, catalogVersion: 1 << 40)
    #expect(try Self.decode(known.encoded()) == known)
    let unknown = Manifest(partition: Self.partition, cut: 2)
    #expect(known.encoded().count == unknown.encoded().count + 8)
    #expect(loaded.wasRebuilt == false)
    #expect(loaded.damages == [])
    #expect(store.check() == [])
  }

  @Test func whatWasCommittedIsLoaded() throws {
    let disk = FaultyDisk()
    let manifest = try Self.populate(disk, cutCount: 5)
    let loaded = try Self.store(disk).load()
    #expect(loaded.manifest == manifest)
    #expect(loaded.damages == [])
    #expect(loaded.leftovers == [])
    #expect(Self.store(disk).check() == [])
    #expect(try Self.decode(manifest.encoded()) == manifest)
  }

  @Test(arguments: UInt64(1)...20)
  func theRebuiltManifestEqualsTheOriginal(seed: UInt64) throws {
    let disk = FaultyDisk()
    var manifest = try Self.populate(disk, cutCount: Int(seed % 7) + 1, seed: seed)
    let store = Self.store(disk)
    if seed % 2 == 0 {
      try disk.remove(store.path)
    } else {
      disk.flip(bit: Int(seed) * 8, of: store.path)
    }
    let loaded = try store.load()
    // Whether the ring is whole, blocks cannot tell.
    manifest.ringProgress = []
    #expect(loaded.manifest == manifest)
    #expect(loaded.wasRebuilt)
    #expect(loaded.damages.count == 1)
    #expect(loaded.leftovers == [])
    #expect(loaded.doubtful == [])
    try store.commit(loaded.manifest)
    #expect(store.check() == [])
  }

  @Test func aCutWithoutAllItsBlocksIsLeftOut() throws {
    let disk = FaultyDisk()
    var random = SeededRandom(seed: 5)
    let before = try Self.populate(disk, cutCount: 3)
    let store = Self.store(disk)
    let after = try Self.cut(before, disk, tenants: 3, &random)
    try disk.remove(store.path)
    try disk.remove(store.path(of: after.blocks[after.blocks.count - 1]))
    let loaded = try store.load()
    #expect(loaded.manifest.blocks == before.blocks)
    #expect(loaded.manifest.nextOffset == before.nextOffset)
    #expect(loaded.manifest.cut == before.cut)
    #expect(loaded.manifest.ledger == before.ledger)
    // Perhaps it was committed and lost a block: nobody may remove the rest.
    #expect(loaded.leftovers == [])
    #expect(
      loaded.doubtful == after.blocks.dropFirst(before.blocks.count).dropLast().map(store.path)
    )
  }

  @Test func aLostBlockInTheMiddleIsReportedWithItsOffsets() throws {
    let disk = FaultyDisk()
    var random = SeededRandom(seed: 5)
    var manifest = try Self.populate(disk, cutCount: 2)
    let store = Self.store(disk)
    manifest = try Self.cut(manifest, disk, tenants: 1, &random)
    let lost = try #require(manifest.blocks.last)
    manifest = try Self.cut(manifest, disk, tenants: 2, &random)
    try disk.remove(store.path(of: lost))

    let range = "\(lost.identity.a.rawValue) ..< \(lost.identity.b.rawValue)"
    let sound = try store.load()
    #expect(sound.manifest == manifest)
    #expect(sound.damages.map(\.what) == ["block is missing"])
    #expect(sound.damages[0].range.contains("offsets \(range) of partition 3"))

    try disk.remove(store.path)
    let rebuilt = try store.load()
    #expect(rebuilt.manifest.blocks == manifest.blocks.filter { $0 != lost })
    #expect(rebuilt.manifest.nextOffset == manifest.nextOffset)
    #expect(rebuilt.damages.contains { $0.what == "no block holds offsets \(range)" })
  }

  @Test func leftoversOfACutThatWasNotCommittedAreToldAndRemoved() throws {
    let disk = FaultyDisk()
    var random = SeededRandom(seed: 6)
    let manifest = try Self.populate(disk, cutCount: 2)
    let store = Self.store(disk)
    let abandoned = try Self.cut(manifest, disk, tenants: 2, &random)
    try store.commit(manifest)
    _ = try disk.append(to: Path.join(store.blocksDirectory, "x.block.tmp"))
    _ = try disk.append(to: Path.join(store.blocksDirectory, "notes.txt"))
    let loaded = try store.load()
    #expect(loaded.manifest == manifest)
    #expect(loaded.leftovers.count == abandoned.blocks.count - manifest.blocks.count + 1)
    #expect(loaded.damages.map(\.severity) == [.note])
    try store.remove(loaded.leftovers)
    #expect(try store.load().leftovers == [])
    #expect(store.check().allSatisfy { $0.severity == .note })
  }

  @Test func theWritingOfTheNewerEpochCounts() throws {
    let disk = FaultyDisk()
    var random = SeededRandom(seed: 7)
    let before = try Self.populate(disk, cutCount: 2)
    let store = Self.store(disk)
    _ = try Self.cut(before, disk, tenants: 2, epoch: 1, &random)
    let again = try Self.cut(before, disk, tenants: 2, epoch: 2, &random)
    try disk.remove(store.path)
    let loaded = try store.load()
    #expect(loaded.manifest.blocks == again.blocks)
    #expect(loaded.manifest.epoch == Epoch(2))
  }

  @Test func everyFlippedBitAndEveryCutIsNoticed() throws {
    let disk = FaultyDisk()
    let bytes = try Self.populate(disk, cutCount: 2).encoded()
    for bit in 0..<bytes.count * 8 {
      #expect(throws: BlockError.self) { try Self.decode(bytes.flipping(bit: bit)) }
    }
    for cut in bytes.indices {
      #expect(throws: BlockError.self) { try Self.decode(Array(bytes[..<cut])) }
    }
    #expect(throws: BlockError.malformed(.manifest)) { try Self.decode(bytes + [0]) }
    #expect(throws: BlockError.tooShort(byteCount: 0)) { try Self.decode([]) }
  }

  @Test func aManifestOfAnotherPartitionIsNotBelieved() throws {
    let disk = FaultyDisk()
    let manifest = try Self.populate(disk, cutCount: 2)
    let store = Self.store(disk)
    try disk.replace(store.path, with: Manifest(partition: PartitionID(4)).encoded())
    let loaded = try store.load()
    #expect(loaded.wasRebuilt)
    #expect(loaded.manifest.blocks == manifest.blocks)
  }

  @Test func anUnreadableManifestIsRebuiltAndADeniedOneIsNot() throws {
    let disk = FaultyDisk()
    let manifest = try Self.populate(disk, cutCount: 2)
    disk.fail(.read)
    let loaded = try Self.store(disk).load()
    #expect(loaded.wasRebuilt)
    #expect(loaded.manifest.blocks == manifest.blocks)
    disk.fail(.read, code: SystemError.Code.notPermitted)
    #expect(throws: SystemError.self) { try Self.store(disk).load() }
  }

  @Test func damageInAnyFileOfThePartitionIsFound() throws {
    let disk = FaultyDisk()
    let manifest = try Self.populate(disk, cutCount: 3)
    let store = Self.store(disk)
    for path in disk.files.keys.sorted() {
      let bit = (disk.files[path]?.count ?? 0) * 4
      disk.flip(bit: bit, of: path)
      let damages = store.check()
      #expect(damages.contains { $0.path == path && $0.severity == .damage }, "\(path)")
      disk.flip(bit: bit, of: path)
    }
    #expect(store.check() == [])
    #expect(manifest.blocks.count >= 3)
  }
}
