import Cold
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: whatever a disk does to any one file of the tiers, a server starts on it, answers with all
/// that is left, says what is missing, makes nothing up, and removes no object that it needs.
///
/// Method: twelve days, the oldest of which live in rollups alone, others in a cold store, the
/// newest here; each file in turn is cut, zeroed, removed, or has a bit turned over. The default
/// run tries a sample from a seed; `VARVE_TEST_EVERY=1` tries every bit and every cut.
@Suite struct TierDamageTests {
  private static let isWhole = ProcessEnvironment.value(of: "VARVE_TEST_EVERY") != nil
  private static let sampleCount = 10

  private enum Kind: CaseIterable {
    case identity, manifest, block, minutes, hours, stub, object, mark, location, removals

    init?(_ path: String) {
      let kinds: [(String, Kind)] = [
        ("/cold/" + StoreMark.key, .mark), ("/cold/", .object), ("/VARVE", .identity),
        ("/manifest", .manifest), (".block", .block), ("/rollups/1m", .minutes),
        ("/rollups/1h", .hours), (".cold", .stub), ("/cold-store", .location),
        ("/cold-removals", .removals),
      ]
      guard let found = kinds.first(where: { path.contains($0.0) }) else { return nil }
      self = found.1
    }

    /// Whether it is the only place of something: what it held may be missing, if that is told.
    var isOnly: Bool {
      switch self {
      case .block, .minutes, .hours, .object, .mark: true
      case .identity, .manifest, .stub, .location, .removals: false
      }
    }

    /// Whether the check without a server looks at it.
    var isVerified: Bool { self != .object && self != .mark }
  }

  @Test func theSampleHasAFileOfEveryKind() async throws {
    let sample = try await TierSample.make()
    let kinds = Set(sample.files.keys.compactMap { Kind($0) })
    #expect(kinds == Set(Kind.allCases), "\(sample.files.keys.sorted())")
    let harness = try TierSample.harness(on: FaultyDisk(files: sample.files))
    let found = try await TierFacts.read(harness)
    #expect(found == sample.facts)
    #expect(found.warnings == sample.facts.warnings)
    #expect(found.warnings.allSatisfy { $0.contains("only windows of 1m are kept") })
    #expect(harness.report.damages == [])
    #expect(harness.damages == [])
    // Days in rollups alone, days of the cold store, days of here.
    let days = Set(sample.facts.rows.map { $0.day })
    #expect(days == Set(3..<12))
    #expect(Set(sample.facts.hours.map { $0.day }) == Set(0..<12))
    #expect(Set(sample.facts.minutes.map { $0.day }) == Set(0..<12))
    try TierSample.rest(harness)
    #expect(harness.disk.files[sample.unwanted] == nil)
    #expect(harness.disk.files["/data/cold-removals"] == nil)
    #expect(try await TierFacts.read(harness) == sample.facts)
  }

  @Test(arguments: Kind.allCases)
  private func noFaultOfAFileHidesWhatIsLeft(kind: Kind) async throws {
    let sample = try await TierSample.make()
    var random = SeededRandom(seed: 12)
    for (path, bytes) in sample.files.sorted(by: { $0.key < $1.key })
    where Kind(path) == kind && path != sample.unwanted {
      let faults =
        Self.isWhole
        ? FileFault.all(of: bytes.count)
        : FileFault.some(Self.sampleCount, of: bytes.count, &random)
      for fault in faults {
        var files = sample.files
        files[path] = fault.apply(bytes)
        if files[path] == bytes { continue }
        let found = try await problems(kind, path, sample, files)
        for problem in found { Issue.record("\(path) \(fault): \(problem)") }
      }
    }
  }

  /// What is wrong with how a server copes with `files`.
  private func problems(
    _ kind: Kind,
    _ path: String,
    _ sample: TierSample,
    _ files: [String: [UInt8]]
  ) async throws -> [String] {
    var problems: [String] = []
    let disk = FaultyDisk(files: files)
    let verified = DataDirectoryCheck(disk: disk, path: "/data").run().findings
    let harness: EngineHarness
    do { harness = try TierSample.harness(on: disk) } catch { return ["no start: \(error)"] }
    let first = try await TierFacts.read(harness)
    problems += differences(kind, first, sample, harness)
    if kind.isVerified, files[path] != nil || kind.isOnly,
      !verified.contains(where: { $0.path.hasPrefix(path) || path.hasPrefix($0.path) })
    {
      problems.append("verify is silent: \(verified)")
    }
    // Retention, rollups, moves and removals have their turn, and another start.
    try TierSample.rest(harness)
    problems += differences(kind, try await TierFacts.read(harness), sample, harness)
    try harness.restart(.power)
    try TierSample.rest(harness)
    let later = try await TierFacts.read(harness)
    if !first.rows.isSubset(of: later.rows) { problems.append("rows were lost later") }
    if !first.hours.intersection(sample.facts.hours).isSubset(of: later.hours) {
      problems.append("hours were lost later")
    }
    if !first.minutes.intersection(sample.facts.minutes).isSubset(of: later.minutes) {
      problems.append("minutes were lost later")
    }
    if !(await harness.engine.ledger()).allSatisfy(\.isBalanced) { problems.append("ledger off") }
    return problems
  }

  private func differences(
    _ kind: Kind,
    _ found: TierFacts,
    _ sample: TierSample,
    _ harness: EngineHarness
  ) -> [String] {
    var problems: [String] = []
    let invented = found.rows.subtracting(sample.facts.rows)
    if !invented.isEmpty { problems.append("invented \(invented.sorted().prefix(3))") }
    let damages = harness.report.damages.filter { $0.severity != .note }
    let isTold = found.warnings != sample.facts.warnings || !damages.isEmpty
    for (name, now, before) in [
      ("rows", found.rows, sample.facts.rows), ("hours", found.hours, sample.facts.hours),
      ("minutes", found.minutes, sample.facts.minutes),
    ] where now != before {
      let example = before.symmetricDifference(now).sorted().prefix(3)
      if !kind.isOnly { problems.append("\(name) differ: \(example)") }
      if !isTold { problems.append("\(name) differ in silence: \(example)") }
      // Rows that are here make the windows of their days again.
      let recent = { (facts: Set<TierFacts.Fact>) in facts.filter { $0.day >= 9 } }
      if kind != .block, recent(now) != recent(before) {
        problems.append("\(name) of new days differ")
      }
    }
    return problems
  }
}

/// What answers say of twelve days.
private struct TierFacts: Equatable {
  struct Fact: Hashable, Comparable {
    var day: Int64
    var text: String
    static func < (left: Fact, right: Fact) -> Bool { left.text < right.text }
  }

  var rows: Set<Fact> = []
  var hours: Set<Fact> = []
  var minutes: Set<Fact> = []
  var warnings: Set<String> = []

  static func read(_ harness: EngineHarness) async throws -> TierFacts {
    var facts = TierFacts()
    facts.rows = try await read(harness, step: nil, &facts.warnings)
    facts.hours = try await read(harness, step: RollupTests.hour, &facts.warnings)
    facts.minutes = try await read(harness, step: 60_000_000_000, &facts.warnings)
    return facts
  }

  private static func read(
    _ harness: EngineHarness,
    step: Int64?,
    _ warnings: inout Set<String>
  ) async throws -> Set<Fact> {
    let start = TierSample.start
    let (first, last) = (start / 1_000_000_000, (start + 12 * RollupTests.day) / 1_000_000_000)
    let steps = step.map { "&step=\($0 / 1_000_000_000)s&agg=count,sum,min,max,first,last" } ?? ""
    let answer = try await harness.engine.range(
      EngineHarness.items("measurement=m&field=*&start=\(first)&end=\(last)\(steps)"),
      tenant: "default"
    )
    warnings.formUnion(answer.warnings)
    var facts: Set<Fact> = []
    for series in answer.series {
      let name =
        series.tags.map { String(decoding: $0.value, as: UTF8.self) }.joined() + " "
        + String(decoding: series.field, as: UTF8.self)
      switch series.content {
      case .points(let timestamps, let values):
        for (index, timestamp) in timestamps.enumerated() {
          let day = (timestamp - start) / RollupTests.day
          let value = DamageSample.text(values, index)
          facts.insert(Fact(day: day, text: "\(name) \(timestamp) \(value)"))
        }
      case .buckets(let present, let columns):
        for bucket in 0..<present.count where present.contains(bucket) {
          let day = Int64(bucket) * (step ?? 0) / RollupTests.day
          let values = columns.map { "\($0.aggregate) \(DamageSample.text($0.values, bucket))" }
          facts.insert(Fact(day: day, text: "\(name) \(bucket) \(values.joined(separator: " "))"))
        }
      }
    }
    return facts
  }
}

/// A directory with something in every tier.
private struct TierSample {
  static let start = RollupTests.start

  var files: [String: [UInt8]]
  var facts: TierFacts
  /// An object that nobody names.
  var unwanted: String

  static func harness(
    on disk: FaultyDisk,
    now: Int64 = start + 12 * RollupTests.day
  ) throws -> EngineHarness {
    try EngineHarness(on: disk, now: now) { configuration in
      let ages = RollupTests.Ages(
        raw: 8 * RollupTests.day,
        minute: 400 * RollupTests.day,
        hour: 4_000 * RollupTests.day
      )
      RollupTests.configure(&configuration, ages)
      configuration.partitionCount = 1
      configuration.compaction.coldAfterNanoseconds = 60_000_000_000
      configuration.cold.location = "/cold"
      configuration.cold.afterNanoseconds = ColdPolicy.ageNanosecondsMin
    }
  }

  /// Everything that is due is done.
  static func rest(_ harness: EngineHarness) throws {
    for _ in 0..<2 { try RollupTests.look([harness]) }
  }

  static func make() async throws -> TierSample {
    let harness = try harness(on: FaultyDisk(seed: 1), now: start)
    for day in 0..<12 as Range<Int64> {
      harness.clock.advance(nanoseconds: RollupTests.day)
      var lines = ""
      for hour in 0..<4 as Range<Int64> {
        let time = start + day * RollupTests.day + hour * 6 * RollupTests.hour
        lines += "m,h=a f=\(day).25,i=\(hour)i \(time)\n"
        lines += "m,h=b f=-\(day),s=\"t\(hour)\" \(time + 5)\n"
      }
      try await RollupTests.send(lines, to: [harness])
      if day % 3 == 2 { try RollupTests.look([harness]) }
    }
    for _ in 0..<4 { try RollupTests.look([harness]) }
    let facts = try await TierFacts.read(harness)
    try harness.kill()
    var files = harness.disk.files
    let object = try #require(ColdTierTests.objects(harness.disk).first)
    let unwanted = object.replacing("-00000000-", with: "-0000000f-")
    #expect(unwanted != object)
    files[unwanted] = files[object]
    let keys = [object, unwanted].map { String($0.dropFirst("/cold/".count)) }
    files["/data/cold-removals"] = ColdRemovals.encoded(keys)
    // A disk numbers the files that it begins with, and a directory knows the number of its own.
    let number = try FaultyDisk(files: files).fileNumber(of: "/data/VARVE")
    files["/data/cold-store"] = ColdLocation("/cold", owner: number).encoded
    return TierSample(files: files, facts: facts, unwanted: unwanted)
  }
}
