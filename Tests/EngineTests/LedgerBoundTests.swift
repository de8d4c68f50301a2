import Cold
import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: what leaves the disk is never counted as more than what came to it:
/// `expired + deleted ≤ stored + replaced` at every moment, whatever duplicates, replacements,
/// merges, moves, deletes, retention and crashes come in which order; and once nothing is left on
/// the disk all that was stored has left.
@Suite struct LedgerBoundTests {
  @Test(arguments: 0..<12 as Range<UInt64>)
  func whatLeavesIsNoMoreThanWhatCame(seed: UInt64) async throws {
    var run = try LedgerRun(seed: seed)
    for _ in 0..<60 {
      try await run.step()
      try await run.check()
    }
    try await run.expireAll()
  }
}

/// One seed's life of an engine.
private struct LedgerRun {
  private static let second: Int64 = 1_000_000_000
  private static let hour = 3_600 * second
  private static let start: Int64 = 1_795_370_400_000_000_000
  private static let measurements = ["m", "n"]

  /// What the next start is configured with.
  private final class Options {
    var age: Int64 = 0
    var byteCount = 0
    var coldAfter: Int64 = 0
    var mode = CompactionMode.background
  }

  private let options = Options()
  private var random: SeededRandom
  private let harness: EngineHarness
  private let seed: UInt64
  private var steps: [String] = []

  init(seed: UInt64) throws {
    self.seed = seed
    random = SeededRandom(seed: seed)
    let options = options
    harness = try EngineHarness(on: FaultyDisk(seed: seed), now: Self.start) { configuration in
      configuration.compaction.mode = options.mode
      configuration.compaction.cutCount = 2
      configuration.compaction.coldAfterNanoseconds = 60 * Self.second
      configuration.retention.ageNanoseconds = options.age
      configuration.retention.byteCount = options.byteCount
      configuration.cold.location = "/cold"
      configuration.cold.afterNanoseconds = options.coldAfter
    }
  }

  mutating func step() async throws {
    switch Int.random(in: 0..<14, using: &random) {
    case 0..<5: try send()
    case 5..<8: try await cut()
    case 8:
      steps.append("settle")
      try harness.settle(steps: Int.random(in: 1..<80, using: &random))
    case 9:
      let hours = [1, 3, 26, 80].randomElement(using: &random) ?? 1
      steps.append("\(hours) hours pass")
      harness.clock.advance(nanoseconds: Int64(hours) * Self.hour)
      try harness.settle(steps: 700)
    case 10..<12: try await delete()
    default: try restart()
    }
  }

  /// Rows at few times, so that many are duplicates or replace others, in cuts before and after.
  private mutating func send() throws {
    var lines = ""
    let now = harness.clock.now()
    let spread = [10, 600, 90_000].randomElement(using: &random) ?? 10
    for _ in 0..<Int.random(in: 1..<40, using: &random) {
      let measurement = Self.measurements.randomElement(using: &random) ?? "m"
      let host = ["a", "b", "c"].randomElement(using: &random) ?? "a"
      let place = Int64.random(in: 0..<12, using: &random)
      let time = now - now % Self.hour - place * Int64(spread) * Self.second
      let value = Int.random(in: 0..<3, using: &random)
      let fields =
        ["f=\(value)", "f=\(value),i=\(value)i", "i=1i"].randomElement(using: &random) ?? "f=1"
      lines += "\(measurement),h=\(host) \(fields) \(time)\n"
    }
    steps.append("send")
    _ = try harness.send(lines + "#ack a\n")
  }

  private mutating func cut() async throws {
    steps.append("cut")
    try await harness.engine.flush()
  }

  private mutating func delete() async throws {
    let measurement = Self.measurements.randomElement(using: &random) ?? "m"
    let selector = ["{}", "{h=\"a\"}", "{h=~\"a|b\"}"].randomElement(using: &random) ?? ""
    let end = harness.clock.now() / Self.second - Int64.random(in: 0..<8_000, using: &random)
    let length = [30, 4_000, 900_000].randomElement(using: &random) ?? 30
    steps.append("delete \(length) s of \(measurement)\(selector)")
    let name = selector == "{}" ? measurement : measurement + selector
    try await DeleteTests.delete(
      harness,
      "match[]=\(name)&start=\(end - Int64(length))&end=\(end)"
    )
  }

  private mutating func restart() throws {
    options.age = [0, 0, 5 * Self.hour, 50 * Self.hour].randomElement(using: &random) ?? 0
    options.byteCount = [0, 0, 0, 4_000].randomElement(using: &random) ?? 0
    options.coldAfter =
      [0, ColdPolicy.ageNanosecondsMin].randomElement(using: &random) ?? 0
    options.mode = [.background, .background, .none].randomElement(using: &random) ?? .none
    let crash = [FaultyDisk.Crash.kill, .power, .powerLosingAll].randomElement(using: &random)
    steps.append("restart with \(options.age / Self.hour) h, \(options.byteCount) bytes")
    try harness.restart(crash ?? .kill)
  }

  func check() async throws {
    for row in await harness.engine.ledger() {
      let entry = row.entry
      #expect(row.isBalanced, "seed \(seed): \(steps)")
      #expect(
        entry.expired + entry.deleted <= entry.stored + entry.replaced,
        "seed \(seed): \(entry) after \(steps)"
      )
    }
  }

  /// A point of another measurement, long after, has everything else expire.
  mutating func expireAll() async throws {
    options.age = Self.hour
    options.byteCount = 0
    options.mode = .background
    try harness.restart()
    harness.clock.advance(nanoseconds: 500 * Self.hour)
    try await harness.engine.flush()
    _ = try harness.send("z f=1 \(harness.clock.now())\n#ack z\n")
    try await harness.engine.flush()
    try harness.settle(steps: 1_500)
    steps.append("all expires")
    try await check()
    for row in await harness.engine.ledger() where row.measurement != Array("z".utf8) {
      #expect(
        row.entry.expired + row.entry.deleted >= row.entry.stored,
        "seed \(seed): \(row.entry) after \(steps)"
      )
    }
    #expect(harness.damages.isEmpty)
  }
}
