import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Goal: a damaged byte costs its group at most, is always named, and never traps.
/// Method: every bit and every length of a small block.
@Suite struct BlockDamageTests {
  let disk: FaultyDisk
  let groups: [SampleGroup]
  let entries: [ChunkGroupEntry]
  let summary: BlockSummary
  let path: String

  init() throws {
    disk = FaultyDisk()
    groups = BlockSample.groups(seriesCount: 3, seed: 4, rowCountMax: 5)
    summary = try BlockSample.write(groups, to: disk)
    path = Path.join(BlockSample.directory, summary.fileName)
    entries = try BlockReader.open(disk: disk, path: path).entries()
  }

  /// Reads all that can be read: each readable group's place and content.
  private func survivors(_ reader: BlockReader) throws -> [Int: Content] {
    var found: [Int: Content] = [:]
    for series in Set(groups.map(\.series)) {
      for entry in try reader.groups(series: series) {
        if let batch = try? reader.all(entry) { found[entry.offset] = batch.content }
      }
    }
    return found
  }

  @Test func aFlippedBitCostsItsGroupAtMostAndIsNamed() throws {
    var unnoticed: [Int] = []
    var costly: [Int] = []
    var unnamed: [Int] = []
    var unreported: [Int] = []
    for bit in 0..<summary.byteCount * 8 {
      disk.flip(bit: bit, of: path)
      defer { disk.flip(bit: bit, of: path) }
      let reader = try BlockReader.open(disk: disk, path: path)
      let found = try survivors(reader)
      for (entry, group) in zip(entries, groups) {
        let isHit = (entry.offset..<entry.offset + entry.byteCount).contains(bit / 8)
        if isHit, found[entry.offset] != nil { unnoticed.append(bit) }
        if !isHit, found[entry.offset] != group.batch.content { costly.append(bit) }
      }
      if reader.summary.identity != summary.identity { unnamed.append(bit) }
      let damages = BlockChecker.check(disk: disk, path: path)
      if !damages.contains(where: { $0.severity == .damage }) { unreported.append(bit) }
    }
    #expect(unnoticed == [], "bits of a group that nobody noticed")
    #expect(costly == [], "bits that cost another group")
    #expect(unnamed == [])
    #expect(unreported == [])
    #expect(BlockChecker.check(disk: disk, path: path, expected: summary) == [])
  }

  @Test func everyCutKeepsTheGroupsBeforeIt() throws {
    let whole = disk.files[path] ?? []
    for cut in 0..<summary.byteCount {
      disk.damage(path) { $0 = Array(whole[..<cut]) }
      let damages = BlockChecker.check(disk: disk, path: path, expected: summary)
      #expect(damages.contains { $0.severity != .note }, "cut at \(cut)")
      guard let reader = try? BlockReader.open(disk: disk, path: path) else {
        #expect(cut < 96)
        #expect(throws: BlockError.tooShort(byteCount: cut)) {
          try BlockReader.open(disk: disk, path: path)
        }
        continue
      }
      let found = try survivors(reader)
      for (entry, group) in zip(entries, groups) {
        let isWhole = entry.offset + entry.byteCount <= cut
        #expect(found[entry.offset] == (isWhole ? group.batch.content : nil), "cut at \(cut)")
      }
    }
  }

  @Test func damageOfAGroupNamesItsSeriesAndTimes() throws {
    let entry = entries[1]
    disk.flip(bit: (entry.offset + entry.byteCount - 1) * 8, of: path)
    let damages = BlockChecker.check(disk: disk, path: path)
    #expect(damages.count == 1)
    let damage = try #require(damages.first)
    #expect(damage.offset == entry.offset)
    #expect(damage.byteCount == entry.byteCount)
    #expect(damage.what == "group fails its checksum")
    let series = entry.series.rawValue
    #expect(
      damage.range
        == "node,rack=r\(series % 2),server=s\(series): series \(series) \(entry.firstTimestamp)"
        + " ... \(entry.lastTimestamp), \(entry.rowCount) rows"
        + " of offsets 0 ..< 10 of partition 3, tenant 0"
    )
  }

  @Test func headerAndFooterLostTogetherAreNamedByTheManifest() throws {
    disk.damage(path) { bytes in
      for index in 0..<64 { bytes[index] = 0 }
      for index in bytes.count - 400..<bytes.count { bytes[index] = 0 }
    }
    #expect(throws: BlockError.unidentified) { try BlockReader.open(disk: disk, path: path) }
    let reader = try BlockReader.open(disk: disk, path: path, expected: summary.identity)
    #expect(try survivors(reader).count == groups.count)
    #expect(reader.ledger == nil)
    #expect(reader.summary.rowCount == summary.rowCount)
    #expect(reader.summary.pointCount == summary.pointCount)
    #expect(reader.damages.isEmpty == false)
  }

  @Test func aDamagedIndexIsRebuiltWhileTheBlockIsInUse() throws {
    let reader = try BlockReader.open(disk: disk, path: path)
    let before = try reader.groups(series: groups[0].series)
    for entry in before { _ = try reader.all(entry) }
    let last = entries[entries.count - 1]
    // Somewhere in the index's pages: they stand behind groups and definitions.
    let bytes = disk.files[path] ?? []
    let needle = withUnsafeBytesOf(last.firstTimestamp)
    let at = try #require(
      (last.offset + last.byteCount..<bytes.count - 8).first { Array(bytes[$0..<$0 + 8]) == needle }
    )
    disk.flip(bit: at * 8, of: path)
    #expect(reader.damages == [])
    #expect(try reader.groups(series: groups[0].series).map(\.offset) == before.map(\.offset))
    #expect(reader.damages.count == 1)
    // Entries from before the rebuild still read.
    for entry in before { _ = try reader.all(entry) }
    #expect(try survivors(reader).count == groups.count)
  }

  @Test(arguments: [0, 1, 95, 96, 200])
  func shortAndZeroedFilesAreNamed(byteCount: Int) {
    let disk = FaultyDisk(files: ["x.block": Array(repeating: 0, count: byteCount)])
    let expected: BlockError = byteCount < 96 ? .tooShort(byteCount: byteCount) : .unidentified
    #expect(throws: expected) { try BlockReader.open(disk: disk, path: "x.block") }
    #expect(BlockChecker.check(disk: disk, path: "x.block").map(\.severity) == [.unreadable])
  }

  @Test(arguments: UInt64(1)...300)
  func noBytesTrap(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    disk.damage(path) { bytes in
      for _ in 0..<Int.random(in: 1...30, using: &random) {
        let start = Int.random(in: 0..<bytes.count, using: &random)
        switch random.next() % 4 {
        case 0: bytes[start] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.removeSubrange(start..<min(bytes.count, start + 7))
        case 2: bytes.insert(contentsOf: random.bytes(5), at: start)
        default:
          // A piece of the block once more, at another place.
          let end = min(bytes.count, start + 300)
          bytes.insert(
            contentsOf: bytes[start..<end],
            at: Int.random(in: 0...start, using: &random)
          )
        }
      }
    }
    guard let reader = try? BlockReader.open(disk: disk, path: path) else { return }
    let contents = Set(groups.map(\.batch.content))
    for content in try survivors(reader).values { #expect(contents.contains(content)) }
    #expect(BlockChecker.check(disk: disk, path: path).isEmpty == false)
  }

  @Test func anUnreadablePlaceCostsItsGroupAtMost() throws {
    for skipped in 0..<40 {
      disk.fail(.read, after: skipped, times: 1)
      let reader = try BlockReader.open(disk: disk, path: path)
      let found = try survivors(reader)
      #expect(found.count >= groups.count - 1, "read \(skipped) failed")
      for (entry, group) in zip(entries, groups) {
        if let content = found[entry.offset] { #expect(content == group.batch.content) }
      }
      disk.fail(.read, after: skipped, times: 1)
      let damages = BlockChecker.check(disk: disk, path: path)
      disk.fail(.read, times: 0)
      #expect(skipped > groups.count || damages.contains { $0.severity == .damage })
    }
    #expect(BlockChecker.check(disk: disk, path: path) == [])
  }

  @Test func aRefusalOfTheSystemIsNoDamage() throws {
    disk.fail(.read, code: SystemError.Code.notPermitted)
    #expect(throws: BlockError.self) { try BlockReader.open(disk: disk, path: path) }
    let reader = try BlockReader.open(disk: disk, path: path)
    disk.fail(.read, code: SystemError.Code.notPermitted)
    #expect(throws: BlockError.self) { try reader.groups(series: groups[0].series) }
    #expect(try survivors(reader).count == groups.count)
    #expect(reader.damages == [])
  }

  private func withUnsafeBytesOf(_ value: Int64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * Int64($0))) }
  }
}
