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
    // Ten days later, with a retention of a day.
    func configure(_ configuration: inout EngineConfiguration) {
      configuration.retention.ageNanoseconds = Self.day
      configuration.cold.ownership = ownership
    }
    let copy = try Self.engine(harness, at: snapshot.path, configure: configure)
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
    #expect(copy.metrics().retention.removed["age"]?.blockCount ?? 0 >= objects.count)
    let left = ColdTierTests.objects(harness.disk)
    #expect(left == (ownership == .shared ? objects : []))
    guard ownership == .shared else { return }
    try harness.start()
    #expect(try await Self.answers(harness.engine) == expected)
  }
}
