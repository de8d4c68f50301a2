import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: at whatever operation of the disk an engine's life is cut short, or the disk refuses, what
/// was acknowledged is there, nothing else is, windows and ledger agree with it, and sending all
/// again makes everything whole.
///
/// Method: one life with all that touches the disk: appends, rolls of segments, cuts of two
/// tenants, a freeze, a patch, refused lines, a restart in the middle. Its operations are counted;
/// then the machine fails at each of them, and the start after that is cut short as well. The
/// default run tries a sample; `VARVE_TEST_EVERY=1` tries every operation.
@Suite struct CrashEverywhereTests {
  private static let isWhole = ProcessEnvironment.value(of: "VARVE_TEST_EVERY") != nil
  private static let hourStart = DamageSample.hourStart

  private static func configure(_ configuration: inout EngineConfiguration) {
    DamageSample.configure(&configuration)
    configuration.segmentByteCountMax = 900
    configuration.queueRetainNanoseconds = 0
    configuration.diskReserveByteCount = 16 << 10
  }

  private static func harness() throws -> EngineHarness {
    try EngineHarness(
      now: (hourStart + 1_200) * Nanoseconds.perSecond,
      configure: configure
    )
  }

  /// One life, step by step. A step that fails is over; the next one is tried all the same.
  private enum Step {
    case send(String)
    case flush
    /// Time goes by, and the workers do what is due.
    case rest(seconds: Int64)
    case restart
  }

  /// Some at the ends of what a cell can be.
  private static func rows(_ range: Range<Int64>) -> String {
    range.map { row in
      let f = [3: "-0.0", 9: "5e-324"][row] ?? "\(row).25"
      let i = [5: Int64.min, 6: Int64.max, 7: (1 << 53) + 1][row] ?? row
      return "m,h=a f=\(f),i=\(i)i,s=\"\(row == 7 ? "" : "s\(row % 3)")\" \(hourStart + row * 37)\n"
        + "m,h=b f=-\(row),b=\(row % 2 == 0) \(hourStart + row * 37)\n"
    }.joined()
  }

  private static func other(_ second: Int64) -> String {
    let u = second == 3 ? UInt64.max : UInt64(second)
    return "#tenant other\nn,k=v u=\(u)u,f=\(second).5 \(hourStart + second)\n#tenant default\n"
  }

  private static let life: [Step] = [
    .send(rows(0..<8) + other(3)), .send(rows(4..<16) + "bad line\n"), .flush,
    .send(rows(16..<24) + other(70)), .rest(seconds: 3_600),
    .send(rows(110..<114) + "m,h=a f=-7.25,n=3i \(hourStart + 65)\n"), .flush,
    .send(rows(20..<26) + other(4_100)), .restart, .send(rows(114..<118)), .flush,
    .rest(seconds: 1), .send(rows(118..<126) + other(4_200)), .flush, .send(rows(126..<130)),
  ]

  /// Lives some steps of it.
  ///
  /// - Returns: for each whether it went well; a line's step when it was acknowledged.
  @discardableResult
  private func live(
    _ harness: EngineHarness,
    _ steps: Range<Int> = life.indices
  ) async -> [Bool] {
    var done: [Bool] = []
    for index in steps {
      do {
        switch Self.life[index] {
        case .send(let text):
          let reply = try harness.send(text + "#ack s\(index)\n")
          done.append(reply.contains("OK s\(index) "))
          continue
        case .flush: try await harness.engine.flush()
        case .rest(let seconds):
          harness.clock.advance(seconds: seconds)
          try harness.settle(steps: 120)
        case .restart:
          // Without power there is nothing to start.
          if harness.disk.isOff { return done }
          try harness.restart()
        }
        done.append(true)
      } catch {
        done.append(false)
      }
    }
    return done
  }

  /// What an undisturbed life leads to.
  private struct Calm {
    /// Points that are new with each step.
    var gains: [Set<String>] = []
    var all: Set<String> = []
    var windows: [String] = []
    var operationCount = 0
  }

  private func calm() async throws -> Calm {
    let harness = try Self.harness()
    let before = harness.disk.operationCount
    var calm = Calm()
    // Each step alone, so that its points are known.
    for index in Self.life.indices {
      await live(harness, index..<index + 1)
      let points = try await DamageSample.points(harness).found
      calm.gains.append(points.subtracting(calm.all))
      calm.all = points
    }
    calm.operationCount = harness.disk.operationCount - before
    calm.windows = try await DamageSample.windows(harness)
    return calm
  }

  /// The operations at which to strike.
  private func places(_ count: Int, sample: Int) -> [Int] {
    if Self.isWhole { return Array(0..<count) }
    var random = SeededRandom(seed: UInt64(count))
    return (0..<sample).map { _ in Int.random(in: 0..<count, using: &random) }.sorted()
  }

  @Test func theLifeDoesAllThatTouchesTheDisk() async throws {
    let harness = try Self.harness()
    let done = await live(harness)
    #expect(done == Self.life.map { _ in true })
    let names = harness.disk.files.keys
    for suffix in [".block", ".frozen", ".patch", ".slot", "0000000000000005.segment"] {
      #expect(names.contains { $0.hasSuffix(suffix) }, "\(suffix) of \(names.sorted())")
    }
    let calm = try await calm()
    #expect(calm.all.count > 200)
    #expect(calm.operationCount > 150)
    #expect(harness.damages == [])
  }

  @Test(arguments: [FaultyDisk.Crash.power, .powerLosingAll, .kill])
  func aCrashAtAnyOperationKeepsWhatWasAcknowledged(crash: FaultyDisk.Crash) async throws {
    let calm = try await calm()
    for place in places(calm.operationCount, sample: 10) {
      let harness = try Self.harness()
      harness.disk.powerOff(afterOperations: place)
      let done = await live(harness)
      // The next starts are cut short as well, each a little later.
      for operations in [place % 7, 5 + place % 11] {
        _ = try? harness.restart(crash) { $0.powerOff(afterOperations: operations) }
      }
      try harness.restart(crash)
      let problems = try await problems(harness, calm, done)
      for problem in problems { Issue.record("\(crash) at \(place): \(problem)") }
    }
  }

  @Test(arguments: [FaultyDisk.Operation.write, .sync, .name], [true, false])
  func anErrorAtAnyOperationKeepsWhatWasAcknowledged(
    operation: FaultyDisk.Operation,
    isFull: Bool
  ) async throws {
    let calm = try await calm()
    let code = isFull ? SystemError.Code.noSpace : SystemError.Code.inputOutput
    for place in places(calm.operationCount * 2 / 3, sample: 6) {
      let harness = try Self.harness()
      // Now and then a disk that goes on refusing for a while.
      let times = place % 3 == 0 ? 1 + place % 5 : 1
      harness.disk.fail(operation, after: place, times: times, code: code)
      let done = await live(harness)
      harness.disk.fail(operation, times: 0)
      harness.clock.advance(seconds: 3)
      if place % 2 == 0 { try harness.restart(.power) } else { try harness.settle(steps: 40) }
      let problems = try await problems(harness, calm, done)
      for problem in problems {
        Issue.record("\(operation) \(code) \(times) times at \(place): \(problem)")
      }
    }
  }

  @Test func aDiskThatFillsUpAtAnyByteKeepsWhatWasAcknowledged() async throws {
    let calm = try await calm()
    let rooms =
      Self.isWhole ? Array(stride(from: 0, to: 60_000, by: 61)) : places(60_000, sample: 6)
    for room in rooms {
      let harness = try Self.harness()
      harness.disk.limitFreeSpace(to: room)
      let done = await live(harness)
      if room % 2 == 0 { try harness.restart(.power) }
      harness.disk.limitFreeSpace(to: nil)
      harness.clock.advance(seconds: 3)
      try harness.settle(steps: 40)
      let problems = try await problems(harness, calm, done)
      for problem in problems { Issue.record("\(room) bytes: \(problem)") }
    }
  }

  /// What is not as it was promised, before and after everything is sent again.
  private func problems(
    _ harness: EngineHarness,
    _ calm: Calm,
    _ done: [Bool]
  ) async throws -> [String] {
    var problems: [String] = []
    let (found, warnings) = try await DamageSample.points(harness)
    if !warnings.isEmpty { problems.append("\(warnings)") }
    for (index, isDone) in done.enumerated() where isDone {
      let missing = calm.gains[index].subtracting(found)
      if !missing.isEmpty { problems.append("step \(index) lacks \(missing.sorted().prefix(3))") }
    }
    let invented = found.subtracting(calm.all)
    if !invented.isEmpty { problems.append("invented \(invented.sorted().prefix(3))") }
    let isBalanced = await harness.engine.ledger().allSatisfy(\.isBalanced)
    if !isBalanced { problems.append("ledger off") }
    problems += harness.report.damages.filter { $0.severity != .note }.map { "told of \($0)" }
    if done.first == true { try types(harness, &problems) }

    for (index, step) in Self.life.enumerated() {
      guard case .send(let text) = step else { continue }
      var reply = ""
      for _ in 0..<4 where !reply.contains("OK s\(index) ") {
        harness.clock.advance(seconds: 1)
        reply = try harness.send(text + "#ack s\(index)\n")
      }
      if !reply.contains("OK s\(index) ") { problems.append("step \(index) again: \(reply)") }
    }
    try await compare(harness, calm, "sent again", &problems)
    try await harness.engine.flush()
    harness.clock.advance(seconds: 20)
    try harness.settle(steps: 120)
    try await compare(harness, calm, "cut", &problems)
    try harness.restart(.powerLosingAll)
    try await compare(harness, calm, "started again", &problems)
    let stored = await harness.engine.ledger().reduce(0) { $0 + $1.entry.stored }
    if stored != UInt64(calm.all.count) {
      problems.append("\(stored) points stored, \(calm.all.count) are there")
    }
    problems += harness.damages.map { "verify finds \($0)" }
    return problems
  }

  /// Fields that are acknowledged keep their types.
  private func types(_ harness: EngineHarness, _ problems: inout [String]) throws {
    let time = Self.hourStart + 1
    let lines = [
      "m,h=a f=\"x\" \(time)", "m,h=a i=true \(time)", "m,h=a s=1 \(time)", "m,h=b b=2i \(time)",
      "#tenant other", "n,k=v u=\"x\" \(time)", "#tenant default", "#ack types\n",
    ]
    var reply = ""
    for _ in 0..<4 where !reply.contains(" types ") || reply.contains("FAIL") {
      harness.clock.advance(seconds: 1)
      reply = try harness.send(lines.joined(separator: "\n"))
    }
    if !reply.contains("OK types 0 5\n") { problems.append("other types: \(reply)") }
  }

  private func compare(
    _ harness: EngineHarness,
    _ calm: Calm,
    _ when: String,
    _ problems: inout [String]
  ) async throws {
    let found = try await DamageSample.points(harness).found
    if found != calm.all {
      problems.append("\(when): \(found.symmetricDifference(calm.all).sorted().prefix(3)) differ")
    }
    let windows = try await DamageSample.windows(harness)
    if windows != calm.windows { problems.append("\(when): windows differ") }
  }
}
