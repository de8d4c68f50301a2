import Catalog
import Model
import Platform
import TestSupport
import Testing

/// Goal: as long as one copy of a record is sound, nothing is lost, and afterwards both copies are
/// whole again. Method: one small log, damaged in every way at every place.
@Suite struct CatalogHealTests {
  static let paths = ["catalog/a.log", "catalog/b.log"]

  /// A small catalog in two equal copies, written by several syncs.
  struct Sample {
    let log: [UInt8]
    let contents: Contents
    let version: UInt64
    /// Where each record begins, and the end.
    let bounds: [Int]

    init() throws {
      let disk = FaultyDisk(seed: 7)
      let catalog = try opened(disk).catalog
      var lines = RandomLines(seed: 7)
      lines.fieldNameCount = 4
      var runs = LayoutRuns()
      for _ in 0..<3 {
        for _ in 0..<2 { try catalog.resolveRandomLine(&lines, &runs) }
        try catalog.sync(upTo: catalog.version)
      }
      let log = try #require(disk.files[paths[0]])
      self.log = log
      contents = Contents(catalog, idMax: 40, layoutMax: 20)
      version = catalog.version
      var bounds = [0]
      while let start = bounds.last, start < log.count {
        let body = (0..<4).reduce(0) { $0 | Int(log[start + 16 + $1]) << (8 * $1) }
        bounds.append(start + 24 + body)
      }
      self.bounds = bounds
    }

    func disk(_ first: [UInt8]?, _ second: [UInt8]?, seed: UInt64 = 1) -> FaultyDisk {
      var files: [String: [UInt8]] = [:]
      files[paths[0]] = first
      files[paths[1]] = second
      return FaultyDisk(seed: seed, files: files)
    }
  }

  let sample: Sample

  init() throws { sample = try Sample() }

  /// Opens, and expects everything to be there and both copies to be whole again.
  @discardableResult
  private func expectHealed(_ disk: FaultyDisk, _ what: Comment) throws -> CatalogRecovery {
    let (catalog, recovery) = try opened(disk)
    #expect(Contents(catalog, idMax: 40, layoutMax: 20) == sample.contents, what)
    #expect(catalog.version == sample.version, what)
    #expect(recovery.lost == [], what)
    disk.crash(.powerLosingAll)
    #expect(disk.files[Self.paths[0]] == sample.log, what)
    #expect(disk.files[Self.paths[1]] == sample.log, what)
    return recovery
  }

  @Test(arguments: [0, 1])
  func aCopyCutAtAnyByteIsCompletedFromTheOther(copy: Int) throws {
    for cut in 0..<sample.log.count {
      let short = Array(sample.log[..<cut])
      let disk = copy == 0 ? sample.disk(short, sample.log) : sample.disk(sample.log, short)
      let found = try Catalog.check(disk: disk, directory: "catalog", partitionCount: 8)
      #expect(found.contains { $0.path == Self.paths[copy] }, "cut at \(cut)")
      let recovery = try expectHealed(disk, "cut at \(cut)")
      #expect(recovery.healed == [Self.paths[copy]], "cut at \(cut)")
    }
  }

  private func isDamage(_ damage: Damage, _ copy: Int) -> Bool {
    damage.path == Self.paths[copy] && damage.severity == .damage
  }

  @Test(arguments: [0, 1])
  func everyBitFlipOfOneCopyIsFoundAndMended(copy: Int) throws {
    for bit in 0..<sample.log.count * 8 {
      let disk = sample.disk(sample.log, sample.log, seed: UInt64(bit))
      disk.flip(bit: bit, of: Self.paths[copy])
      // Reading is the same code for a check; once a byte is enough for it.
      if bit % 8 == 5 {
        let found = try Catalog.check(disk: disk, directory: "catalog", partitionCount: 8)
        #expect(found.contains { isDamage($0, copy) }, "bit \(bit)")
      }
      let recovery = try expectHealed(disk, "bit \(bit)")
      #expect(recovery.healed == [Self.paths[copy]], "bit \(bit)")
      #expect(recovery.damages.contains { isDamage($0, copy) }, "bit \(bit)")
    }
  }

  @Test func bothCopiesDamagedAtDifferentRecordsGiveTheUnion() throws {
    let count = sample.bounds.count - 1
    for first in 0..<count {
      for second in 0..<count where second != first {
        let disk = sample.disk(sample.log, sample.log)
        disk.damage(Self.paths[0]) { $0[sample.bounds[first] + 9] ^= 4 }
        disk.damage(Self.paths[1]) { $0[sample.bounds[second] + 25] ^= 4 }
        try expectHealed(disk, "records \(first) and \(second)")
      }
    }
  }

  @Test func everySecondRecordMayBeInOneCopyOnly() throws {
    var copies: [[UInt8]] = [[], []]
    for record in 0..<sample.bounds.count - 1 {
      copies[record % 2] += sample.log[sample.bounds[record]..<sample.bounds[record + 1]]
    }
    try expectHealed(sample.disk(copies[0], copies[1]), "halves")
  }

  @Test(arguments: [0, 1])
  func aMissingCopyIsMadeAgain(copy: Int) throws {
    for missing in [nil, []] as [[UInt8]?] {
      let disk =
        copy == 0 ? sample.disk(missing, sample.log) : sample.disk(sample.log, missing)
      let recovery = try expectHealed(disk, "copy \(copy)")
      #expect(recovery.setAside == [])
      #expect(recovery.damages.map(\.severity) == [.damage])
    }
  }

  /// A length may be durable before the bytes are: sectors that hold zeros from a place on.
  @Test(arguments: [0, 1])
  func sectorsThatWereNotWrittenAreATornTail(copy: Int) throws {
    let last = sample.bounds[sample.bounds.count - 2]
    for place in last..<sample.log.count {
      let end = min((place / 512 + 1) * 512, sample.log.count)
      var torn = sample.log
      torn.replaceSubrange(place..<end, with: repeatElement(0, count: end - place))
      guard torn != sample.log else { continue }
      let disk = copy == 0 ? sample.disk(torn, sample.log) : sample.disk(sample.log, torn)
      let recovery = try expectHealed(disk, "zeros at \(place)")
      #expect(!recovery.damages.isEmpty, "zeros at \(place)")
      #expect(recovery.damages.allSatisfy { $0.severity == .note }, "zeros at \(place)")
      #expect(recovery.setAside == [], "zeros at \(place)")
    }
  }

  /// The first copy is made durable before the second is begun, and a crash may come between.
  @Test func aSecondCopyThatWasNeverBegunIsNoDamage() throws {
    let disk = FaultyDisk(seed: 3)
    let catalog = try opened(disk).catalog
    var lines = RandomLines(seed: 3)
    var runs = LayoutRuns()
    try catalog.resolveRandomLine(&lines, &runs)
    try catalog.sync(upTo: catalog.version)
    let log = try #require(disk.files[Self.paths[0]])
    for copy in [0, 1] {
      let other = try opened(FaultyDisk(seed: 4, files: [Self.paths[copy]: log]))
      #expect(other.catalog.version == catalog.version)
      #expect(other.recovery.damages.map(\.severity) == [copy == 0 ? .note : .damage])
    }
  }

  /// Which is told of where rows are refused.
  @Test func aFullDiskAtTheStartIsNoDamage() throws {
    let disk = sample.disk(sample.log, Array(sample.log[..<sample.bounds[4]]))
    disk.limitFreeSpace(to: 10)
    let (catalog, recovery) = try opened(disk)
    #expect(catalog.version == sample.version)
    #expect(recovery.damages.contains { $0.what.hasPrefix("not made durable") })
    #expect(recovery.damages.allSatisfy { $0.severity == .note })
  }

  @Test func aDamagedOriginalIsKeptBesideTheLog() throws {
    let disk = sample.disk(sample.log, sample.log)
    disk.damage(Self.paths[1]) { $0[sample.bounds[3] + 20] ^= 0x55 }
    let damaged = try #require(disk.files[Self.paths[1]])
    let recovery = try expectHealed(disk, "aside")
    let hex = String(sample.version, radix: 16)
    let name = "catalog/b.log.\(String(repeating: "0", count: 16 - hex.count))\(hex).damaged"
    #expect(recovery.setAside == [name])
    #expect(disk.files[name] == damaged)
    let damage = try #require(recovery.damages.first { $0.severity == .damage })
    #expect(damage.offset == sample.bounds[3])
    #expect(damage.byteCount == sample.bounds[4] - sample.bounds[3])
    #expect(damage.what == "checksum mismatch")
  }

  @Test(arguments: [0, 1])
  func aTornTailIsANoteAndCutOff(copy: Int) throws {
    let next = Array(sample.log[..<40])
    for extra in [[0, 0, 0, 0, 0], Array(next[..<3]), next] as [[UInt8]] {
      let long = sample.log + extra
      let disk = copy == 0 ? sample.disk(long, sample.log) : sample.disk(sample.log, long)
      let found = try Catalog.check(disk: disk, directory: "catalog", partitionCount: 8)
      #expect(found.map(\.severity) == (extra.count < 40 ? [.note] : found.map(\.severity)))
      if extra.count < 40 { try expectHealed(disk, "\(extra.count) bytes more") }
    }
  }

  @Test func bytesThatAreNoLogAreKeptAside() throws {
    let garbage = bytes("this was never a log of a catalog, nor will it ever be one")
    let disk = sample.disk(garbage, sample.log)
    let recovery = try expectHealed(disk, "garbage")
    #expect(recovery.setAside.count == 1)
    #expect(recovery.setAside.allSatisfy { disk.files[$0] == garbage })
    let both = FaultyDisk(seed: 1, files: [Self.paths[0]: garbage, Self.paths[1]: garbage])
    let (catalog, second) = try opened(both)
    #expect(catalog.version == 0)
    #expect(second.setAside.count == 2)
    #expect(second.damages.count == 2)
  }

  @Test func anUnreadableCopyIsReplaced() throws {
    let disk = sample.disk(sample.log, sample.log)
    disk.fail(.read, after: 2, times: 1)
    let (catalog, recovery) = try opened(disk)
    #expect(Contents(catalog, idMax: 40, layoutMax: 20) == sample.contents)
    #expect(recovery.damages.contains { $0.severity == .unreadable })
    #expect(disk.files[Self.paths[0]] == sample.log)
    #expect(disk.files[Self.paths[1]] == sample.log)
  }

  @Test func copiesOfWhichNoneCanBeReadAreLeftAlone() throws {
    let both = sample.disk(sample.log, sample.log)
    both.fail(.read, after: 2, times: 2)
    #expect(throws: SystemError.self) { try opened(both) }
    let single = sample.disk(sample.log, nil)
    single.fail(.read, after: 2, times: 1)
    #expect(throws: SystemError.self) { try opened(single) }
    for disk in [both, single] {
      #expect(disk.files[Self.paths[0]] == sample.log)
      try expectHealed(disk, "later it can be read")
    }
  }

  @Test func aRealDiskIsHealedToo() throws {
    let folder = try TemporaryDirectory()
    let directory = folder.file("catalog")
    let disk = RealDisk()
    try disk.createDirectory(directory)
    var damaged = sample.log
    damaged[sample.bounds[2] + 26] ^= 1
    try disk.replace("\(directory)/a.log", with: damaged)
    try disk.replace("\(directory)/b.log", with: Array(sample.log.dropLast()))
    let (catalog, recovery) = try Catalog.open(
      disk: disk,
      directory: directory,
      partitionCount: 8
    )
    #expect(Contents(catalog, idMax: 40, layoutMax: 20) == sample.contents)
    #expect(recovery.healed == ["\(directory)/a.log", "\(directory)/b.log"])
    for name in ["a.log", "b.log"] {
      #expect(try disk.read("\(directory)/\(name)", byteCountMax: 1 << 20) == sample.log)
    }
    #expect(try disk.list(directory).count == 3)
    let aside = try #require(recovery.setAside.first)
    #expect(try disk.read(aside, byteCountMax: 1 << 20) == damaged)
  }

  @Test(arguments: UInt64(1)...30)
  func aCrashWhileHealingLosesNothing(seed: UInt64) throws {
    func damaged() -> FaultyDisk {
      let disk = sample.disk(sample.log, sample.log, seed: seed)
      disk.damage(Self.paths[0]) { $0[sample.bounds[1] + 9] ^= 4 }
      disk.damage(Self.paths[1]) { $0[sample.bounds[Int(seed) % 12 + 2] + 25] ^= 4 }
      return disk
    }
    let whole = damaged()
    _ = try opened(whole)
    for operation in 0..<whole.operationCount {
      let disk = damaged()
      disk.powerOff(afterOperations: operation)
      _ = try? opened(disk)
      disk.crash(.power)
      try expectHealed(disk, "operation \(operation)")
      #expect(!disk.files.keys.contains { $0.hasSuffix(".tmp") })
    }
  }
}
