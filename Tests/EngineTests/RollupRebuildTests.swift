import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: a manifest that is lost, and with it which rows retention had removed, costs no window.
@Suite struct RollupRebuildTests {
  private typealias Promise = RollupPromiseTests
  private static let day = Promise.day
  private static let start = Promise.start
  private static let perDay = 144 * 3
  private static let manifest = "/data/partitions/00/manifest"

  /// Twelve days of two measurements in the same blocks; merges have left out the older rows of
  /// `m`, of which windows are left.
  private static func harness(_ options: Promise.Options) async throws -> EngineHarness {
    options.ages.hour = 3_650 * day
    options.ages.minute = 3_650 * day
    options.rules = [RetentionRules.Rule(tenant: nil, measurement: "m", limit: .age(4 * day))]
    let harness = try Promise.harness(options)
    for part in stride(from: 0, to: 12, by: 3) as StrideTo<Int64> {
      harness.clock.advance(nanoseconds: 3 * day)
      let first = start + part * day
      let lines = Promise.lines(first, days: 3) + Promise.lines(first, days: 3, "k")
      try await Promise.send(lines, to: harness)
      try Promise.look(harness, times: 2)
    }
    #expect(Promise.removed(harness) > 0)
    return harness
  }

  private static func count(
    _ harness: EngineHarness,
    _ measurement: String,
    step: String
  ) async throws -> Int {
    try await Promise.counted(harness, start, days: 12, measurement, step: step).count
  }

  @Test func windowsOfRowsThatAreGoneOutliveTheManifest() async throws {
    let options = Promise.Options()
    let harness = try await Self.harness(options)
    #expect(try await Promise.raw(harness, day: 2) == 0)
    let report = try harness.restart { disk in try disk.remove(Self.manifest) }
    #expect(report.damages.contains { $0.what.contains("rebuilt") })
    for look in 0..<4 {
      for (measurement, step) in [("m", "10m"), ("m", "1h"), ("k", "10m"), ("k", "1h")] {
        let found = try await Self.count(harness, measurement, step: step)
        #expect(found == 12 * Self.perDay, "\(measurement) \(step) after \(look) looks")
      }
      try Promise.look(harness)
      if look == 2 { try harness.restart() }
    }
    // Rows that come late for a day that has all of them are in its windows.
    let late = Self.start + 11 * Self.day + 60_000_000_000
    try await Promise.send("m,h=a f=2 \(late)\nk,h=d f=2 \(late)\n", to: harness)
    for _ in 0..<3 {
      for measurement in ["m", "k"] {
        #expect(try await Self.count(harness, measurement, step: "1h") == 12 * Self.perDay + 1)
      }
      try Promise.look(harness)
    }
    #expect(harness.damages.isEmpty)
  }

  /// The rows of late ones and of deletes, before anything is folded again.
  @Test func whatChangesBeforeTheFirstFoldIsInIt() async throws {
    let options = Promise.Options()
    let harness = try await Self.harness(options)
    try harness.restart { disk in try disk.remove(Self.manifest) }
    let time = Self.start + 10 * Self.day
    try await Promise.send("k,h=a f=2 \(time + 60_000_000_000)\n", to: harness)
    let range = "start=\(time / 1_000_000_000)&end=\((time + Promise.hour) / 1_000_000_000)"
    try await harness.engine.deleteSeries(
      EngineHarness.items("match[]=k{h=\"b\"}&\(range)"),
      tenant: "default"
    )
    try await harness.engine.flush()
    for _ in 0..<4 {
      // The row at the very end of the range goes too, where rows answer.
      let found = try await Self.count(harness, "k", step: "1h")
      #expect((12 * Self.perDay + 1 - 7...12 * Self.perDay + 1 - 6).contains(found))
      try Promise.look(harness)
    }
    #expect(harness.damages.isEmpty)
  }
}
