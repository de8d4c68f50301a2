import Cold
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: a snapshot stays whole whatever retention does to the directory that it is of, and whoever
/// serves it takes nothing from that directory.
@Suite struct ColdSnapshotTests {
  private static let hour: Int64 = 3_600_000_000_000
  private static let day = 24 * hour
  private static let queries = BackgroundCompactionTests.queries

  /// What the next start is configured with.
  private final class Options {
    var age: Int64 = 0
    var hasStore = true
  }

  /// Blocks that have all moved into the cold store.
  private static func harness(_ options: Options) async throws -> EngineHarness {
    let harness = try await ColdTierTests.harness { configuration in
      ColdTierTests.configure(&configuration)
      configuration.retention.ageNanoseconds = options.age
    }
    try ColdTierTests.age(harness)
    return harness
  }

  /// Writes a row of ten days later and has everything else expire.
  private static func expire(_ harness: EngineHarness, _ options: Options) async throws {
    harness.clock.advance(nanoseconds: 10 * day)
    _ = try harness.send("m,h=z f=1 \(harness.clock.now() - hour)\n#ack z\n")
    try await harness.engine.flush()
    options.age = day
    try harness.restart()
    try harness.settle(steps: 1_300)
  }

  private static func engine(
    _ harness: EngineHarness,
    at path: String,
    configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> Engine {
    var configuration = EngineConfiguration(dataDirectory: path)
    configuration.partitionCount = 2
    configuration.workerCount = 1
    configure(&configuration)
    let engine = try Engine(
      configuration,
      disk: harness.disk,
      clock: harness.clock,
      logger: EngineHarness.silent,
      threading: .manual
    )
    _ = try engine.start()
    return engine
  }

  private static func answers(_ engine: Engine) async throws -> [String] {
    var answers: [String] = []
    for query in queries {
      let answer = try await engine.range(EngineHarness.items(query), tenant: "default")
      #expect(answer.warnings.isEmpty)
      let json = String(decoding: answer.json(), as: UTF8.self)
      answers.append(String(json.split(separator: "\"stats\"")[0]))
    }
    return answers
  }

  private static func damages(_ harness: EngineHarness, _ path: String) -> [Damage] {
    DataDirectoryCheck(disk: harness.disk, path: path).run().findings.filter {
      $0.severity != .note
    }
  }

  @Test func aSnapshotStaysWholeWhenRetentionRemovesItsBlocks() async throws {
    let options = Options()
    let harness = try await Self.harness(options)
    let expected = try await Self.answers(harness.engine)
    let snapshot = try await harness.engine.snapshot()
    let objects = ColdTierTests.objects(harness.disk)
    #expect(!objects.isEmpty)
    try await Self.expire(harness, options)
    #expect(harness.engine.metrics().retention.removed["age"]?.blockCount ?? 0 >= objects.count)
    // What the snapshot shares stays, and it is whole.
    #expect(ColdTierTests.objects(harness.disk) == objects)
    #expect(Self.damages(harness, snapshot.path).isEmpty)
    let copy = try Self.engine(harness, at: snapshot.path)
    #expect(try await Self.answers(copy) == expected)
    harness.disk.crash(.kill)
    try harness.start()
    // With the snapshot its objects go.
    #expect(try harness.engine.removeSnapshot(snapshot.name))
    try harness.settle(steps: 30)
    #expect(ColdTierTests.objects(harness.disk).isEmpty)
    #expect(harness.damages.isEmpty)
  }

  /// Whatever a crash cuts short of the removal of blocks and of the snapshot that pins their
  /// objects: these go in the end, and none goes that is named.
  @Test func noCrashLeavesAnObjectBehind() async throws {
    let options = Options()
    let source = try await Self.harness(options)
    let snapshot = try await source.engine.snapshot()
    source.clock.advance(nanoseconds: 10 * Self.day)
    _ = try source.send("m,h=z f=1 \(source.clock.now() - Self.hour)\n#ack z\n")
    try await source.engine.flush()
    try source.kill()
    var crashes = 0
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let clock = ManualClock(now: source.clock.now())
      func start() throws -> Engine {
        let engine = try EngineHarness.engine(on: disk, clock: clock) { configuration in
          ColdTierTests.configure(&configuration)
          configuration.retention.ageNanoseconds = Self.day
          // The disk is another one, the objects on it are.
          configuration.cold.ownership = .adopt
        }
        _ = try engine.start()
        return engine
      }
      func settle(_ engine: Engine, steps: Int) throws {
        for _ in 0..<steps {
          clock.advance(nanoseconds: 1_000_000_000)
          try engine.step()
        }
      }
      var engine = try start()
      disk.powerOff(afterOperations: crashes)
      // The snapshot goes before its blocks do, or while their files wait for the next step.
      if crashes.isMultiple(of: 2) { try? settle(engine, steps: 70) }
      _ = try? engine.removeSnapshot(snapshot.name)
      try? settle(engine, steps: 70)
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][crashes % 3])
      engine = try start()
      if try engine.snapshotNames() == [snapshot.name] {
        let found = DataDirectoryCheck(disk: disk, path: snapshot.path).run().findings
        #expect(!found.contains { $0.severity != .note }, "crash \(crashes)")
        #expect(try engine.removeSnapshot(snapshot.name))
      }
      try settle(engine, steps: 140)
      #expect(ColdTierTests.objects(disk).isEmpty, "crash \(crashes)")
      #expect(disk.files["/data/cold-removals"] == nil, "crash \(crashes)")
      #expect(try ColdTierTests.names(disk, ".cold").isEmpty, "crash \(crashes)")
      guard wasCutShort else { break }
      crashes += 1
    }
    #expect(crashes > 20)
  }

  @Test func whatTheStoreDoesNotRemoveIsRemovedAfterARestart() async throws {
    let options = Options()
    let harness = try await Self.harness(options)
    let snapshot = try await harness.engine.snapshot()
    let objects = ColdTierTests.objects(harness.disk)
    try await Self.expire(harness, options)
    #expect(ColdTierTests.objects(harness.disk) == objects)
    // The store is away when the snapshot goes.
    try harness.disk.rename("/cold", to: "/away")
    try harness.disk.createDirectory("/cold")
    #expect(try harness.engine.removeSnapshot(snapshot.name))
    try harness.settle(steps: 30)
    try harness.restart { disk in
      try disk.remove("/cold")
      try disk.rename("/away", to: "/cold")
    }
    #expect(ColdTierTests.objects(harness.disk) == objects)
    try harness.settle(steps: 30)
    #expect(ColdTierTests.objects(harness.disk).isEmpty)
  }

  /// A list of what is to be removed that does not say the truth costs nothing that is named.
  @Test func aNamedObjectIsNeverRemoved() async throws {
    let harness = try await Self.harness(Options())
    let expected = try await Self.answers(harness.engine)
    let objects = ColdTierTests.objects(harness.disk)
    let keys = objects.map { String($0.dropFirst("/cold/".count)) }
    for bytes in [ColdRemovals.encoded(keys + ["00/nonsense", "../data/VARVE"]), [1, 2, 3]] {
      try harness.restart { disk in try disk.replace("/data/cold-removals", with: bytes) }
      try harness.settle(steps: 30)
      #expect(ColdTierTests.objects(harness.disk) == objects)
      #expect(harness.disk.files["/data/VARVE"] != nil)
    }
    #expect(try await Self.answers(harness.engine) == expected)
  }

  @Test func objectsThatSomebodyElseNamesOutliveASnapshot() async throws {
    let options = Options()
    let harness = try await Self.harness(options)
    let expected = try await Self.answers(harness.engine)
    let first = try await harness.engine.snapshot()
    // Names tell the time.
    harness.clock.advance(nanoseconds: 1_000_000_000)
    let second = try await harness.engine.snapshot()
    let objects = ColdTierTests.objects(harness.disk)
    // The directory names them.
    #expect(try harness.engine.removeSnapshot(first.name))
    try harness.settle(steps: 30)
    #expect(ColdTierTests.objects(harness.disk) == objects)
    #expect(try await Self.answers(harness.engine) == expected)
    let third = try await harness.engine.snapshot()
    try await Self.expire(harness, options)
    // Another snapshot does.
    #expect(try harness.engine.removeSnapshot(second.name))
    try harness.settle(steps: 30)
    #expect(ColdTierTests.objects(harness.disk) == objects)
    #expect(Self.damages(harness, third.path).isEmpty)
    #expect(try harness.engine.removeSnapshot(third.name))
    try harness.settle(steps: 30)
    #expect(ColdTierTests.objects(harness.disk).isEmpty)
  }

  @Test(arguments: [ColdConfiguration.Ownership.shared, .adopt])
  func aServedSnapshotRemovesObjectsOnlyOnceTheyAreItsOwn(
    ownership: ColdConfiguration.Ownership
  ) async throws {
    let harness = try await Self.harness(Options())
    let expected = try await Self.answers(harness.engine)
    let snapshot = try await harness.engine.snapshot()
    let objects = ColdTierTests.objects(harness.disk)
    harness.disk.crash(.kill)
    // One that adopts lies elsewhere than in the folder of the directory that it is of.
    let path = ownership == .shared ? snapshot.path : "/restored"
    if ownership == .adopt { try harness.disk.rename(snapshot.path, to: path) }
    // Ten days later, with a retention of a day.
    func configure(_ configuration: inout EngineConfiguration) {
      configuration.retention.ageNanoseconds = Self.day
      configuration.cold.ownership = ownership
    }
    let copy = try Self.engine(harness, at: path, configure: configure)
    try await Self.expire(copy, harness)
    #expect(copy.metrics().retention.removed["age"]?.blockCount ?? 0 >= objects.count)
    let left = ColdTierTests.objects(harness.disk)
    #expect(left == (ownership == .shared ? objects : []))
    guard ownership == .shared else { return }
    try harness.start()
    #expect(try await Self.answers(harness.engine) == expected)
  }

  /// Everything that a copy has is ten days old, and it has a retention of a day.
  private static func expire(_ copy: Engine, _ harness: EngineHarness) async throws {
    harness.clock.advance(nanoseconds: 10 * Self.day)
    let receiver = try copy.makeReceiver(onSettled: {})
    let connection = receiver.open(sender: "test")
    let line = Array("m,h=z f=1 \(harness.clock.now() - Self.hour)\n#ack z\n".utf8)
    _ = unsafe line.withUnsafeBytes { unsafe receiver.receive($0, on: connection) }
    receiver.endOfRound()
    for _ in 0..<20 {
      harness.clock.advance(nanoseconds: 3_000_000)
      receiver.tick()
      try copy.step()
      receiver.settle()
    }
    try await copy.flush()
    for _ in 0..<1_300 {
      harness.clock.advance(nanoseconds: 100_000_000)
      try copy.step()
    }
  }

  /// Whatever a copy is configured with: whose the objects are does not change by another name of
  /// the store, nor by a file that is missing.
  @Test(arguments: ["made before there was a store", "another name", "no file", "a copy"])
  func aCopyRemovesNoObject(how: String) async throws {
    let options = Options()
    options.hasStore = how != "made before there was a store"
    let harness = try await ColdTierTests.harness { configuration in
      ColdTierTests.configure(&configuration)
      guard !options.hasStore else { return }
      configuration.cold = ColdConfiguration()
    }
    var path = try await harness.engine.snapshot().path
    options.hasStore = true
    try harness.restart()
    try ColdTierTests.age(harness)
    let expected = try await Self.answers(harness.engine)
    let objects = ColdTierTests.objects(harness.disk)
    #expect(!objects.isEmpty)
    if how != "made before there was a store" { path = try await harness.engine.snapshot().path }
    harness.disk.crash(.kill)
    switch how {
    case "no file": try harness.disk.remove(path + "/cold-store")
    case "a copy":
      for (name, bytes) in harness.disk.files where name.hasPrefix("/data/") {
        guard !name.hasPrefix("/data/snapshots/") else { continue }
        let target = "/copy" + name.dropFirst("/data".count)
        try harness.disk.createDirectory(Path.directory(of: target))
        try harness.disk.replace(target, with: bytes)
      }
      path = "/copy"
    default: break
    }
    let copy = try Self.engine(harness, at: path) { configuration in
      ColdTierTests.configure(&configuration)
      configuration.retention.ageNanoseconds = Self.day
      if how == "another name" { configuration.cold.location = "/cold//" }
    }
    try await Self.expire(copy, harness)
    #expect(copy.metrics().retention.removed["age"]?.blockCount ?? 0 > 0)
    #expect(ColdTierTests.objects(harness.disk) == objects)
    try harness.start()
    #expect(try await Self.answers(harness.engine) == expected)
  }

  @Test func aSnapshotInTheFolderOfItsOriginalDoesNotAdopt() async throws {
    let harness = try await Self.harness(Options())
    let snapshot = try await harness.engine.snapshot()
    let error = #expect(throws: EngineError.self) {
      _ = try Self.engine(harness, at: snapshot.path) { $0.cold.ownership = .adopt }
    }
    #expect("\(String(describing: error))".contains("is a snapshot in the folder of /data"))
  }

  @Test func aServedSnapshotIsNotRemoved() async throws {
    let harness = try await Self.harness(Options())
    let snapshot = try await harness.engine.snapshot()
    var copy: Engine? = try Self.engine(harness, at: snapshot.path)
    #expect(copy != nil)
    #expect(throws: EngineError.self) { _ = try harness.engine.removeSnapshot(snapshot.name) }
    #expect(try harness.engine.snapshotNames() == [snapshot.name])
    copy = nil
    #expect(try harness.engine.removeSnapshot(snapshot.name))
    #expect(try harness.engine.snapshotNames().isEmpty)
  }

  /// An empty folder where the disk of the store should be mounted.
  @Test func nothingMovesNorGoesWhileTheStoreIsAway() async throws {
    let options = Options()
    let harness = try await Self.harness(options)
    let objects = ColdTierTests.objects(harness.disk)
    try harness.disk.rename("/cold", to: "/away")
    try harness.disk.createDirectory("/cold")
    let moveCount = harness.engine.metrics().cold.moveCount
    for cut in 20..<29 {
      _ = try harness.send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
      try await harness.engine.flush()
      if cut % 3 == 2 { try harness.settle(steps: 30) }
    }
    try harness.settle(steps: 60)
    try ColdTierTests.age(harness)
    #expect(harness.engine.metrics().cold.moveCount == moveCount)
    #expect(harness.engine.metrics().cold.failureCount > 0)
    #expect(ColdTierTests.objects(harness.disk).isEmpty)
    try await Self.expire(harness, options)
    try harness.disk.remove("/cold")
    try harness.disk.rename("/away", to: "/cold")
    #expect(ColdTierTests.objects(harness.disk) == objects)
    // It is asked again a minute later.
    try harness.settle(steps: 1_300)
    #expect(ColdTierTests.objects(harness.disk).isEmpty)
  }
}
