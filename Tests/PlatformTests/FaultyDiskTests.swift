import Platform
import TestSupport
import Testing

/// Goal: the disk of the crash tests keeps what a real one promises (else those tests fail for
/// nothing) and really takes away the rest (else they prove nothing).
@Suite struct FaultyDiskTests {
  @Test(arguments: UInt64(1)...300)
  func syncedAppendsSurviveEveryCrashAndOthersAreABlurredTail(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk(seed: seed)
    let file = try disk.append(to: "log")
    try disk.syncDirectory(".")
    let kept = random.bytes(Int.random(in: 0...9_000, using: &random))
    try file.append(kept)
    try file.sync()
    try file.append(random.bytes(Int.random(in: 0...3_000, using: &random)))
    let all = try disk.read("log", byteCountMax: 1 << 20)
    disk.crash()
    let found = try disk.read("log", byteCountMax: 1 << 20)
    #expect(found.starts(with: kept))
    #expect(found.count <= all.count)
    #expect(throws: SystemError.self) { try file.append([1]) }
  }

  @Test func everyKindOfTailIsSeen() throws {
    var (lost, whole, cut, zeroed) = (0, 0, 0, 0)
    for seed in UInt64(1)...200 {
      let disk = FaultyDisk(seed: seed)
      let file = try disk.append(to: "log")
      try disk.syncDirectory(".")
      let bytes = [UInt8](repeating: 7, count: 2_000)
      try file.append(bytes)
      disk.crash()
      let found = try disk.read("log", byteCountMax: 1 << 20)
      if found.isEmpty { lost += 1 }
      if found == bytes { whole += 1 }
      if !found.isEmpty, found.count < 2_000, found.allSatisfy({ $0 == 7 }) { cut += 1 }
      if found.contains(0) { zeroed += 1 }
    }
    #expect(min(lost, whole, cut, zeroed) >= 10, "\(lost) \(whole) \(cut) \(zeroed)")
  }

  @Test func killingTheProcessKeepsWhatWasWritten() throws {
    let disk = FaultyDisk()
    try disk.append(to: "log").append([1, 2, 3])
    let region = try disk.map("ring").extent(at: 0, byteCount: 4_096)
    unsafe region.bytes.storeBytes(of: 9, toByteOffset: 100, as: UInt8.self)
    disk.crash(.kill)
    #expect(try disk.read("log", byteCountMax: 10) == [1, 2, 3])
    #expect(try disk.read("ring", byteCountMax: 1 << 20)[100] == 9)
  }

  @Test func losingAllKeepsOnlyWhatWasSynced() throws {
    let disk = FaultyDisk()
    let file = try disk.append(to: "log")
    try disk.syncDirectory(".")
    try file.append([1, 2])
    try file.sync()
    try file.append([3])
    try disk.append(to: "other").append([4])
    #expect(disk.files == ["log": [1, 2, 3], "other": [4]])
    #expect(disk.durableFiles == ["log": [1, 2]])
    disk.crash(.powerLosingAll)
    #expect(disk.files == ["log": [1, 2]])
  }

  @Test(arguments: UInt64(1)...100)
  func namesSurviveOnlyWithASyncOfTheirFolder(seed: UInt64) throws {
    let disk = FaultyDisk(seed: seed, files: ["a/old": [1], "b/doomed": [2]])
    try disk.append(to: "a/new").sync()
    try disk.syncDirectory("a")
    try disk.rename("a/old", to: "a/renamed")
    try disk.syncDirectory("a")
    try disk.append(to: "b/fresh").sync()
    try disk.remove("b/doomed")
    disk.crash()
    let names = Set(disk.files.keys)
    #expect(names.isSuperset(of: ["a/new", "a/renamed"]))
    #expect(!names.contains("a/old"))
    #expect(names.isSubset(of: ["a/new", "a/renamed", "b/fresh", "b/doomed"]))
    #expect(disk.files["a/renamed"] == [1])
  }

  @Test func unsyncedNamesAreSometimesLostAndSometimesKept() throws {
    var outcomes: Set<Set<String>> = []
    for seed in UInt64(1)...100 {
      let disk = FaultyDisk(seed: seed, files: ["old": []])
      _ = try disk.append(to: "new")
      try disk.remove("old")
      disk.crash()
      outcomes.insert(Set(disk.files.keys))
    }
    #expect(outcomes == [["old"], ["new"], ["old", "new"], []])
  }

  @Test(arguments: UInt64(1)...100)
  func aRenameIsNeverHalfDone(seed: UInt64) throws {
    let disk = FaultyDisk(seed: seed, files: ["a/x": [1], "b/x": [2]])
    try disk.rename("a/x", to: "c")
    try disk.rename("b/x", to: "a/x")
    try disk.rename("c", to: "b/x")
    disk.crash()
    // Two files swap their names by three renames: at any moment each has one.
    #expect(disk.files.values.sorted { $0[0] < $1[0] } == [[1], [2]])
  }

  @Test func replaceIsAtomicAndDurableAtEveryCrashPoint() throws {
    for seed in UInt64(1)...20 {
      let whole = FaultyDisk(seed: seed, files: ["d/manifest": [1, 1, 1]])
      try whole.replace("d/manifest", with: [2, 2])
      let stepCount = whole.operationCount
      #expect(stepCount >= 4)
      for step in 0...stepCount {
        let disk = FaultyDisk(seed: seed, files: ["d/manifest": [1, 1, 1]])
        disk.powerOff(afterOperations: step)
        let isDone = (try? disk.replace("d/manifest", with: [2, 2])) != nil
        #expect(isDone == (step == stepCount))
        #expect(disk.isOff == (step < stepCount))
        disk.crash()
        let found = try disk.read("d/manifest", byteCountMax: 10)
        #expect(found == [2, 2] || (!isDone && found == [1, 1, 1]), "seed \(seed) step \(step)")
      }
    }
  }

  @Test(arguments: UInt64(1)...100)
  func mappedStoresAreDurableBySectorOnlyWhenSynced(seed: UInt64) throws {
    let disk = FaultyDisk(seed: seed)
    let file = try disk.map("ring")
    try disk.syncDirectory(".")
    let region = try file.extent(at: 0, byteCount: 16_384)
    unsafe region.bytes.initializeMemory(as: UInt8.self, repeating: 1)
    try region.sync(0..<4_096)
    try region.sync(8_000..<8_001)
    let other = try disk.map("ring").extent(at: 4_096, byteCount: 4_096)
    #expect(unsafe other.bytes[0] == 1, "two regions of one file share their bytes")
    unsafe region.bytes.initializeMemory(as: UInt8.self, repeating: 2)
    disk.crash()
    let found = try disk.read("ring", byteCountMax: 1 << 20)
    #expect(found.count == 16_384)
    #expect(found[..<8_192].allSatisfy { $0 == 1 || $0 == 2 })
    #expect(found[8_192...].allSatisfy { $0 == 0 || $0 == 2 })
    // Words of eight bytes are never torn.
    let isWhole = stride(from: 0, to: found.count, by: 8).allSatisfy {
      Set(found[$0..<$0 + 8]).count == 1
    }
    #expect(isWhole)
    #expect(throws: SystemError.self) { try region.sync(0..<1) }
    // The file is mapped anew from what survived.
    let again = try disk.map("ring").extent(at: 0, byteCount: 16_384)
    #expect(unsafe Array(again.bytes) == found)
  }

  @Test func aFailedSyncLosesItsPagesForGood() throws {
    let disk = FaultyDisk()
    let file = try disk.append(to: "log")
    try disk.syncDirectory(".")
    try file.append([UInt8](repeating: 1, count: 4_096))
    try file.sync()
    try file.append([UInt8](repeating: 2, count: 4_096))
    disk.fail(.sync)
    #expect(throws: SystemError.self) { try file.sync() }
    try file.sync()
    #expect(try disk.read("log", byteCountMax: 1 << 20).last == 2, "readers still see it")
    disk.crash()
    let found = try disk.read("log", byteCountMax: 1 << 20)
    #expect(found == [UInt8](repeating: 1, count: 4_096) + [UInt8](repeating: 0, count: 4_096))
  }

  @Test func whatIsTruncatedAndWrittenAgainAfterAFailedSyncIsSafe() throws {
    let disk = FaultyDisk()
    let file = try disk.append(to: "log")
    try disk.syncDirectory(".")
    try file.append([1, 2, 3])
    disk.fail(.sync, after: 1)
    try file.sync()
    try file.append([4, 5])
    #expect(throws: SystemError.self) { try file.sync() }
    try file.truncate(to: 3)
    try file.append([4, 5])
    try file.sync()
    disk.crash()
    #expect(try disk.read("log", byteCountMax: 10) == [1, 2, 3, 4, 5])
  }

  @Test func aFullDiskTakesAPrefixAndRecovers() throws {
    let disk = FaultyDisk(files: ["ballast": [UInt8](repeating: 0, count: 100)])
    let file = try disk.append(to: "log")
    disk.limitFreeSpace(to: 10)
    try file.append([1, 2, 3, 4])
    #expect(try disk.space(at: ".").free == 6)
    do throws(SystemError) {
      try file.append([UInt8](repeating: 5, count: 7))
      Issue.record("a full disk took everything")
    } catch {
      #expect(error.isDiskFull)
    }
    #expect(file.byteCount == 10)
    #expect(throws: SystemError.self) { try disk.map("ring").extent(at: 0, byteCount: 4_096) }
    try file.truncate(to: 4)
    try disk.remove("ballast")
    #expect(try disk.space(at: ".").free == 106)
    try file.append([UInt8](repeating: 5, count: 7))
    disk.limitFreeSpace(to: nil)
    _ = try disk.map("ring").extent(at: 0, byteCount: 4_096)
  }

  @Test func orderedFaultsComeWhenTheyWereOrdered() throws {
    let disk = FaultyDisk(files: ["f": [1]])
    let file = try disk.open("f")
    disk.fail(.read, after: 2, times: 2)
    let outcomes = (0..<6).map { _ in (try? file.read(at: 0, count: 1)) != nil }
    #expect(outcomes == [true, true, false, false, true, true])
    disk.fail(.name, code: SystemError.Code.noSpace)
    #expect(throws: SystemError(code: SystemError.Code.noSpace, operation: "open", path: "g")) {
      try disk.append(to: "g")
    }
    _ = try disk.append(to: "g")
  }

  @Test func withThePowerOffEveryCallFailsUntilTheCrash() throws {
    let disk = FaultyDisk(files: ["f": [1]])
    let file = try disk.append(to: "f")
    let reader = try disk.open("f")
    disk.powerOff(afterOperations: 1)
    try file.append([2])
    #expect(throws: SystemError.self) { try file.sync() }
    #expect(throws: SystemError.self) { try file.append([3]) }
    #expect(throws: SystemError.self) { try reader.read(at: 0, count: 1) }
    #expect(throws: SystemError.self) { try disk.open("f") }
    #expect(throws: SystemError.self) { try disk.list(".") }
    #expect(throws: SystemError.self) { try disk.createDirectory("d") }
    #expect(throws: SystemError.self) { try disk.replace("f", with: []) }
    disk.crash()
    #expect(try disk.read("f", byteCountMax: 10).first == 1)
  }

  @Test func oneSeedOneOutcome() throws {
    func run() throws -> [String: [UInt8]] {
      let disk = FaultyDisk(seed: 42)
      for number in 0..<20 {
        let file = try disk.append(to: "f\(number)")
        try file.append([UInt8](repeating: UInt8(number), count: 1_500))
        if number % 3 == 0 { try file.sync() }
        if number % 7 == 0 { try disk.syncDirectory(".") }
      }
      disk.crash()
      return disk.files
    }
    #expect(try run() == run())
  }

  @Test func locksAreHeldOnceAndFallWithTheMachine() throws {
    let disk = FaultyDisk()
    let lock = try disk.lock("lock")
    #expect(throws: SystemError.self) { try disk.lock("lock") }
    disk.crash()
    let next = try disk.lock("lock")
    lock.release()
    #expect(throws: SystemError.self) { try disk.lock("lock") }
    next.release()
    try disk.lock("lock").release()
  }

  @Test func foldersBehaveAsOnARealDisk() throws {
    let disk = FaultyDisk()
    #expect(throws: SystemError.self) { try disk.append(to: "a/b/f") }
    try disk.createDirectory("a/b/")
    try disk.append(to: "a/b/f").append([1])
    #expect(try disk.list("a") == ["b"])
    #expect(try disk.list("a//b") == ["f"])
    #expect(try disk.list("nowhere").isEmpty)
    #expect(throws: SystemError.self) { try disk.remove("a/b") }
    #expect(throws: SystemError.self) { try disk.rename("a/b/f", to: "c/f") }
    try disk.rename("a/b/f", to: "a/f")
    try disk.remove("a/b")
    #expect(try disk.list("a") == ["f"])
    #expect(try disk.byteCount(of: "a/f") == 1)
    #expect(try disk.byteCount(of: "a/b") == nil)
    #expect(throws: SystemError.self) { try disk.open("a/g") }
    disk.flip(bit: 3, of: "a/f")
    #expect(try disk.read("a/f", byteCountMax: 1) == [9])
  }

  @Test func removedFilesStayReadableForWhoHasThemOpen() throws {
    let disk = FaultyDisk(files: ["f": [1, 2]])
    let reader = try disk.open("f")
    try disk.remove("f")
    try disk.syncDirectory(".")
    try disk.replace("f", with: [3])
    #expect(try reader.read(at: 0, count: 2) == [1, 2])
    #expect(try disk.read("f", byteCountMax: 1) == [3])
  }

  @Test func severalThreadsMayUseIt() throws {
    let disk = FaultyDisk()
    let threads = try (0..<4).map { number throws(SystemError) in
      try WorkerThread(name: "writer") {
        for round in 0..<200 {
          guard let file = try? disk.append(to: "f\(number)-\(round % 5)") else { continue }
          try? file.append([UInt8(number)])
          try? file.sync()
          file.close()
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(disk.files.count == 20)
    #expect(disk.files.values.allSatisfy { $0.count == 40 })
  }
}
