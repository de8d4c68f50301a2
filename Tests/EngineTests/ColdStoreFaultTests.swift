import Cold
import Engine
import Model
import Platform
import Query
import Synchronization
import TestSupport
import Testing

/// A store that stops answering when a test says so.
final class MoodyStore: ObjectStore {
  private let inner: DirectoryStore
  private let isDown = Atomic(false)
  private let tears = Atomic(false)
  private let lies = Atomic(false)
  let requests = Atomic(0)

  init(_ disk: FaultyDisk) { inner = DirectoryStore(disk: disk, path: "/cold") }

  func set(isDown: Bool) { self.isDown.store(isDown, ordering: .relaxed) }
  /// Stores half of what it is given, and says that all is well.
  func set(tears: Bool) { self.tears.store(tears, ordering: .relaxed) }
  /// Reads something else than what it keeps.
  func set(lies: Bool) { self.lies.store(lies, ordering: .relaxed) }

  var location: String { inner.location }
  func path(of key: String) -> String { inner.path(of: key) }

  private func ask() throws(ObjectError) {
    requests.add(1, ordering: .relaxed)
    guard !isDown.load(ordering: .relaxed) else {
      throw ObjectError(.unreachable, location, "connect: no answer within 5 s")
    }
  }

  func put(_ key: String, _ file: any ReadableFile) throws(ObjectError) {
    try ask()
    try inner.put(key, tears.load(ordering: .relaxed) ? TornFile(file) : file)
  }

  func get(_ key: String, at offset: Int, count: Int) throws(ObjectError) -> [UInt8] {
    try ask()
    var bytes = try inner.get(key, at: offset, count: count)
    if lies.load(ordering: .relaxed), !bytes.isEmpty { bytes[bytes.count / 2] ^= 1 }
    return bytes
  }

  func list(_ prefix: String) throws(ObjectError) -> [ObjectEntry] {
    try ask()
    return try inner.list(prefix)
  }

  func delete(_ key: String) throws(ObjectError) {
    try ask()
    try inner.delete(key)
  }

  func byteCount(of key: String) throws(ObjectError) -> Int? {
    try ask()
    return try inner.byteCount(of: key)
  }
}

/// A file of which one byte is not what it was.
private final class TornFile: ReadableFile {
  private let inner: any ReadableFile
  init(_ inner: any ReadableFile) { self.inner = inner }
  var byteCount: Int { inner.byteCount }

  func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    var bytes = try inner.read(at: offset, count: count)
    if offset == 0, !bytes.isEmpty { bytes[bytes.count / 2] ^= 1 }
    return bytes
  }
}

/// Goal: a store that does not answer costs nobody time but those that ask it.
@Suite struct ColdStoreFaultTests {
  private struct Setting {
    let disk = FaultyDisk(seed: 1)
    let clock = ManualClock(now: 1_795_373_340_000_000_000)
    let store: MoodyStore
    let engine: Engine
    let receiver: Receiver
    let connection: LineConnection

    init() throws {
      store = MoodyStore(disk)
      engine = try EngineHarness.engine(
        on: disk,
        clock: clock,
        objectStore: store,
        configure: ColdTierTests.configure
      )
      _ = try engine.start()
      receiver = try engine.makeReceiver(onSettled: {})
      connection = receiver.open(sender: "test")
    }

    func send(_ text: String) throws -> String {
      let bytes = Array(text.utf8)
      _ = unsafe bytes.withUnsafeBytes { unsafe receiver.receive($0, on: connection) }
      receiver.endOfRound()
      try settle(20)
      return String(decoding: connection.takeReplies(), as: UTF8.self)
    }

    func settle(_ steps: Int, nanoseconds: UInt64 = 3_000_000) throws {
      for _ in 0..<steps {
        clock.advance(nanoseconds: Int64(nanoseconds))
        receiver.tick()
        try engine.step()
        receiver.settle()
      }
    }

    func fill() async throws {
      for cut in 0..<9 {
        _ = try send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
        try await engine.flush()
        if cut % 3 == 2 { try settle(30, nanoseconds: 100_000_000) }
      }
      try settle(60, nanoseconds: 100_000_000)
      clock.advance(nanoseconds: 4 * 86_400_000_000_000)
    }

    func range(_ index: Int) async throws -> RangeAnswer {
      try await engine.range(
        EngineHarness.items(BackgroundCompactionTests.queries[index]),
        tenant: "default"
      )
    }
  }

  @Test func movesWaitForAStoreThatIsDown() async throws {
    let setting = try Setting()
    setting.store.set(isDown: true)
    try await setting.fill()
    try setting.settle(600, nanoseconds: 100_000_000)
    let metrics = setting.engine.metrics().cold
    #expect(metrics.moveCount == 0)
    // A minute: after 5, 10, 20 seconds and no more.
    #expect((3...5).contains(metrics.failureCount))
    #expect(metrics.waitingBlockCount > 0)
    #expect(try setting.send("m,h=a f=1 \(setting.clock.now())\n#ack x\n") == "OK x 1 0\n")
    setting.store.set(isDown: false)
    try setting.settle(3_000, nanoseconds: 100_000_000)
    #expect(setting.engine.metrics().cold.moveCount > 0)
    #expect(setting.engine.metrics().cold.waitingBlockCount == 0)
  }

  @Test func queriesWarnAtOnceAndIngestGoesOn() async throws {
    let setting = try Setting()
    try await setting.fill()
    try setting.settle(100, nanoseconds: 100_000_000)
    #expect(setting.engine.metrics().cold.moveCount > 0)
    setting.store.set(isDown: true)
    let before = setting.store.requests.load(ordering: .relaxed)
    let answer = try await setting.range(0)
    #expect(answer.warnings.contains { $0.contains("/cold/") && $0.contains("no answer") })
    // It was asked once: the other groups were told at once.
    #expect(setting.store.requests.load(ordering: .relaxed) == before + 1)
    #expect(!setting.engine.metrics().cold.troubles.isEmpty)
    #expect(setting.engine.metrics().queries.partialAnswerCount == 1)
    #expect(try setting.send("m,h=a f=1 \(setting.clock.now())\n#ack x\n") == "OK x 1 0\n")
    try await setting.engine.flush()
    setting.store.set(isDown: false)
    setting.clock.advance(seconds: 60)
    #expect(try await setting.range(0).warnings.isEmpty)
  }

  @Test func aStoreThatKeepsSomethingElseIsFoundOut() async throws {
    let setting = try Setting()
    setting.store.set(tears: true)
    try await setting.fill()
    let blocks = try ColdTierTests.names(setting.disk, ".block")
    try setting.settle(100, nanoseconds: 100_000_000)
    let metrics = setting.engine.metrics().cold
    #expect(metrics.moveCount == 0)
    #expect(metrics.failureCount >= 1)
    #expect(try ColdTierTests.names(setting.disk, ".block").count <= blocks.count)
    #expect(try ColdTierTests.names(setting.disk, ".block").count > 0)
    #expect(ColdTierTests.objects(setting.disk).isEmpty)
    setting.store.set(tears: false)
    try setting.settle(1_000, nanoseconds: 100_000_000)
    #expect(setting.engine.metrics().cold.moveCount > 0)
    #expect(try await setting.range(0).warnings.isEmpty)
  }

  /// A snapshot that is served moves its blocks into the store that it shares with the original.
  @Test func anObjectThatSomebodyElseHasBroughtIsNotRemoved() async throws {
    let setting = try Setting()
    try await setting.fill()
    let snapshot = try await setting.engine.snapshot()
    try setting.settle(100, nanoseconds: 100_000_000)
    let objects = ColdTierTests.objects(setting.disk)
    #expect(!objects.isEmpty)
    let copy = try EngineHarness.engine(
      on: setting.disk,
      clock: setting.clock,
      objectStore: setting.store
    ) { configuration in
      ColdTierTests.configure(&configuration)
      configuration.dataDirectory = snapshot.path
    }
    _ = try copy.start()
    func settle(_ steps: Int) throws {
      for _ in 0..<steps {
        setting.clock.advance(nanoseconds: 100_000_000)
        try copy.step()
      }
    }
    setting.store.set(lies: true)
    try settle(100)
    #expect(copy.metrics().cold.moveCount == 0)
    #expect(copy.metrics().cold.failureCount >= 1)
    #expect(ColdTierTests.objects(setting.disk) == objects)
    setting.store.set(lies: false)
    try settle(1_000)
    #expect(copy.metrics().cold.moveCount == objects.count)
    #expect(ColdTierTests.objects(setting.disk) == objects)
    #expect(try await setting.range(0).warnings.isEmpty)
  }
}
