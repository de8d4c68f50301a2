import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: windows outlive rows, whatever the retention and however late rows come; rows go only once
/// their windows are durable; and a step that windows serve has the answer that rows would have.
/// Method: the same rows into an engine that keeps everything and into one that does not.
@Suite struct RollupTests {
  static let hour: Int64 = 3_600_000_000_000
  static let day = 24 * hour
  /// A whole day.
  static let start: Int64 = 1_795_392_000_000_000_000

  struct Ages {
    var raw: Int64 = 0
    var minute: Int64 = 0
    var hour: Int64 = 0
    var bytes = 0
    var minuteBytes = 0
  }

  static func configure(_ configuration: inout EngineConfiguration, _ ages: Ages) {
    configuration.retention.ageNanoseconds = ages.raw
    configuration.retention.byteCount = ages.bytes
    configuration.rollups.minute.ageNanoseconds = ages.minute
    configuration.rollups.hour.ageNanoseconds = ages.hour
    configuration.rollups.minute.byteCount = ages.minuteBytes
    configuration.compaction.cutCount = 3
  }

  static func harness(
    _ ages: Ages,
    on disk: FaultyDisk = FaultyDisk(seed: 1),
    now: Int64 = start
  ) throws -> EngineHarness {
    try EngineHarness(on: disk, now: now) { configure(&$0, ages) }
  }

  /// Rows of a few hours: several series and types, two field sets.
  static func lines(from start: Int64, hours: Int, _ random: inout SeededRandom) -> String {
    var lines = ""
    for _ in 0..<hours * 4 {
      let time = start + Int64(random.next(upperBound: UInt64(hours * 3_600))) * 1_000_000_000
      let host = ["a", "b", "c"][Int(random.next(upperBound: 3 as UInt64))]
      let value = Int(random.next(upperBound: 2_000 as UInt64)) - 1_000
      switch random.next(upperBound: 4 as UInt64) {
      case 0: lines += "m,h=\(host) f=\(value).25,b=\(value > 0) \(time)\n"
      case 1: lines += "m,h=\(host) i=\(value)i,s=\"t\(value % 7)\" \(time)\n"
      case 2: lines += "m,h=\(host) f=\(value),u=\(abs(value))u,i=9007199254740993i \(time)\n"
      default: lines += "n,h=\(host) value=\(value).5 \(time)\n"
      }
    }
    return lines
  }

  static func send(_ lines: String, to harnesses: [EngineHarness]) async throws {
    for harness in harnesses {
      let reply = try harness.send(lines + "#ack x\n")
      #expect(reply.split(separator: "\n").last?.hasPrefix("OK x") == true)
      try await harness.engine.flush()
    }
  }

  /// Lets a look of retention pass, and all that it finds be done.
  static func look(_ harnesses: [EngineHarness]) throws {
    for harness in harnesses {
      harness.clock.advance(nanoseconds: 61_000_000_000)
      try harness.settle(steps: 120)
    }
  }

  static func query(
    _ measurement: String,
    _ start: Int64,
    _ end: Int64,
    step: String?
  ) -> String {
    let times = "start=\(start / 1_000_000_000)&end=\(end / 1_000_000_000)"
    let steps = step.map { "&step=\($0)&agg=count,sum,min,max,avg,first,last" } ?? ""
    return "measurement=\(measurement)&field=*&\(times)\(steps)"
  }

  static func raw(_ harness: EngineHarness, _ start: Int64, _ end: Int64) async throws -> String {
    try await harness.range(query("m", start, end, step: nil))
  }

  static func files(_ harness: EngineHarness, _ suffix: String = "") throws -> [String] {
    try (0..<2).flatMap { index in
      let folder = "/data/partitions/0\(index)/rollups"
      return try harness.disk.list(folder).map { "\(folder)/\($0)" }.filter {
        suffix.isEmpty || $0.contains("/\(suffix)-")
      }
    }
  }

  // MARK: Answers

  @Test(arguments: [1, 2, 3, 4])
  func anyStepHasTheAnswerThatAllRowsWouldHave(_ seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let ages = Ages(
      raw: Self.day + Int64(random.next(upperBound: 70 as UInt64)) * Self.hour,
      minute: seed == 4 ? 0 : (6 + Int64(random.next(upperBound: 3 as UInt64))) * Self.day,
      hour: 400 * Self.day
    )
    let plain = try Self.harness(Ages())
    let harness = try Self.harness(ages)
    let both = [plain, harness]
    // A file of hours ends after the tenth.
    let days: Int64 = 14
    for day in 0..<days {
      let parts = day > days - 3 ? 4 : 1
      for part in 0..<Int64(parts) {
        let hours = 24 / parts
        let start = Self.start + day * Self.day + part * Int64(hours) * Self.hour
        var lines = Self.lines(from: start, hours: min(hours, 8), &random)
        for harness in both { harness.clock.advance(nanoseconds: Int64(hours) * Self.hour) }
        // Late ones, as late as rows are taken.
        let now = harness.clock.now() - Self.hour
        let oldest = max(Self.start, (now - ages.raw) / Self.day * Self.day + Self.day)
        if random.next(upperBound: 3 as UInt64) == 0, oldest < start {
          let hours = UInt64((start - oldest) / Self.hour)
          let late = oldest + Int64(random.next(upperBound: max(1, hours))) * Self.hour
          lines += Self.lines(from: late, hours: 1, &random)
        }
        try await Self.send(lines, to: both)
        if random.next(upperBound: 8 as UInt64) == 0 {
          let report = try harness.restart([.kill, .power, .powerLosingAll][Int(day % 3)])
          #expect(report.damages.filter { $0.severity != .note }.isEmpty, "day \(day)")
        }
        try Self.look(both)
      }
    }
    let end = Self.start + days * Self.day
    for step in ["1h", "3h", "1d", "400h"] {
      for measurement in ["m", "n"] {
        let query = Self.query(measurement, Self.start, end, step: step)
        #expect(try await harness.range(query) == plain.range(query), "\(measurement) by \(step)")
      }
    }
    let newest = harness.clock.now()
    let minutes = (newest - ages.minute) / Self.day * Self.day + 2 * Self.day
    if ages.minute > 0 {
      for step in ["1m", "7m", "1h", "90m"] {
        let query = Self.query("m", minutes, end, step: step)
        #expect(try await harness.range(query) == plain.range(query), "by \(step)")
      }
    }
    // Rows are gone, and windows were taken for them.
    let answer = try await harness.engine.range(
      EngineHarness.items(Self.query("m", Self.start, end, step: "1h")),
      tenant: "default"
    )
    #expect(answer.statistics.rollupWindows > 0)
    #expect(answer.warnings.isEmpty)
    #expect(await harness.engine.ledger().reduce(0) { $0 + $1.entry.expired } > 0)
    let oldest = try await Self.raw(harness, Self.start, Self.start + Self.day)
    #expect(oldest.contains(#""series":[]"#))
    // Two files of hours a partition at most; files of minutes have gone.
    #expect(try Self.files(harness, "1h").count <= 4)
    #expect(try Self.files(harness, "1m").count <= 2 * 9)
    #expect(harness.damages.isEmpty)
    #expect(!(await harness.engine.ledger()).contains { !$0.isBalanced })
  }

  @Test func aStepThatWindowsCannotServeIsWarnedOf() async throws {
    let harness = try Self.harness(Ages(raw: Self.day, hour: 400 * Self.day))
    var random = SeededRandom(seed: 9)
    for day in 0..<5 {
      let start = Self.start + Int64(day) * Self.day
      harness.clock.advance(nanoseconds: Self.day)
      try await Self.send(Self.lines(from: start, hours: 8, &random), to: [harness])
      try Self.look([harness])
    }
    func warnings(_ step: String?) async throws -> [String] {
      let end = Self.start + 4 * Self.day
      let items = EngineHarness.items(Self.query("m", Self.start, end, step: step))
      return try await harness.engine.range(items, tenant: "default").warnings
    }
    for step in ["30s", "1m", "90m", nil] {
      let found = try await warnings(step)
      #expect(found.count == 1)
      let text = "only windows of 1h are kept: ask with step=1h or a multiple of it"
      #expect(found.first?.hasSuffix(text) == true)
    }
    #expect(try await warnings("2h").isEmpty)
  }

  @Test func rowsThatComeLateHaveTheirDayFoldedAgain() async throws {
    let plain = try Self.harness(Ages())
    let harness = try Self.harness(Ages(minute: 100 * Self.day, hour: 100 * Self.day))
    let both = [plain, harness]
    var random = SeededRandom(seed: 5)
    for day in 0..<4 {
      for harness in both { harness.clock.advance(nanoseconds: Self.day) }
      let start = Self.start + Int64(day) * Self.day
      try await Self.send(Self.lines(from: start, hours: 8, &random), to: both)
      try Self.look(both)
    }
    func windows(_ step: String) async throws -> Int {
      let items = EngineHarness.items(
        Self.query("m", Self.start, Self.start + Self.day, step: step)
      )
      return try await harness.engine.range(items, tenant: "default").statistics.rollupWindows
    }
    #expect(try await windows("1h") > 0)
    #expect(try await windows("1m") > 0)
    let late = Self.lines(from: Self.start + 2 * Self.hour, hours: 2, &random)
    let query = Self.query("m", Self.start, Self.start + 2 * Self.day, step: "1h")
    // Open, then in blocks, then folded: always as if they had come in time.
    for harness in both { _ = try harness.send(late) }
    #expect(try await harness.range(query) == plain.range(query))
    for harness in both { try await harness.engine.flush() }
    #expect(try await windows("1h") == 0)
    #expect(try await harness.range(query) == plain.range(query))
    try Self.look(both)
    #expect(try await windows("1h") > 0)
    #expect(try await harness.range(query) == plain.range(query))
    try harness.restart(.powerLosingAll)
    #expect(try await harness.range(query) == plain.range(query))
    #expect(harness.damages.isEmpty)
  }

  @Test(arguments: [Int64(0), day]) func theOldestWindowsGoByBytes(raw: Int64) async throws {
    let plain = try Self.harness(Ages())
    let ages = Ages(raw: raw, minute: 100 * Self.day, hour: 100 * Self.day)
    let harness = try EngineHarness(now: Self.start) { configuration in
      Self.configure(&configuration, ages)
      configuration.rollups.minute.byteCount = 1
    }
    let both = [plain, harness]
    var random = SeededRandom(seed: 11)
    for day in 0..<6 {
      for harness in both { harness.clock.advance(nanoseconds: Self.day) }
      let start = Self.start + Int64(day) * Self.day
      try await Self.send(Self.lines(from: start, hours: 8, &random), to: both)
      try Self.look(both)
    }
    try Self.look(both)
    // One day of each partition is left, and all hours.
    let left = try Self.files(harness, "1m").count
    #expect(left == 1 || left == 2)
    #expect(try !Self.files(harness, "1h").isEmpty)
    let end = Self.start + 6 * Self.day
    let hours = Self.query("m", Self.start, end, step: "1h")
    #expect(try await harness.range(hours) == plain.range(hours))
    // By the minute rows answer, as far as they are there.
    let minutes = Self.query("m", Self.start, end, step: "1m")
    let isSame = try await harness.range(minutes) == plain.range(minutes)
    #expect(isSame == (raw == 0))
    try harness.restart(.powerLosingAll)
    #expect(try await harness.range(hours) == plain.range(hours))
    #expect(harness.damages.isEmpty)
  }

  // MARK: Faults

  /// A directory in which a day is to be folded and rows are to go.
  static func source() async throws -> (EngineHarness, query: String, answer: String) {
    let source = try harness(Ages())
    var random = SeededRandom(seed: 7)
    for day in 0..<3 {
      source.clock.advance(nanoseconds: Self.day)
      try await send(lines(from: start + Int64(day) * Self.day, hours: 8, &random), to: [source])
    }
    let query = Self.query("m", start, start + 3 * Self.day, step: "1h")
    let answer = try await source.range(query)
    source.disk.crash(.kill)
    return (source, query, answer)
  }

  @Test func aCrashAtAnyMomentLosesNoWindow() async throws {
    let (source, query, answer) = try await Self.source()
    let ages = Ages(raw: Self.day, minute: 50 * Self.day, hour: 50 * Self.day)
    var crashes = 0
    while true {
      let disk = source.disk.copy(seed: UInt64(crashes))
      let clock = ManualClock(now: source.clock.now())
      let engine = try EngineHarness.engine(on: disk, clock: clock) { Self.configure(&$0, ages) }
      _ = try engine.start()
      disk.powerOff(afterOperations: crashes)
      for _ in 0..<60 {
        clock.advance(nanoseconds: 100_000_000)
        try engine.step()
      }
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][crashes % 3])
      let harness = try Self.harness(ages, on: disk, now: clock.now())
      #expect(harness.report.damages.filter { $0.severity != .note }.isEmpty, "crash \(crashes)")
      #expect(try await harness.range(query) == answer, "crash \(crashes)")
      try Self.look([harness])
      try Self.look([harness])
      #expect(try await harness.range(query) == answer, "crash \(crashes)")
      #expect(harness.damages.isEmpty, "crash \(crashes)")
      // No file stays behind that nothing names.
      let metrics = harness.engine.metrics().partitions
      let named = metrics.reduce(0) { $0 + $1.minuteRollups.fileCount + $1.hourRollups.fileCount }
      #expect(try Self.files(harness).count == Int(named), "crash \(crashes)")
      guard wasCutShort else { break }
      crashes += crashes < 24 ? 1 : 7
    }
    #expect(crashes > 10)
  }

  @Test func aFullDiskKeepsRowsUntilTheirWindowsAreThere() async throws {
    let (source, query, answer) = try await Self.source()
    let ages = Ages(raw: Self.day, hour: 50 * Self.day)
    let harness = try EngineHarness(on: source.disk, now: source.clock.now()) { configuration in
      Self.configure(&configuration, ages)
      // A merge would put days that stay into the block of those that go.
      configuration.compaction.cutCount = 100
    }
    harness.disk.fail(.write, after: 0, times: 3, code: SystemError.Code.noSpace)
    try harness.settle(steps: 5)
    #expect(harness.engine.metrics().rollups.failureCount > 0)
    #expect(harness.engine.metrics().retention.removed["age"] == nil)
    #expect(try await harness.range(query) == answer)
    try harness.settle(steps: 1_500)
    #expect((harness.engine.metrics().retention.removed["age"]?.pointCount ?? 0) > 0)
    #expect(try await harness.range(query) == answer)
  }

  @Test func aDamagedRollupIsToldOfAndMadeAnewWhileRowsAreThere() async throws {
    let (source, query, answer) = try await Self.source()
    let ages = Ages(minute: 50 * Self.day, hour: 50 * Self.day)
    let harness = try Self.harness(ages, on: source.disk, now: source.clock.now())
    try Self.look([harness])
    let paths = try Self.files(harness)
    #expect(!paths.isEmpty)
    let report = try harness.restart { disk in
      for path in paths {
        var bytes = try disk.read(path, byteCountMax: 1 << 20)
        bytes[20] ^= 0x40
        try disk.replace(path, with: bytes)
      }
      let found = DataDirectoryCheck(disk: disk, path: "/data").run().findings
      #expect(Set(found.filter { $0.severity != .note }.map(\.path)) == Set(paths))
    }
    #expect(report.damages.count { paths.contains($0.path) } == paths.count)
    #expect(try await harness.range(query) == answer)
    try Self.look([harness])
    #expect(try Self.files(harness).count == paths.count)
    #expect(harness.damages.isEmpty)
    let items = EngineHarness.items(query)
    let again = try await harness.engine.range(items, tenant: "default")
    #expect(again.statistics.rollupWindows > 0)
    #expect(try await harness.range(query) == answer)
  }

  @Test func rowsAnswerForWindowsThatCannotBeRead() async throws {
    let (source, query, answer) = try await Self.source()
    let ages = Ages(minute: 50 * Self.day, hour: 50 * Self.day)
    let harness = try Self.harness(ages, on: source.disk, now: source.clock.now())
    try Self.look([harness])
    let items = EngineHarness.items(query)
    let whole = try await harness.engine.range(items, tenant: "default")
    #expect(whole.statistics.rollupWindows > 0)
    // The head and the index are sound: only a read of the first group finds out.
    try harness.restart { disk in
      for path in try Self.files(harness) {
        var bytes = try disk.read(path, byteCountMax: 1 << 20)
        bytes[48 + 20 + 3] ^= 0x40
        try disk.replace(path, with: bytes)
      }
    }
    let partial = try await harness.engine.range(items, tenant: "default")
    #expect(partial.warnings.isEmpty)
    #expect(partial.statistics.rollupWindows < whole.statistics.rollupWindows)
    #expect(try await harness.range(query) == answer)
  }

  @Test func aLostManifestIsMadeAnewWithItsRollups() async throws {
    let (source, query, answer) = try await Self.source()
    let ages = Ages(raw: Self.day, minute: 50 * Self.day, hour: 50 * Self.day)
    let harness = try Self.harness(ages, on: source.disk, now: source.clock.now())
    try Self.look([harness])
    try Self.look([harness])
    #expect(try await harness.range(query) == answer)
    try harness.restart { disk in
      for index in 0..<2 { try disk.remove("/data/partitions/0\(index)/manifest") }
    }
    #expect(try await harness.range(query) == answer)
    try Self.look([harness])
    #expect(try await harness.range(query) == answer)
  }
}
