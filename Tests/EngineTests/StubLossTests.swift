import Cold
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: a stub that is lost while the store is away hides rows as long as it must, never without a
/// word, and costs nobody an object.
@Suite struct StubLossTests {
  private static let day: Int64 = 86_400_000_000_000

  private final class Options {
    var age: Int64 = 0
  }

  /// Blocks that have all moved into the cold store.
  private static func harness(_ options: Options = Options()) async throws -> EngineHarness {
    let harness = try await ColdTierTests.harness { configuration in
      ColdTierTests.configure(&configuration)
      configuration.retention.ageNanoseconds = options.age
    }
    try ColdTierTests.age(harness)
    return harness
  }

  private static func stubs(_ harness: EngineHarness) throws -> [String] {
    try (0..<2).flatMap { partition in
      let folder = "/data/partitions/0\(partition)/blocks"
      return try harness.disk.list(folder).filter { $0.hasSuffix(".cold") }
        .map { "\(folder)/\($0)" }
    }
  }

  @Test(arguments: [nil, 0, 100])
  func aBlockThatNobodyCanOpenAtTheStartIsToldAndOpenedLater(byteCount: Int?) async throws {
    let harness = try await Self.harness()
    let expected = try await BackgroundCompactionTests.answers(harness)
    let stubs = try Self.stubs(harness)
    #expect(!stubs.isEmpty)
    try harness.restart { disk in
      for stub in stubs {
        if let byteCount {
          disk.damage(stub) { $0 = Array($0.prefix(byteCount)) }
        } else {
          try disk.remove(stub)
        }
      }
      try disk.rename("/cold", to: "/away")
    }
    for query in ColdTierTests.queries {
      let answer = try await harness.engine.range(EngineHarness.items(query), tenant: "default")
      #expect(answer.warnings.contains { $0.contains("cannot be read now") }, "\(query)")
    }
    // Nothing to see of the times before.
    let before = try await harness.engine.range(
      EngineHarness.items("measurement=m&field=f&start=1000&end=2000"),
      tenant: "default"
    )
    #expect(before.warnings.isEmpty)
    try harness.settle(steps: 100)
    try harness.disk.rename("/away", to: "/cold")
    harness.clock.advance(nanoseconds: 700_000_000_000)
    try harness.settle(steps: 300)
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
    let answer = try await harness.engine.range(
      EngineHarness.items(ColdTierTests.queries[0]),
      tenant: "default"
    )
    #expect(answer.warnings.isEmpty)
    #expect(try Self.stubs(harness) == stubs)
    #expect(harness.damages.isEmpty)
    #expect(try harness.restart().damages.isEmpty)
    #expect(try await BackgroundCompactionTests.answers(harness) == expected)
  }

  /// Also when nothing is named there any more.
  @Test func anEmptyFolderIsNotTakenForAStoreThatHadItsMark() async throws {
    let harness = try await Self.harness()
    let remembered = try #require(try ColdLocation.read(harness.disk, "/data/cold-store"))
    #expect(remembered.isMarked)
    let store = DirectoryStore(disk: harness.disk, path: "/cold")
    try StoreMark.check(store, has: [], wasMarked: true)
    let empty = DirectoryStore(disk: harness.disk, path: "/empty")
    for keys in [[], ["00/x.block"]] {
      #expect(throws: ObjectError.self) {
        try StoreMark.check(empty, has: keys, wasMarked: true)
      }
    }
    #expect(!harness.disk.files.keys.contains { $0.hasPrefix("/empty") })
    // Another place, which somebody names, is a new one.
    try harness.restart()
    #expect(try ColdLocation.read(harness.disk, "/data/cold-store")?.isMarked == true)
    try StoreMark.check(empty, has: [])
    try StoreMark.check(empty, has: [], wasMarked: true)
  }

  /// What is left of a block tells nothing of the times that it had.
  @Test func aBlockOfWhichOnlyTheHeadIsLeftIsToldOf() async throws {
    let harness = try await ColdTierTests.harness { configuration in
      ColdTierTests.configure(&configuration)
      configuration.cold.location = ""
      configuration.cold.afterNanoseconds = 0
      configuration.queueRetainNanoseconds = 0
    }
    let blocks = try ColdTierTests.names(harness.disk, ".block")
    #expect(!blocks.isEmpty)
    try harness.restart { disk in
      for partition in 0..<2 {
        let folder = "/data/partitions/0\(partition)/blocks"
        for name in try disk.list(folder) {
          disk.damage("\(folder)/\(name)") { bytes in
            for index in bytes.indices.dropFirst(64) { bytes[index] = 0 }
          }
        }
      }
      // Nor can the log make it anew.
      for name in try disk.list("/data/queue") where name.hasSuffix(".segment") {
        disk.damage("/data/queue/\(name)") { $0 = Array($0.prefix(64)) }
      }
    }
    // Minutes are in the ring.
    for query in ColdTierTests.queries where !query.contains("step=60s") {
      let answer = try await harness.engine.range(EngineHarness.items(query), tenant: "default")
      #expect(!answer.warnings.isEmpty, "\(query)")
    }
  }

  /// One whose object is gone for good keeps nobody from the others.
  @Test func oneThatNobodyCanOpenDoesNotStandBeforeOthers() async throws {
    for lost in 0..<2 {
      let harness = try EngineHarness(configure: ColdTierTests.configure)
      for cut in 0..<9 {
        let lines = BackgroundCompactionTests.lines(cut)
        _ = try harness.send("\(lines)#tenant other\n\(lines)#tenant default\n#ack c\n")
        try await harness.engine.flush()
        if cut % 3 == 2 { try harness.settle(steps: 30) }
      }
      try harness.settle(steps: 60)
      try ColdTierTests.age(harness)
      let stubs = try Self.stubs(harness)
      let objects = ColdTierTests.objects(harness.disk).sorted()
      try #require(objects.count >= 2 && stubs.count == objects.count)
      try harness.restart { disk in
        for stub in stubs { try disk.remove(stub) }
        try disk.rename("/cold", to: "/away")
      }
      try harness.settle(steps: 20)
      try harness.disk.rename("/away", to: "/cold")
      try harness.disk.remove(lost == 0 ? objects[0] : objects[objects.count - 1])
      for _ in 0..<4 {
        harness.clock.advance(nanoseconds: 700_000_000_000)
        try harness.settle(steps: 100)
      }
      #expect(try Self.stubs(harness).count == stubs.count - 1, "object \(lost)")
      var told = 0
      for tenant in ["default", "other"] {
        let query = EngineHarness.items(ColdTierTests.queries[0])
        let answer = try await harness.engine.range(query, tenant: tenant)
        told += answer.warnings.contains { $0.contains("cannot be read now") } ? 1 : 0
      }
      #expect(told == 1, "object \(lost)")
    }
  }

  @Test(arguments: [true, false])
  func aSnapshotWithoutAStubPinsItsObject(isAway: Bool) async throws {
    let options = Options()
    let harness = try await Self.harness(options)
    let objects = ColdTierTests.objects(harness.disk)
    let stubs = try Self.stubs(harness)
    if isAway {
      try harness.restart { disk in
        for stub in stubs { try disk.remove(stub) }
        try disk.rename("/cold", to: "/away")
      }
    } else {
      for stub in stubs { try harness.disk.remove(stub) }
    }
    let snapshot = try await harness.engine.snapshot()
    if isAway { try harness.disk.rename("/away", to: "/cold") }
    try harness.restart()
    harness.clock.advance(nanoseconds: 700_000_000_000)
    try harness.settle(steps: 300)
    #expect(try Self.stubs(harness) == stubs)
    harness.clock.advance(nanoseconds: 10 * Self.day)
    _ = try harness.send("m,h=z f=1 \(harness.clock.now() - 3_600_000_000_000)\n#ack z\n")
    try await harness.engine.flush()
    options.age = Self.day
    try harness.restart()
    try harness.settle(steps: 1_300)
    #expect(try Self.stubs(harness).isEmpty)
    #expect(ColdTierTests.objects(harness.disk) == objects)
    #expect(try harness.engine.removeSnapshot(snapshot.name))
    try harness.settle(steps: 100)
    #expect(ColdTierTests.objects(harness.disk).isEmpty)
  }

  /// The blocks are gone before the move is tried again.
  @Test func aMoveThatIsCutShortLeavesNoObject() async throws {
    let source = try await ColdTierTests.harness()
    source.clock.advance(nanoseconds: 4 * Self.day)
    try source.kill()
    var (crashes, left) = (0, 0)
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let options = Options()
      let harness = try EngineHarness(on: disk, now: source.clock.now()) { configuration in
        ColdTierTests.configure(&configuration)
        configuration.retention.ageNanoseconds = options.age
        // The disk is another one, the objects on it are.
        configuration.cold.ownership = .adopt
      }
      disk.powerOff(afterOperations: crashes)
      try? harness.settle(steps: 60)
      let wasCutShort = disk.isOff
      options.age = Self.day
      try harness.restart([.power, .powerLosingAll, .kill][crashes % 3])
      left += ColdTierTests.objects(disk).count
      harness.clock.advance(nanoseconds: 10 * Self.day)
      _ = try harness.send("m,h=z f=1 \(harness.clock.now() - 3_600_000_000_000)\n#ack z\n")
      try await harness.engine.flush()
      for _ in 0..<200 {
        harness.clock.advance(nanoseconds: 1_000_000_000)
        try harness.engine.step()
      }
      #expect(ColdTierTests.objects(disk).isEmpty, "crash \(crashes)")
      let unfinished = disk.files.keys.filter { $0.hasPrefix("/cold/") && $0.hasSuffix(".tmp") }
      #expect(unfinished.isEmpty, "crash \(crashes)")
      guard wasCutShort else { break }
      crashes += 1
    }
    #expect(crashes > 10 && left > 5, "\(crashes) crashes, \(left) objects")
  }
}
