import Blocks
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: retention takes away what it is told to take away, and never makes an answer wrong, never
/// costs a tenant what another one's rule removed.
@Suite struct RetentionFaultTests {
  private static let hour = RetentionTests.hour
  private static let start = RetentionTests.start

  /// What the next start is told.
  private final class Rules {
    var bytes = 0
    var rules: [RetentionRules.Rule] = []
    var cutCount = 1_000
  }

  private func harness(_ rules: Rules) throws -> EngineHarness {
    try EngineHarness(now: Self.start) { configuration in
      configuration.retention.byteCount = rules.bytes
      configuration.retention.rules = rules.rules
      configuration.compaction.cutCount = rules.cutCount
    }
  }

  private func value(_ harness: EngineHarness, at time: Int64) async throws -> Double? {
    let seconds = time / 1_000_000_000
    let items = EngineHarness.items(
      "measurement=m&field=f&start=\(seconds)&end=\(seconds + 1)"
    )
    let answer = try await harness.engine.range(items, tenant: "default")
    guard case .points(_, .float(let values))? = answer.series.first?.content, values.count > 0
    else { return nil }
    return Double(bitPattern: values[0])
  }

  /// A correction lies in a block of its own, which is the oldest by its times: it must not go
  /// before what it corrects.
  @Test func noBoundInBytesBringsAnOldValueBack() async throws {
    let rules = Rules()
    let harness = try harness(rules)
    harness.clock.advance(nanoseconds: 6 * Self.hour)
    func write(_ value: Int, hours: Range<Int64>) async throws {
      let lines = hours.map { "m,h=a f=\(value) \(Self.start + $0 * Self.hour)\n" }.joined()
      #expect(try harness.send(lines + "#ack a\n").hasSuffix("OK a \(hours.count) 0\n"))
      try await harness.engine.flush()
    }
    try await write(1, hours: 0..<6)
    try await write(2, hours: 1..<2)
    try await write(3, hours: 1..<2)
    harness.clock.advance(nanoseconds: 12 * Self.hour)
    try await write(4, hours: 18..<19)
    let corrected = Self.start + Self.hour
    #expect(try await value(harness, at: corrected) == 3)
    // One block after another goes; the corrected value is there or not, never an older one.
    let all = try ColdTierTests.names(harness.disk, ".block").count
    #expect(all == 4)
    var seen: [Double?] = []
    for _ in 0..<3 {
      let bytes = harness.engine.metrics().partitions.reduce(0) { $0 + $1.blockByteCount }
      rules.bytes = bytes - 1
      try harness.restart()
      try harness.settle(steps: 60)
      seen.append(try await value(harness, at: corrected))
    }
    #expect(try ColdTierTests.names(harness.disk, ".block").count == 1)
    #expect(seen == [3, 3, nil])
    #expect(try await value(harness, at: Self.start + 18 * Self.hour) == 4)
    #expect(harness.damages.isEmpty)
  }

  /// A manifest that is lost is rebuilt from blocks. That retention has removed one tenant's part
  /// of the newest of them costs the other tenants nothing, also when the log is long gone.
  @Test(arguments: [false, true])
  func aLostManifestCostsNobodyWhatAnothersRuleRemoved(merges: Bool) async throws {
    let rules = Rules()
    rules.cutCount = merges ? 3 : 1_000
    let harness = try harness(rules)
    harness.clock.advance(nanoseconds: 9 * Self.hour)
    for cut in 0..<3 {
      let hour = Int64(cut + 6)
      let lines = (0..<8).map { host in
        "#tenant old\nm,h=\(host) f=1 \(Self.start + Int64(cut) * 1_000_000_000)\n"
          + "#tenant default\nm,h=\(host) f=1 \(Self.start + hour * Self.hour)\n"
      }
      #expect(try harness.send(lines.joined() + "#ack a\n").hasSuffix("OK a 16 0\n"))
      try await harness.engine.flush()
    }
    try harness.settle(steps: 60)
    rules.rules = [.init(tenant: "old", measurement: nil, limit: .age(2 * Self.hour))]
    try harness.restart()
    try harness.settle(steps: 60)
    #expect(harness.engine.metrics().retention.removed["age"]?.pointCount == 24)
    let report = try harness.restart { disk in
      for partition in 0..<2 {
        try disk.remove("/data/partitions/0\(partition)/manifest")
      }
      guard merges else { return }
      for name in try disk.list("/data/queue") { try disk.remove("/data/queue/\(name)") }
    }
    #expect(!report.damages.isEmpty)
    let items = EngineHarness.items("measurement=m&field=f&start=1795000000&end=1797000000")
    let answer = try await harness.engine.range(items, tenant: "default")
    let rows = answer.series.reduce(0) { sum, series in
      guard case .points(let timestamps, _) = series.content else { return sum }
      return sum + timestamps.count
    }
    #expect(rows == 24)
  }
}
