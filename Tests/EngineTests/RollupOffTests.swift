import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: a rollup that is switched off is made no more, and what is there of it stays, answers and
/// goes on being right; no row is removed for the sake of windows that are not there.
@Suite struct RollupOffTests {
  private typealias Promise = RollupPromiseTests
  private static let day = Promise.day
  private static let start = Promise.start
  /// Of a day: a row every ten minutes of three series.
  private static let perDay = 144 * 3

  /// Twelve days of rows, of which four are kept, in windows of a minute and of an hour.
  private static func harness(_ options: Promise.Options) async throws -> EngineHarness {
    options.ages.raw = 4 * day
    options.ages.minute = 90 * day
    options.ages.hour = 3_650 * day
    let harness = try Promise.harness(options)
    try await grow(harness, from: 0, days: 12)
    #expect(Promise.removed(harness) > 0)
    return harness
  }

  private static func grow(_ harness: EngineHarness, from first: Int64, days: Int64) async throws {
    for part in stride(from: first, to: first + days, by: 3) {
      harness.clock.advance(nanoseconds: 3 * day)
      try await Promise.send(Promise.lines(start + part * day, days: 3), to: harness)
      try Promise.look(harness, times: 2)
    }
  }

  private static func count(
    _ harness: EngineHarness,
    days: Int64,
    step: String
  ) async throws -> Int {
    try await Promise.counted(harness, start, days: days, step: step).count
  }

  @Test func whatIsThereOfAUnitThatIsOffStaysAndAnswers() async throws {
    let options = Promise.Options()
    let harness = try await Self.harness(options)
    let files = try RollupTests.files(harness, "1m")
    #expect(files.count > 6)
    #expect(try await Self.count(harness, days: 12, step: "10m") == 12 * Self.perDay)
    options.ages.minute = 0
    try harness.restart()
    try Promise.look(harness, times: 3)
    #expect(try RollupTests.files(harness, "1m") == files)
    #expect(try await Self.count(harness, days: 12, step: "10m") == 12 * Self.perDay)
    // Those of an hour are made further on, and rows go by them.
    let removed = Promise.removed(harness)
    try await Self.grow(harness, from: 12, days: 6)
    #expect(Promise.removed(harness) > removed)
    #expect(try RollupTests.files(harness, "1m") == files)
    #expect(try await Self.count(harness, days: 18, step: "1h") == 18 * Self.perDay)
    // Days that have windows of an hour alone are missed, and that is said.
    let found = try await Promise.counted(harness, Self.start, days: 18, step: "10m")
    #expect(found.count < 18 * Self.perDay)
    #expect(found.count >= 11 * Self.perDay)
    #expect(found.warnings.contains { $0.contains("windows of 1h") })
    // Not where windows of a minute answer.
    let first = try await Promise.counted(harness, Self.start, days: 9, step: "10m")
    #expect(first.count == 9 * Self.perDay)
    #expect(first.warnings.isEmpty)
    // On again they begin with the rows that are left.
    options.ages.minute = 90 * Self.day
    try harness.restart()
    try Promise.look(harness, times: 3)
    #expect(try RollupTests.files(harness, "1m").count > files.count)
    #expect(try await Self.count(harness, days: 18, step: "1h") == 18 * Self.perDay)
    #expect(harness.damages.isEmpty)
  }

  /// Rows of the day are hidden by their age, and still lie in a block: windows are folded from
  /// them until those of a file are.
  @Test(arguments: [false, true])
  func aDeleteHidesNoWindowOfItsDay(isOn: Bool) async throws {
    let options = Promise.Options()
    options.ages.minute = 90 * Self.day
    options.ages.hour = 3_650 * Self.day
    let harness = try Promise.harness(options)
    harness.clock.advance(nanoseconds: 12 * Self.day)
    try await Promise.send(Promise.lines(Self.start, days: 12), to: harness)
    try Promise.look(harness, times: 2)
    if !isOn { (options.ages.minute, options.ages.hour) = (0, 0) }
    options.ages.raw = 4 * Self.day
    try harness.restart()
    try Promise.look(harness)
    #expect(try await Self.count(harness, days: 12, step: "1h") == 12 * Self.perDay)
    let first = (Self.start + 2 * Self.day) / 1_000_000_000
    try await harness.engine.deleteSeries(
      EngineHarness.items("match[]=m{h=\"a\"}&start=\(first)&end=\(first + 7_199)"),
      tenant: "default"
    )
    for look in 0..<4 {
      for step in ["1h", "1d"] {
        let found = try await Promise.counted(harness, Self.start, days: 12, step: step)
        #expect(found.count == 12 * Self.perDay - 12, "\(step) after \(look) looks")
        #expect(found.warnings.isEmpty)
      }
      try Promise.look(harness)
    }
  }

  @Test func withoutAnyUnitWindowsStillAnswer() async throws {
    let options = Promise.Options()
    let harness = try await Self.harness(options)
    options.ages.minute = 0
    options.ages.hour = 0
    try harness.restart()
    try Promise.look(harness, times: 2)
    let files = try RollupTests.files(harness)
    for step in ["10m", "1h", "1d"] {
      #expect(try await Self.count(harness, days: 12, step: step) == 12 * Self.perDay, "\(step)")
    }
    // Rows go by their age alone, windows stay what they are.
    try await Self.grow(harness, from: 12, days: 9)
    #expect(try RollupTests.files(harness) == files)
    let found = try await Self.count(harness, days: 21, step: "1h")
    // The last day was not over when they were switched off.
    #expect(found >= (11 + 4) * Self.perDay)
    #expect(found < 21 * Self.perDay)
    #expect(harness.damages.isEmpty)
  }

  /// Late rows and deletes of days of which rows are left.
  @Test(arguments: [true, false])
  func windowsOfAUnitThatIsOffGoOnBeingRight(_ hasHours: Bool) async throws {
    let options = Promise.Options()
    let harness = try await Self.harness(options)
    options.ages.minute = 0
    if !hasHours { options.ages.hour = 0 }
    try harness.restart()
    let time = Self.start + 9 * Self.day
    let late = "m,h=a f=2 \(time + 60_000_000_000)\nm,h=d f=2 \(time + 60_000_000_000)\n"
    try await Promise.send(late, to: harness)
    let range = "start=\(time / 1_000_000_000)&end=\((time + Promise.hour / 2) / 1_000_000_000)"
    try await harness.engine.deleteSeries(
      EngineHarness.items("match[]=m{h=\"b\"}&\(range)"),
      tenant: "default"
    )
    try await harness.engine.flush()
    // The row at the very end of the range goes too, as long as there are rows.
    let expected = 12 * Self.perDay + 2 - 4
    #expect(try await Self.count(harness, days: 12, step: "10m") == expected)
    try Promise.look(harness, times: 3)
    #expect(try await Self.count(harness, days: 12, step: "10m") == expected)
    // The rows go.
    try await Self.grow(harness, from: 12, days: 9)
    #expect(try await Promise.raw(harness, day: 9) == 0)
    let day = try await Promise.counted(harness, time, days: 1, step: "10m")
    #expect(day.count == Self.perDay + 2 - 4)
    #expect(harness.damages.isEmpty)
  }

  /// Days are covered for all tenants, and not all of them had a rule.
  @Test func rowsOfATenantThatGetsItsRuleLaterAreNotHidden() async throws {
    for tenant in ["default", nil] {
      let disk = FaultyDisk(seed: 1)
      var rules = [
        RetentionRules.Rule(tenant: "acme", measurement: nil, limit: .age(90 * Self.day))
      ]
      let harness = try EngineHarness(on: disk, now: Self.start) { configuration in
        configuration.partitionCount = 1
        configuration.rollups.minute.rules = rules
        configuration.compaction.cutCount = 3
      }
      harness.clock.advance(nanoseconds: 3 * Self.day)
      let acme = "#tenant acme\n" + Promise.lines(Self.start, days: 3)
      try await Promise.send(
        acme + "#tenant default\n" + Promise.lines(Self.start, days: 3),
        to: harness
      )
      try Promise.look(harness, times: 2)
      #expect(try RollupTests.files(harness, "1m").count == 2)
      #expect(try await Self.count(harness, days: 3, step: "10m") == 3 * Self.perDay)
      // A rule for it, or none at all any more.
      rules =
        tenant.map {
          rules + [RetentionRules.Rule(tenant: $0, measurement: nil, limit: .age(90 * Self.day))]
        } ?? []
      try harness.restart()
      try Promise.look(harness, times: 2)
      #expect(try await Self.count(harness, days: 3, step: "10m") == 3 * Self.perDay)
    }
  }

  /// Their rows do not go before they are in windows.
  @Test func daysOfATenantThatGetsItsRuleLaterAreFoldedBeforeTheirRowsGo() async throws {
    var rules = [
      RetentionRules.Rule(tenant: "acme", measurement: nil, limit: .age(90 * Self.day))
    ]
    let harness = try EngineHarness(now: Self.start) { configuration in
      configuration.partitionCount = 1
      configuration.retention.ageNanoseconds = 4 * Self.day
      configuration.rollups.minute.rules = rules
      configuration.rollups.hour.rules = rules
      configuration.compaction.cutCount = 3
    }
    func grow(from first: Int64) async throws {
      for part in stride(from: first, to: first + 6, by: 3) {
        harness.clock.advance(nanoseconds: 3 * Self.day)
        let lines = Promise.lines(Self.start + part * Self.day, days: 3)
        try await Promise.send("#tenant acme\n" + lines + "#tenant default\n" + lines, to: harness)
        try Promise.look(harness, times: 2)
      }
    }
    try await grow(from: 0)
    rules.append(
      RetentionRules.Rule(tenant: "default", measurement: nil, limit: .age(90 * Self.day))
    )
    try harness.restart()
    let time = Self.start + 3 * Self.day
    for _ in 0..<2 {
      for step in ["10m", "1h"] {
        let found = try await Promise.counted(harness, time, days: 3, step: step)
        #expect(found.count == 3 * Self.perDay, "\(step)")
      }
      try Promise.look(harness, times: 2)
    }
    try await grow(from: 6)
    #expect(try await Promise.raw(harness, day: 4) == 0)
    for step in ["10m", "1h"] {
      let found = try await Promise.counted(harness, time, days: 9, step: step)
      #expect(found.count == 9 * Self.perDay, "\(step)")
    }
    #expect(harness.damages.isEmpty)
  }

  /// A rule of one tenant that is gone while another one's holds.
  @Test func windowsOfATenantWithoutARuleStay() async throws {
    func rule(_ tenant: String) -> RetentionRules.Rule {
      RetentionRules.Rule(tenant: tenant, measurement: nil, limit: .age(90 * Self.day))
    }
    var rules = [rule("acme"), rule("default")]
    let harness = try EngineHarness(now: Self.start) { configuration in
      configuration.partitionCount = 1
      configuration.retention.ageNanoseconds = 2 * Self.day
      configuration.rollups.minute.rules = rules
      configuration.compaction.cutCount = 3
    }
    for part in 0..<3 as Range<Int64> {
      harness.clock.advance(nanoseconds: 2 * Self.day)
      let lines = Promise.lines(Self.start + part * 2 * Self.day, days: 2)
      try await Promise.send("#tenant acme\n" + lines + "#tenant default\n" + lines, to: harness)
      try Promise.look(harness, times: 2)
    }
    let files = try RollupTests.files(harness, "1m")
    rules = [rule("acme")]
    try harness.restart()
    try Promise.look(harness, times: 2)
    #expect(try RollupTests.files(harness, "1m") == files)
    #expect(try await Self.count(harness, days: 6, step: "10m") == 6 * Self.perDay)
    #expect(harness.damages.isEmpty)
  }
}
