#if S3
  import Cold
  import Engine
  import Logging
  import Model
  import Platform
  import Query
  import Synchronization
  import TestSupport
  import Testing

  /// Goal: a bucket behind real HTTP is a cold store as a directory is: snapshots pin objects, and
  /// one that denies access costs nobody anything but what lies in it. `.ci/s3` starts the servers.
  @Suite(.serialized) struct S3TierTests {
    private static let day: Int64 = 86_400_000_000_000
    /// A bucket of its own for tests, such as `s3://bucket/prefix`.
    static let location = ProcessEnvironment.value(of: "VARVE_TEST_S3")
    /// Another server, `http://HOST:PORT`, that may be told to deny everything.
    static let denying = ProcessEnvironment.value(of: "VARVE_TEST_S3_DENYING")

    /// What the next start is configured with.
    private final class Options {
      var age: Int64 = 0
    }

    private static func answers(_ engine: Engine) async throws -> [String] {
      var answers: [String] = []
      for query in ColdTierTests.queries {
        let answer = try await engine.range(EngineHarness.items(query), tenant: "default")
        #expect(answer.warnings.isEmpty)
        let json = String(decoding: answer.json(), as: UTF8.self)
        answers.append(String(json.split(separator: "\"stats\"")[0]))
      }
      return answers
    }

    // MARK: Snapshots

    @Test(.enabled(if: location != nil, "run .ci/s3: it starts moto_server"))
    func aSnapshotPinsItsObjectsInTheBucket() async throws {
      // Beside what other tests list.
      let location = try #require(Self.location) + "-pins"
      let store = try ObjectStores.open(location, disk: FaultyDisk())
      let options = Options()
      let harness = try await ColdTierTests.harness { configuration in
        ColdTierTests.configure(&configuration)
        configuration.cold.location = location
        configuration.retention.ageNanoseconds = options.age
      }
      let expected = try await Self.answers(harness.engine)
      try ColdTierTests.age(harness)
      func blocks() throws -> [String] {
        try store.list("").map(\.key).filter { $0.hasSuffix(".block") }
      }
      let objects = try blocks()
      #expect(!objects.isEmpty)
      #expect(harness.engine.metrics().cold.location == location)
      #expect(try await Self.answers(harness.engine) == expected)
      let first = try await harness.engine.snapshot()
      // Names tell the time.
      harness.clock.advance(nanoseconds: 1_000_000_000)
      let second = try await harness.engine.snapshot()

      // Ten days later all of it expires.
      harness.clock.advance(nanoseconds: 10 * Self.day)
      _ = try harness.send("m,h=z f=1 \(harness.clock.now() - 3_600_000_000_000)\n#ack z\n")
      try await harness.engine.flush()
      options.age = Self.day
      try harness.restart()
      try harness.settle(steps: 1_300)
      #expect(
        harness.engine.metrics().retention.removed["age"]?.blockCount ?? 0 >= objects.count
      )
      #expect(try ColdTierTests.names(harness.disk, ".cold").isEmpty)
      #expect(try blocks() == objects)

      // Each snapshot alone pins them: it verifies, and it answers as the directory did.
      #expect(try harness.engine.removeSnapshot(first.name))
      try harness.settle(steps: 30)
      #expect(try blocks() == objects)
      let findings = DataDirectoryCheck(disk: harness.disk, path: second.path).run().findings
      #expect(findings.filter { $0.severity != .note }.isEmpty)
      var configuration = EngineConfiguration(dataDirectory: second.path)
      configuration.partitionCount = 2
      configuration.workerCount = 1
      let copy = try Engine(
        configuration,
        disk: harness.disk,
        clock: harness.clock,
        logger: EngineHarness.silent,
        threading: .manual
      )
      _ = try copy.start()
      #expect(try await Self.answers(copy) == expected)
      harness.disk.crash(.kill)

      try harness.start()
      #expect(try harness.engine.removeSnapshot(second.name))
      try harness.settle(steps: 30)
      #expect(try blocks().isEmpty)
      #expect(harness.damages.isEmpty)
    }

    // MARK: Denial

    @Test(.enabled(if: denying != nil, "run .ci/s3: it starts moto_server"))
    func aBucketThatDeniesAccessStopsMovesAndNothingElse() async throws {
      let endpoint = try #require(Self.denying)
      let place = try S3Place("s3://varve-denied/cold")
      let account = S3Account(accessKey: "stranger", secretKey: "test", endpoint: endpoint)
      let transport = CurlTransport()
      let store = S3Store(place, account, transport: transport, clock: RealClock())
      func send(_ method: String, _ path: String, _ body: String = "") throws {
        let answer = try transport.send(
          method,
          url: endpoint + path,
          // What is no form reaches the server as it is.
          headers: [(name: "content-type", value: "text/plain")],
          body: Array(body.utf8),
          answerByteCountMax: 1 << 16
        )
        #expect(answer.status == 200)
      }
      /// How many requests are let through before rights are asked for.
      func allow(_ isAllowed: Bool) throws {
        try send("POST", "/moto-api/reset-auth", isAllowed ? "1e18" : "0")
      }
      try allow(true)
      try send("PUT", "/varve-denied")
      try allow(false)

      let log = CapturedLog()
      let setting = try Setting(store, log)
      try await setting.fill()
      let expected = try await Self.answers(setting.engine)
      try setting.settle(600)
      var metrics = setting.engine.metrics().cold
      #expect(metrics.moveCount == 0)
      #expect((1...5).contains(metrics.failureCount))
      #expect(metrics.waitingBlockCount > 0)
      let line = try #require(log.lines.first { $0.contains("s3://varve-denied/cold/") })
      for word in [
        ".block was not moved into the cold store and stays where it is: s3://varve-denied/cold/",
        ": 403", "check AWS_ACCESS_KEY_ID", "PutObject",
      ] { #expect(line.contains(word), "\(line)") }
      // Everything is still here, and more comes in.
      #expect(try await Self.answers(setting.engine) == expected)
      #expect(try setting.send("x,h=a f=1 \(setting.clock.now())\n#ack x\n") == "OK x 1 0\n")
      #expect(try ColdTierTests.names(setting.disk, ".cold").isEmpty)

      // Rights come: blocks move. Rights go: queries name what they cannot read.
      try allow(true)
      try setting.settle(7_000)
      metrics = setting.engine.metrics().cold
      #expect(metrics.moveCount > 0)
      #expect(metrics.waitingBlockCount == 0)
      #expect(log.lines.contains { $0.contains("blocks move into the cold store again") })
      #expect(try await Self.answers(setting.engine) == expected)
      try allow(false)
      try setting.restart()
      let answer = try await setting.engine.range(
        EngineHarness.items(ColdTierTests.queries[0]),
        tenant: "default"
      )
      let warning = try #require(answer.warnings.first)
      for word in ["s3://varve-denied/cold/", "get: 403 ", "check AWS_ACCESS_KEY_ID"] {
        #expect(warning.contains(word), "\(warning)")
      }
      #expect(!setting.engine.metrics().cold.troubles.isEmpty)
      #expect(try setting.send("x,h=a f=2 \(setting.clock.now())\n#ack y\n") == "OK y 1 0\n")
      try await setting.engine.flush()
      // Nothing is lost: with the rights all of it answers again.
      try allow(true)
      setting.clock.advance(seconds: 61)
      #expect(try await Self.answers(setting.engine) == expected)
      #expect(try !ColdTierTests.names(setting.disk, ".cold").isEmpty)
    }

    /// An engine with a store and a log of its own, stepped by the test.
    private final class Setting {
      let disk = FaultyDisk(seed: 1)
      let clock = ManualClock(now: 1_795_373_340_000_000_000)
      private let store: any ObjectStore
      private let log: CapturedLog
      private(set) var engine: Engine
      private var receiver: Receiver
      private var connection: LineConnection

      init(_ store: any ObjectStore, _ log: CapturedLog) throws {
        self.store = store
        self.log = log
        engine = try Self.engine(disk, clock, store, log)
        _ = try engine.start()
        receiver = try engine.makeReceiver(onSettled: {})
        connection = receiver.open(sender: "test")
      }

      private static func engine(
        _ disk: FaultyDisk,
        _ clock: ManualClock,
        _ store: any ObjectStore,
        _ log: CapturedLog
      ) throws -> Engine {
        var configuration = EngineConfiguration(dataDirectory: "/data")
        configuration.partitionCount = 2
        configuration.workerCount = 1
        ColdTierTests.configure(&configuration)
        return try Engine(
          configuration,
          disk: disk,
          clock: clock,
          logger: Logger(label: "test") { _ in log.handler },
          threading: .manual,
          objectStore: store
        )
      }

      func restart() throws {
        disk.crash(.kill)
        engine = try Self.engine(disk, clock, store, log)
        _ = try engine.start()
        receiver = try engine.makeReceiver(onSettled: {})
        connection = receiver.open(sender: "test")
      }

      func send(_ text: String) throws -> String {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe receiver.receive($0, on: connection) }
        receiver.endOfRound()
        try settle(20, nanoseconds: 3_000_000)
        return String(decoding: connection.takeReplies(), as: UTF8.self)
      }

      func settle(_ steps: Int, nanoseconds: Int64 = 100_000_000) throws {
        for _ in 0..<steps {
          clock.advance(nanoseconds: nanoseconds)
          receiver.tick()
          try engine.step()
          receiver.settle()
        }
      }

      /// Rows in some cuts, merged, and old enough to move.
      func fill() async throws {
        for cut in 0..<9 {
          _ = try send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
          try await engine.flush()
          if cut % 3 == 2 { try settle(30) }
        }
        try settle(60)
        clock.advance(nanoseconds: 4 * S3TierTests.day)
      }
    }
  }
#endif
