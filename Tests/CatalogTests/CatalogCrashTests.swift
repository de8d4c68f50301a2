import Catalog
import Model
import Platform
import TestSupport
import Testing

/// Goal: what a sync promised is there after any crash at any operation; a failed sync promises
/// nothing and the next one that works makes up for it. Method: a disk that forgets, tears and
/// fails, seeded.
@Suite struct CatalogCrashTests {
  /// What a run had been promised when the power went off.
  struct Promise {
    var version: UInt64 = 0
    var contents: Contents?
    var layouts: [ResolvedLayout] = []
  }

  /// Resolves and syncs until the power is gone.
  static func run(_ disk: FaultyDisk, seed: UInt64) -> Promise {
    var promise = Promise()
    var lines = RandomLines(seed: seed)
    var runs = LayoutRuns()
    guard let catalog = try? opened(disk).catalog else { return promise }
    for _ in 0..<6 {
      let resolved = (0..<4).compactMap { _ in try? catalog.resolveRandomLine(&lines, &runs) }
      do {
        try catalog.sync(upTo: catalog.version)
      } catch {
        return promise
      }
      promise.version = catalog.version
      promise.contents = Contents(catalog, idMax: 60, layoutMax: 30)
      promise.layouts += resolved
    }
    return promise
  }

  @Test(arguments: UInt64(1)...12)
  func whatWasSyncedIsThereAfterACrashAtEveryOperation(seed: UInt64) throws {
    let whole = FaultyDisk(seed: seed)
    _ = Self.run(whole, seed: seed)
    for operation in 0...whole.operationCount {
      for crash in [FaultyDisk.Crash.power, .powerLosingAll, .kill] {
        let disk = FaultyDisk(seed: seed * 1_000 + UInt64(operation))
        disk.powerOff(afterOperations: operation)
        let promise = Self.run(disk, seed: seed)
        disk.crash(crash)
        try expectKept(promise, disk, "operation \(operation), \(crash)")
      }
    }
  }

  /// Opens after a crash, compares, goes on, and opens once more.
  private func expectKept(_ promise: Promise, _ disk: FaultyDisk, _ what: Comment) throws {
    let (catalog, recovery) = try opened(disk)
    #expect(catalog.version >= promise.version, what)
    #expect(catalog.durableVersion == catalog.version, what)
    #expect(recovery.lost == [], what)
    if let contents = promise.contents {
      let found = Contents(catalog, idMax: 60, layoutMax: 30)
      #expect(Self.includes(found, contents), what)
    }
    var runs = LayoutRuns()
    var lines = RandomLines(seed: 99)
    for _ in 0..<5 {
      let resolved = try catalog.resolveRandomLine(&lines, &runs)
      // An id that was promised stands for what it stood for.
      let clash = promise.layouts.first {
        $0.partition == resolved.partition && $0.layout == resolved.layout
      }
      #expect(clash == nil || clash?.series == resolved.series, what)
    }
    try catalog.sync(upTo: catalog.version)
    disk.crash(.powerLosingAll)
    let (again, second) = try opened(disk)
    #expect(second.damages.allSatisfy { $0.severity == .note }, what)
    #expect(second.healed == [], what)
    #expect(again.version == catalog.version, what)
    let idMax: UInt32 = 100
    #expect(
      Contents(again, idMax: idMax, layoutMax: 50)
        == Contents(catalog, idMax: idMax, layoutMax: 50),
      what
    )
  }

  /// Whether everything that `part` knows is the same in `whole`.
  static func includes(_ whole: Contents, _ part: Contents) -> Bool {
    func covers<Value: Equatable>(_ whole: [Value?], _ part: [Value?]) -> Bool {
      zip(whole, part).allSatisfy { $1 == nil || $0 == $1 }
    }
    return Set(whole.tenants).isSuperset(of: part.tenants) && covers(whole.fields, part.fields)
      && covers(whole.fieldSets, part.fieldSets) && covers(whole.series, part.series)
      && covers(whole.partitions, part.partitions) && covers(whole.scales, part.scales)
      && zip(whole.layouts, part.layouts).allSatisfy { covers($0, $1) }
  }

  @Test(arguments: UInt64(1)...40)
  func aFailedSyncIsMadeUpForByTheNextOne(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk(seed: seed)
    let catalog = try opened(disk).catalog
    var lines = RandomLines(seed: seed)
    var runs = LayoutRuns()
    for _ in 0..<12 {
      for _ in 0..<5 { try catalog.resolveRandomLine(&lines, &runs) }
      let kinds: [FaultyDisk.Operation] = [.write, .sync]
      disk.fail(
        kinds.randomElement(using: &random) ?? .sync,
        after: Int.random(in: 0...2, using: &random),
        code: Bool.random(using: &random) ? SystemError.Code.noSpace : SystemError.Code.inputOutput
      )
      // The ordered fault may hit this round, or the repair of it.
      var attemptCount = 0
      while catalog.durableVersion < catalog.version, attemptCount < 4 {
        let durable = catalog.durableVersion
        attemptCount += 1
        do throws(SystemError) {
          try catalog.sync(upTo: catalog.version)
        } catch {
          #expect(catalog.durableVersion == durable)
        }
      }
      #expect(catalog.durableVersion == catalog.version)
      #expect(catalog.statistics().unsyncedByteCount == 0)
    }
    let contents = Contents(catalog)
    disk.crash(.powerLosingAll)
    let (again, recovery) = try opened(disk)
    #expect(recovery.damages == [])
    #expect(Contents(again) == contents)
  }

  @Test func aFullDiskRefusesAndLaterGoesOn() throws {
    let disk = FaultyDisk(seed: 3)
    let catalog = try opened(disk).catalog
    var lines = RandomLines(seed: 3)
    var runs = LayoutRuns()
    for _ in 0..<20 { try catalog.resolveRandomLine(&lines, &runs) }
    disk.limitFreeSpace(to: 100)
    let expected = SystemError(
      code: SystemError.Code.noSpace,
      operation: "write",
      path: "catalog/a.log"
    )
    for _ in 0..<3 {
      #expect(throws: expected) { try catalog.sync(upTo: catalog.version) }
      #expect(catalog.durableVersion == 0)
    }
    // A sync that has nothing to do does not meet the disk.
    try catalog.sync(upTo: 0)
    #expect(catalog.version > 0)
    disk.limitFreeSpace(to: nil)
    try catalog.sync(upTo: catalog.version)
    disk.crash(.powerLosingAll)
    #expect(Contents(try opened(disk).catalog) == Contents(catalog))
  }

  @Test func aFullDiskAtTheStartDoesNotKeepTheCatalogShut() throws {
    let disk = FaultyDisk(seed: 4)
    var lines = RandomLines(seed: 4)
    var runs = LayoutRuns()
    let first = try opened(disk).catalog
    for _ in 0..<20 { try first.resolveRandomLine(&lines, &runs) }
    try first.sync(upTo: first.version)
    disk.damage("catalog/b.log") { $0[100] ^= 1 }
    disk.limitFreeSpace(to: 50)
    let (catalog, recovery) = try opened(disk)
    #expect(recovery.healed == [])
    #expect(recovery.damages.contains { $0.path == "catalog/b.log" && $0.severity == .damage })
    #expect(recovery.damages.contains { $0.what.contains("not made durable") })
    #expect(Contents(catalog) == Contents(first))
    #expect(throws: SystemError.self) { try catalog.sync(upTo: catalog.version) }
    #expect(disk.files.count == 2)
    disk.limitFreeSpace(to: nil)
    try catalog.sync(upTo: catalog.version)
    #expect(disk.files["catalog/a.log"] == disk.files["catalog/b.log"])
    #expect(try Catalog.check(disk: disk, directory: "catalog", partitionCount: 8) == [])
  }

  @Test func bytesThatCannotBeSyncedAtTheStartAreWrittenAnew() throws {
    let disk = FaultyDisk(seed: 6)
    var lines = RandomLines(seed: 6)
    var runs = LayoutRuns()
    let first = try opened(disk).catalog
    for _ in 0..<20 { try first.resolveRandomLine(&lines, &runs) }
    try first.sync(upTo: first.version)
    for _ in 0..<20 { try first.resolveRandomLine(&lines, &runs) }
    // The process ends between the append and the sync; what it wrote stays in the cache.
    disk.powerOff(afterOperations: 1)
    #expect(throws: SystemError.self) { try first.sync(upTo: first.version) }
    disk.crash(.kill)
    let found = disk.copy(seed: 1)
    // The mere check of what is there fails: it is in the cache, but the disk would not take it.
    disk.fail(.sync, after: 0, times: 1)
    let (catalog, recovery) = try opened(disk)
    #expect(recovery.damages.contains { $0.what.contains("not made durable") })
    #expect(catalog.durableVersion == 0)
    try catalog.sync(upTo: catalog.version)
    disk.crash(.powerLosingAll)
    let again = try opened(disk).catalog
    #expect(again.version == catalog.version)
    #expect(Contents(again) == Contents(try opened(found).catalog))
  }
}
