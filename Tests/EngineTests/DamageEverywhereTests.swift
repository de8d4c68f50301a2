import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: whatever a disk does to any one file of a data directory, a server starts on it, serves
/// what is left, says what is lost, and makes nothing up; `varve verify` finds it without a server.
///
/// Method: one directory with a file of every kind; each file in turn is cut, zeroed, removed, or
/// has a bit turned over. The default run tries a sample from a seed; `VARVE_TEST_EVERY=1` tries
/// every bit and every cut.
@Suite struct DamageEverywhereTests {
  private static let isWhole = ProcessEnvironment.value(of: "VARVE_TEST_EVERY") != nil
  private static let sampleCount = 12

  private enum Kind: CaseIterable {
    case identity, catalog, manifest, block, slot, frozen, patch, segment, letters

    init?(_ path: String) {
      let kinds: [(String, Kind)] = [
        ("/VARVE", .identity), ("/catalog/", .catalog), ("/manifest", .manifest),
        (".block", .block), (".slot", .slot), (".frozen", .frozen), (".patch", .patch),
        (".segment", .segment), ("/dead-letters/", .letters),
      ]
      guard let found = kinds.first(where: { path.contains($0.0) }) else { return nil }
      self = found.1
    }
  }

  @Test func theSampleHasAFileOfEveryKind() async throws {
    let sample = try await DamageSample.make()
    let kinds = Set(sample.files.keys.compactMap { Kind($0) })
    #expect(kinds == Set(Kind.allCases), "\(sample.files.keys.sorted())")
    #expect(sample.points.count > 80)
    let calm = try DamageSample.harness(on: FaultyDisk(files: sample.files))
    let points = try await DamageSample.points(calm).found
    #expect(points == sample.points)
    let windows = try await DamageSample.windows(calm)
    #expect(windows == sample.windows)
    #expect(calm.report.damages.filter { $0.severity != .note } == [])
    #expect(calm.damages == [])
  }

  @Test(arguments: Kind.allCases)
  private func noFaultOfAFileStopsTheServerOrMakesThingsUp(kind: Kind) async throws {
    let sample = try await DamageSample.make()
    var random = SeededRandom(seed: 11)
    for (path, bytes) in sample.files.sorted(by: { $0.key < $1.key }) where Kind(path) == kind {
      let faults =
        Self.isWhole
        ? FileFault.all(of: bytes.count)
        : FileFault.some(Self.sampleCount, of: bytes.count, &random)
      for fault in faults {
        var files = sample.files
        files[path] = fault.apply(bytes)
        if files[path] == bytes { continue }
        let found = try await problems(kind, path, fault, sample, files)
        for problem in found { Issue.record("\(path) \(fault): \(problem)") }
      }
    }
  }

  /// What is wrong with how a start copes with `files`.
  private func problems(
    _ kind: Kind,
    _ path: String,
    _ fault: FileFault,
    _ sample: DamageSample,
    _ files: [String: [UInt8]]
  ) async throws -> [String] {
    var problems: [String] = []
    let disk = FaultyDisk(files: files)
    let verified = DataDirectoryCheck(disk: disk, path: "/data").run().findings
    let harness: EngineHarness
    do { harness = try DamageSample.harness(on: disk) } catch { return ["no start: \(error)"] }
    let (found, warnings) = try await DamageSample.points(harness)
    let missing = sample.points.subtracting(found)
    let invented = found.subtracting(sample.points)
    if !invented.isEmpty { problems.append("invented \(invented.sorted().prefix(3))") }
    if warnings.contains(where: { $0.hasPrefix("twice") }) { problems.append("\(warnings)") }
    let told = harness.report.damages.filter { $0.severity != .note }
    let isTold = !told.isEmpty || !warnings.isEmpty
    let isNoted =
      verified.contains { $0.path.hasPrefix(path) || path.hasPrefix($0.path) }
      || leavesWholeRecords(kind, fault, sample.files[path] ?? [])
    if !missing.isEmpty {
      let limit = limit(kind, fault: fault)
      if missing.count > limit { problems.append("\(missing.count) points missing") }
      if !isTold, kind != .segment { problems.append("\(missing.count) missing in silence") }
      if !isNoted, files[path] != nil {
        problems.append("\(missing.count) missing, verify finds \(verified)")
      }
    }
    let windows = try await DamageSample.windows(harness)
    if missing.isEmpty, windows != sample.windows { problems.append("windows differ") }
    if !isNoted, isPartOfTheData(kind, path, sample, files) { problems.append("verify is silent") }
    // What it heals stays healed, and what it lost is lost once.
    try harness.settle()
    try await harness.engine.flush()
    try harness.restart(.power)
    let again = try await DamageSample.points(harness).found
    if again != found {
      problems.append(
        "after another start \(again.count) points instead of \(found.count): "
          + "\(again.symmetricDifference(found).sorted().prefix(3))"
      )
    }
    let later = try await DamageSample.windows(harness)
    if missing.isEmpty, later != sample.windows { problems.append("windows differ later") }
    let ledger = await harness.engine.ledger()
    if !ledger.allSatisfy(\.isBalanced) { problems.append("ledger off") }
    let received = await DamageSample.received(harness)
    if missing.isEmpty, received != sample.received {
      problems.append("received \(received) instead of \(sample.received)")
    }
    return problems
  }

  /// A file that is cut between two records is what it would be had the rest never been written:
  /// nobody can tell.
  private func leavesWholeRecords(_ kind: Kind, _ fault: FileFault, _ bytes: [UInt8]) -> Bool {
    guard kind == .segment || kind == .letters, case .cut(let byteCount) = fault else {
      return false
    }
    // All magics of records begin so.
    return byteCount == 0 || bytes[byteCount...].starts(with: Array("VRV".utf8))
  }

  /// Points that a fault of a file may cost.
  private func limit(_ kind: Kind, fault: FileFault) -> Int {
    switch (kind, fault) {
    // The rows of one acknowledgement, or all behind a cut.
    case (.segment, .flip): 17
    case (.segment, _): 27
    // A group of rows of one series, or all.
    case (.block, .remove): 60
    case (.block, _): 42
    default: 0
    }
  }

  /// Whether the changed bytes are among those that count: a slot is longer than its records, and
  /// what was never committed is nobody's.
  private func isPartOfTheData(
    _ kind: Kind,
    _ path: String,
    _ sample: DamageSample,
    _ files: [String: [UInt8]]
  ) -> Bool {
    guard files[path] != nil else { return kind != .segment && kind != .letters }
    guard kind == .slot || kind == .patch, let new = files[path], let old = sample.files[path],
      let end = old.lastIndex(where: { $0 != 0 })
    else { return true }
    return new.count <= end || new[...end] != old[...end]
  }
}
