import Blocks
import Codecs
import Model
import Platform
import TestSupport
import Testing

/// Goal: groups of merged blocks hold no more bytes of strings than those of cuts, whatever they
/// were merged from; no point changes.
@Suite struct LongStringTests {
  static let limit = 16_000

  static func policy(
    _ strength: ChunkStrength,
    copied: Int? = nil,
    limit: Int = limit
  ) -> CompactionPolicy {
    var policy = CompactionPolicy(
      strength: strength,
      rowsPerGroupMax: 512,
      rowsPerCopiedGroupMin: copied,
      cutCountMin: 1
    )
    policy.textByteCountMax = limit
    return policy
  }

  /// A group of one series: strings, numbers and booleans.
  static func group(_ rows: [(second: Int, text: [UInt8])], isLate: Bool = false) -> SampleGroup {
    var group = SampleGroup(
      series: SeriesID(5),
      fieldSet: FieldSetID(2),
      isLate: isLate,
      batch: ColumnBatch()
    )
    group.batch.timestamps = rows.map { Timestamp($0.second) * Nanoseconds.perSecond }
    let booleans = rows.map { UInt64($0.second & 1) }
    let strings = rows.map { group.batch.strings.append($0.text) ?? 0 }
    let floats = rows.map { (Double($0.second) / 4).bitPattern }
    group.batch.columns = [
      ColumnBatch.Column(field: FieldID(10), type: .boolean, cells: booleans),
      ColumnBatch.Column(field: FieldID(11), type: .string, cells: strings),
      ColumnBatch.Column(field: FieldID(400), type: .float, cells: floats),
    ]
    return group
  }

  /// A partition of a cut for each list of groups.
  static func populate(_ disk: any Disk, _ cuts: [[SampleGroup]]) throws {
    let store = ManifestTests.store(disk)
    try store.prepare()
    var manifest = Manifest(partition: ManifestTests.partition)
    for groups in cuts {
      manifest.cut += 1
      let identity = BlockSample.identity(
        cut: manifest.cut,
        a: manifest.nextOffset.rawValue,
        b: manifest.nextOffset.rawValue + 10
      )
      manifest.blocks.append(
        try BlockSample.write(
          groups,
          to: disk,
          identity: identity,
          directory: store.blocksDirectory
        )
      )
      manifest.nextOffset = Offset(identity.b.rawValue)
    }
    try store.commit(manifest)
  }

  /// Rows and bytes of strings of each merged group.
  static func merge(
    _ disk: FaultyDisk,
    _ policy: CompactionPolicy
  ) throws -> [(rows: Int, bytes: Int)] {
    let points = try CompactionTests.points(disk)
    _ = try CompactionTests.compactor(disk, policy).run()
    #expect(try CompactionTests.points(disk) == points)
    let files = disk.files
    #expect(try CompactionTests.compactor(disk, policy).run().stepCount == 0)
    #expect(disk.files == files)
    let store = ManifestTests.store(disk)
    var groups: [(rows: Int, bytes: Int)] = []
    for block in try store.load().manifest.blocks {
      #expect(block.identity.strength == policy.strength)
      let path = store.path(of: block)
      #expect(BlockChecker.check(disk: disk, path: path, expected: block) == [])
      let reader = try BlockReader.open(disk: disk, path: path)
      for entry in try reader.entries() {
        groups.append((entry.rowCount, try reader.all(entry).strings.bytes.count))
      }
    }
    return groups
  }

  private static func text(_ seed: Int, _ byteCount: Int) -> [UInt8] {
    var random = SeededRandom(seed: UInt64(seed))
    return (0..<byteCount).map { _ in UInt8.random(in: 32...126, using: &random) }
  }

  @Test(arguments: [ChunkStrength.young, .cold])
  func longStringsMakeSmallGroups(strength: ChunkStrength) throws {
    let disk = FaultyDisk(seed: 1)
    let cuts = (0..<4).map { cut in
      [Self.group((0..<60).map { (cut * 60 + $0, Self.text(cut * 60 + $0, 1_000)) })]
    }
    try Self.populate(disk, cuts)
    let groups = try Self.merge(disk, Self.policy(strength))
    #expect(groups.map(\.rows) == Array(repeating: 16, count: 15))
    #expect(groups.allSatisfy { $0.bytes == Self.limit })
  }

  private final class Told { var byteCounts: [Int] = [] }

  @Test func aMergeOfOneSeriesTellsHowFarItIsGroupByGroup() throws {
    let disk = FaultyDisk(seed: 1)
    let cuts = (0..<4).map { cut in
      [Self.group((0..<60).map { (cut * 60 + $0, Self.text(cut * 60 + $0, 1_000)) })]
    }
    try Self.populate(disk, cuts)
    let store = ManifestTests.store(disk)
    let blocks = try store.load().manifest.blocks
    let readers = try blocks.map { try BlockReader.open(disk: disk, path: store.path(of: $0)) }
    let step = try #require(CompactionPlan.steps(for: blocks, Self.policy(.cold)).first)
    let told = Told()
    let merger = StepMerger(
      disk: disk,
      directory: store.blocksDirectory,
      policy: Self.policy(.cold)
    ) { told.byteCounts.append($0) }
    var outputs: [BlockSummary] = []
    try merger.merge(step, readers, into: &outputs)
    let byteCount = try readers.reduce(0) { try $0 + $1.entries().reduce(0) { $0 + $1.byteCount } }
    #expect(abs(told.byteCounts.reduce(0, +) - byteCount) < 20)
    #expect(told.byteCounts.max() ?? 0 <= byteCount / 7)
    #expect(told.byteCounts.count { $0 > 0 } == 4 + 15)
  }

  @Test func aStringThatRowsShareCountsOnce() throws {
    let disk = FaultyDisk(seed: 1)
    let text = Self.text(1, 5_000)
    try Self.populate(
      disk,
      (0..<9).map { cut in [Self.group((0..<40).map { (cut * 40 + $0, text) })] }
    )
    // Each cut has it once, and three of them fit a group.
    #expect(try Self.merge(disk, Self.policy(.young)).map(\.rows) == [120, 120, 120])
    #expect(try Self.merge(disk, Self.policy(.cold)).map(\.rows) == [360])
  }

  @Test func shortStringsMakeGroupsOfAsManyRowsAsEver() throws {
    let disk = FaultyDisk(seed: 1)
    try Self.populate(
      disk,
      (0..<20).map { cut in
        [Self.group((0..<40).map { (cut * 40 + $0, Self.text($0 % 7, 12)) })]
      }
    )
    #expect(try Self.merge(disk, Self.policy(.cold)).map(\.rows) == [512, 288])
  }

  @Test func aRowThatIsLongerThanAGroupIsAlone() throws {
    let disk = FaultyDisk(seed: 1)
    let lengths = [10, 20_000, 30_000, 10, 10, 15_990, 20_000]
    try Self.populate(
      disk,
      [
        [Self.group((0..<7).map { ($0, Self.text($0, lengths[$0])) })],
        [Self.group((7..<9).map { ($0, Self.text($0, 10)) })],
      ]
    )
    let groups = try Self.merge(disk, Self.policy(.cold))
    #expect(groups.map(\.rows) == [1, 1, 1, 2, 1, 1, 2])
  }

  @Test(arguments: [nil, 100])
  func groupsThatWereLargerAreSplit(copied: Int?) throws {
    let disk = FaultyDisk(seed: 1)
    try Self.populate(
      disk,
      [[Self.group((0..<400).map { ($0, Self.text($0, 400)) })]]
    )
    let groups = try Self.merge(disk, Self.policy(.young, copied: copied))
    #expect(groups.map(\.rows) == Array(repeating: 40, count: 10))
    // What is not too large is copied as ever.
    let other = FaultyDisk(seed: 1)
    try Self.populate(
      other,
      [
        [Self.group((0..<120).map { ($0, Self.text($0, 130)) })],
        [Self.group((120..<240).map { ($0, Self.text($0, 130)) })],
      ]
    )
    let same = try Self.merge(other, Self.policy(.young, copied: 100))
    #expect(same.map(\.rows) == [120, 120])
  }

  /// Late and replaced rows, strings of all lengths, some shared; sets of fields that stay apart.
  @Test(arguments: UInt64(1)...12, [ChunkStrength.young, .cold])
  func noPointChangesAndNoGroupIsTooLarge(seed: UInt64, strength: ChunkStrength) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk(seed: seed)
    let shared = (0..<4).map { Self.text($0, 300 + $0 * 900) }
    let cuts = (0..<6).map { cut in
      var groups: [SampleGroup] = []
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let step = Int.random(in: 1...6, using: &random)
        let start = Int.random(in: 0...(cut * 50), using: &random)
        let isShared = Bool.random(using: &random)
        let rows = (0..<Int.random(in: 1...120, using: &random)).map { row in
          let length = Int.random(in: 0...3, using: &random) == 0 ? 1_500 : 60
          let text =
            isShared
            ? shared[Int.random(in: 0...3, using: &random)]
            : Self.text(Int(random.next() >> 32), Int.random(in: 0...length, using: &random))
          return (start + row * step, text)
        }
        var group = Self.group(rows, isLate: !groups.isEmpty)
        if seed % 3 == 0, Bool.random(using: &random) {
          // The same fields and more.
          group.fieldSet = FieldSetID(0)
          let integers = group.batch.timestamps.map { UInt64(bitPattern: $0) }
          for field in [UInt32(9), 4, 3, 2] {
            let type: ColumnType = field == 9 ? .unsigned : field == 4 ? .integer : .float
            group.batch.columns.insert(
              ColumnBatch.Column(field: FieldID(field), type: type, cells: integers),
              at: 0
            )
          }
        }
        groups.append(group)
      }
      return groups
    }
    try Self.populate(disk, cuts)
    let copied = seed % 2 == 0 ? 50 : nil
    let groups = try Self.merge(disk, Self.policy(strength, copied: copied))
    #expect(groups.count > 1)
    #expect(groups.allSatisfy { $0.rows == 1 || $0.bytes <= Self.limit * (copied == nil ? 1 : 2) })
  }

  /// A group as merges wrote them before they had a limit of bytes.
  @Test func rowsOfAnEnormousGroupAreReadInPart() throws {
    let disk = FaultyDisk(seed: 1)
    let piece = Self.text(1, 1 << 10)
    let rows = (0..<52).map { row in
      var text: [UInt8] = []
      text.reserveCapacity(1 << 20)
      for _ in 0..<1_024 { text += piece }
      text[0] = UInt8(row)
      return (second: row, text: text)
    }
    try Self.populate(disk, [[Self.group(rows)]])
    let store = ManifestTests.store(disk)
    let block = try #require(try store.load().manifest.blocks.first)
    for isVerified in [false, true] {
      let reader = try BlockReader.open(disk: disk, path: store.path(of: block))
      let entry = try #require(try reader.entries().first)
      if isVerified { _ = try reader.read(entry, fields: [], range: BlockSample.everything) }
      for row in [0, 30, 51] {
        let time = Timestamp(row) * Nanoseconds.perSecond
        var statistics = ReadStatistics()
        var claimed = 0
        let batch = try reader.read(
          entry,
          fields: nil,
          range: TimeRange(start: time, end: time + 1),
          statistics: &statistics
        ) { count in
          claimed += count
          return true
        }
        #expect(batch.columns.count == 3)
        #expect(batch.strings.bytes == rows[row].text)
        #expect(claimed == 1 << 20)
        #expect(statistics.bytesRead < 4 << 20)
      }
      let (last, _) = try reader.lastRow(of: entry, fields: [FieldID(11)])
      #expect(last.strings.bytes == rows[51].text)
      var claims: [Int] = []
      var statistics = ReadStatistics()
      let none = try reader.read(
        entry,
        fields: nil,
        range: BlockSample.everything,
        statistics: &statistics
      ) { count in
        claims.append(count)
        return false
      }
      #expect(none.timestamps.isEmpty)
      #expect(claims == [52 << 20])
    }
    disk.flip(bit: (40 << 20) * 8, of: store.path(of: block))
    let damaged = try BlockReader.open(disk: disk, path: store.path(of: block))
    let entry = try #require(try damaged.entries().first)
    #expect(throws: BlockError.checksum(.group)) {
      _ = try damaged.read(entry, fields: nil, range: TimeRange(start: 0, end: 1))
    }
  }
}
