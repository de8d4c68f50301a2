import Blocks
import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: a damaged block costs nothing while the log still has its rows, and without the log no
/// more than what the damage lies in, also when that is sent again.
///
/// Method: four cuts of two partitions; each block is damaged in each way, then an engine starts.
@Suite struct BlockRescueTests {
  private static func configure(_ configuration: inout EngineConfiguration) {
    configuration.compaction.mode = .none
  }

  private static func harness(
    on disk: FaultyDisk = FaultyDisk(seed: 1),
    openRows: Int? = nil
  ) throws -> EngineHarness {
    try EngineHarness(on: disk) { configuration in
      configure(&configuration)
      if let openRows { configuration.openRowByteCountMax = openRows }
    }
  }

  private struct Sample {
    var disk: FaultyDisk
    var answers: [String]
    var ledger: [LedgerEntry]

    var blocks: [String] { disk.files.keys.filter { $0.hasSuffix(".block") }.sorted() }

    /// The same files, without the log when it is not wanted.
    func copy(_ seed: Int = 1, hasLog: Bool = true) throws -> FaultyDisk {
      let disk = disk.copy(seed: UInt64(seed))
      guard !hasLog else { return disk }
      for path in disk.files.keys where path.hasSuffix(".segment") { try disk.remove(path) }
      return disk
    }
  }

  private func sample(merges: Bool = false) async throws -> Sample {
    let harness = try BackgroundCompactionTests.harness(merges ? .background : .none)
    for cut in 0..<4 {
      _ = try harness.send(BackgroundCompactionTests.lines(cut) + "bad line\n#ack c\n")
      try await harness.engine.flush()
      if merges { try harness.settle(steps: 60) }
    }
    let sample = Sample(
      disk: harness.disk,
      answers: try await BackgroundCompactionTests.answers(harness),
      ledger: await harness.engine.ledger().map(\.entry)
    )
    try harness.kill()
    return sample
  }

  private static func faults(of byteCount: Int) -> [FileFault] {
    [10, 100, byteCount / 3, byteCount / 2, byteCount - 70, byteCount - 9].map {
      .flip(bit: $0 * 8 + 3)
    } + [.cut(byteCount: byteCount / 2), .cut(byteCount: 0), .zeros(from: byteCount / 4), .remove]
  }

  private func apply(_ fault: FileFault, to path: String, of disk: FaultyDisk) throws {
    guard let bytes = disk.files[path] else { return }
    guard let damaged = fault.apply(bytes) else { return try disk.remove(path) }
    disk.damage(path) { $0 = damaged }
  }

  /// Where answers differ from those of the undamaged directory.
  private func differences(_ answers: [String], _ sample: Sample) -> [String] {
    zip(answers, sample.answers).enumerated().compactMap { query, answers in
      // Warnings tell of what was lost, rightly.
      let pair = (answers.0.before(#","warnings""#), answers.1.before(#","warnings""#))
      guard pair.0 != pair.1 else { return nil }
      let place = zip(pair.0, pair.1).prefix { $0 == $1 }.count
      let found = pair.0.dropFirst(max(0, place - 40)).prefix(80)
      let expected = pair.1.dropFirst(max(0, place - 40)).prefix(80)
      return "query \(query) gives \(found) instead of \(expected)"
    }
  }

  /// What differs from the undamaged directory.
  private func differences(_ harness: EngineHarness, _ sample: Sample) async throws -> [String] {
    var found = differences(try await BackgroundCompactionTests.answers(harness), sample)
    if await harness.engine.ledger().map(\.entry) != sample.ledger {
      found.append("ledger differs")
    }
    return found + harness.damages.map { "verify finds \($0)" }
  }

  /// With room for no open rows each batch is a part of its own.
  @Test(arguments: [(false, nil), (true, nil), (true, 1)] as [(Bool, Int?)])
  func aDamagedBlockIsMadeAnewFromTheLog(merges: Bool, openRows: Int?) async throws {
    let sample = try await sample(merges: merges)
    #expect(sample.blocks.contains { $0.hasSuffix("-1.block") } == merges)
    var newest: [Substring: String] = [:]
    for path in sample.blocks { newest[path.prefix { $0 != "-" }.dropLast(16)] = path }
    for path in sample.blocks {
      for fault in Self.faults(of: sample.disk.files[path]?.count ?? 0) {
        let harness = try Self.harness(on: sample.copy(), openRows: openRows)
        let bytes = harness.disk.files[path]
        try harness.kill()
        try apply(fault, to: path, of: harness.disk)
        try harness.start()
        var problems = try await differences(harness, sample)
        let told = harness.report.damages.filter { $0.severity == .note }
        if !told.contains(where: { $0.what == "was made anew from the log" }) {
          problems.append("told \(harness.report.damages)")
        }
        let kept = harness.disk.files.filter { $0.key.contains("/quarantine/") }
        // A footer repeats the ledger as of its cut; of older cuts it is no longer known.
        let isNewest = path == newest[path.prefix { $0 != "-" }.dropLast(16)]
        if isNewest, !merges, harness.disk.files[path] != bytes { problems.append("other bytes") }
        if kept.isEmpty, harness.disk.files[path] != nil {
          if case .remove = fault {} else { problems.append("nothing is set aside") }
        }
        try harness.restart(.powerLosingAll)
        problems += try await differences(harness, sample)
        problems += harness.report.damages.filter { $0.severity != .note }.map { "again \($0)" }
        for problem in problems { Issue.record("\(path), \(fault): \(problem)") }
      }
    }
  }

  @Test func allBlocksAreMadeAnewAtOnce() async throws {
    let sample = try await sample()
    let disk = try sample.copy()
    for path in sample.blocks { disk.flip(bit: 8 * 150, of: path) }
    let harness = try Self.harness(on: disk)
    #expect(try await differences(harness, sample) == [])
  }

  @Test func aRescueThatIsCutShortAnywhereIsDoneByTheNextStart() async throws {
    let sample = try await sample()
    let path = sample.blocks[1]
    var place = 0
    while true {
      let disk = try sample.copy(place)
      disk.flip(bit: 8 * 150, of: path)
      disk.powerOff(afterOperations: place)
      _ = try? Self.harness(on: disk)
      let wasCutShort = disk.isOff
      disk.crash([.power, .powerLosingAll, .kill][place % 3])
      let harness = try Self.harness(on: disk)
      for problem in try await differences(harness, sample) {
        Issue.record("cut short at \(place): \(problem)")
      }
      guard wasCutShort else { break }
      place += 1
    }
    #expect(place > 12)
  }

  @Test func aRescueForWhichThereIsNoRoomIsDoneByALaterStart() async throws {
    let sample = try await sample()
    for room in [0, 50, 300, 900] {
      let disk = try sample.copy(room)
      disk.flip(bit: 8 * 150, of: sample.blocks[1])
      try disk.remove(sample.blocks[2])
      disk.limitFreeSpace(to: room)
      let harness = try Self.harness(on: disk)
      if room < 100 {
        #expect(harness.report.damages.contains { $0.what.hasPrefix("is not made anew") })
      }
      disk.limitFreeSpace(to: nil)
      try harness.restart()
      #expect(try await differences(harness, sample) == [], "\(room) bytes")
    }
  }

  @Test func aLogThatIsDamagedThereGivesWhatItHas() async throws {
    let sample = try await sample()
    let segment = try #require(sample.disk.files.keys.first { $0.hasSuffix(".segment") })
    // Of the first record the body, behind the segment's header.
    let place = try #require(sample.disk.files[segment]).count / 6
    let lost = try sample.copy()
    lost.flip(bit: 8 * place, of: segment)
    try lost.remove(sample.blocks[0])
    try lost.remove(sample.blocks[4])
    let harness = try Self.harness(on: lost)
    let told = harness.report.damages.filter { $0.what.hasPrefix("was made anew from the log") }
    #expect(told.contains { $0.severity == .damage && $0.what.contains("what it still has") })
    #expect(await harness.engine.ledger().allSatisfy(\.isBalanced))

    // A block that can still be read in part stays as it is.
    for path in [sample.blocks[0], sample.blocks[4]] {
      let disk = try sample.copy()
      disk.flip(bit: 8 * place, of: segment)
      disk.flip(bit: 8 * 150, of: path)
      let harness = try Self.harness(on: disk)
      let refused = harness.report.damages.contains { $0.what.contains("the log is damaged") }
      let made = harness.report.damages.contains { $0.what == "was made anew from the log" }
      #expect(refused != made)
      #expect(disk.files[path] != nil)
    }
  }

  /// The group of one series is lost and so is the index that would tell of it: rows that come
  /// again must count once in windows, like those of the group beside it that is still there.
  @Test func rowsThatAreSentAgainAfterALossCountOnce() async throws {
    let sample = try await sample()
    for path in sample.blocks {
      let size = sample.disk.files[path]?.count ?? 0
      for place in stride(from: 70, to: size - 70, by: max(1, size / 9)) {
        let disk = try sample.copy(place, hasLog: false)
        disk.flip(bit: 8 * place, of: path)
        disk.flip(bit: 8 * (size - 40), of: path)
        let harness = try Self.harness(on: disk)
        for cut in 0..<4 {
          _ = try harness.send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
          if cut % 2 == 0 { try await harness.engine.flush() }
        }
        let open = try await BackgroundCompactionTests.answers(harness)
        for text in differences(open, sample) {
          Issue.record("\(path), byte \(place), open: \(text)")
        }
        try await harness.engine.flush()
        let cut = try await BackgroundCompactionTests.answers(harness)
        for text in differences(cut, sample) {
          Issue.record("\(path), byte \(place), cut: \(text)")
        }
        try harness.restart()
        let again = try await BackgroundCompactionTests.answers(harness)
        for text in differences(again, sample) {
          Issue.record("\(path), byte \(place), started again: \(text)")
        }
      }
    }
  }
}

extension String {
  /// What stands before `text`.
  fileprivate func before(_ text: String) -> Substring {
    var end = startIndex
    while end < endIndex, !self[end...].hasPrefix(text) { end = index(after: end) }
    return self[..<end]
  }
}
