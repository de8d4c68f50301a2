import Engine
import Logging
import Model
import Platform
import Query
import TestSupport
import Testing
import Tool

/// Goal: where blocks hold other values than the log, a replay shows the windows that differ and
/// restates them, in as many rounds as its memory asks for; afterwards nothing differs.
struct RestatementTests {
  private static let minute: Int64 = 60_000_000_000
  private static let base: Int64 = 1_795_000_020_000_000_000
  private static let rowCount = 600

  /// A stopped directory, all of it in blocks. Values differ by `offset`, of which the digits are
  /// as many for all: batches are the same.
  private static func directory(_ offset: Int) async throws -> StoredDirectory {
    let directory = try StoredDirectory(partitionCount: 1)
    // A batch each.
    for start in stride(from: 0, to: rowCount, by: 20) {
      var lines = ""
      for row in start..<start + 20 {
        let time = base + Int64(row) * 1_000_000_000
        for host in ["a", "b"] {
          lines += "m,h=\(host) f=\(offset + row).5,i=\(1_000 + row)i,s=\"x\(row % 3)\" \(time)\n"
        }
      }
      try directory.send(lines)
    }
    try await directory.cut()
    try directory.stop()
    return directory
  }

  /// A directory whose log says something else than its blocks, and one that has what it says.
  private static func differing() async throws -> (StoredDirectory, model: StoredDirectory) {
    let directory = try await directory(1_000)
    let model = try await Self.directory(5_000)
    let disk = RealDisk()
    for name in try disk.list(directory.path + "/queue") {
      try disk.remove(Path.join(directory.path + "/queue", name))
    }
    for name in try disk.list(model.path + "/queue") {
      let bytes = try disk.read(
        Path.join(model.path + "/queue", name),
        byteCountMax: 256 << 20
      )
      try disk.replace(Path.join(directory.path + "/queue", name), with: bytes)
    }
    return (directory, model)
  }

  private static func rows(_ directory: StoredDirectory) throws -> String {
    try StoredDirectory.export(directory.path, .csv)
  }

  /// What a server answers by the minute.
  private static func windows(_ directory: StoredDirectory) async throws -> String {
    let engine = try Engine(
      StoredDirectory.configuration(directory.path, partitionCount: 1),
      disk: RealDisk(),
      clock: RealClock(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      threading: .manual
    )
    _ = try engine.start()
    let start = base / 1_000_000_000
    let items = [
      ("measurement", "m"), ("field", "*"), ("start", "\(start)"), ("end", "\(start + 600)"),
      ("step", "60s"), ("agg", "count,sum,min,max,first,last"),
    ]
    let answer = try await engine.range(items.map { (name: $0.0, value: $0.1) }, tenant: "default")
    let json = String(decoding: answer.json(), as: UTF8.self)
    try engine.stop()
    return String(json.split(separator: "\"stats\"")[0])
  }

  @Test func windowsThatDifferAreShownAndRestated() async throws {
    let (directory, model) = try await Self.differing()
    let before = try Self.rows(directory)
    #expect(before != (try Self.rows(model)))
    let restatement = Restatement(path: directory.path, from: .offset(Offset(0)))
    var changes: [LogReplay.Change] = []
    let shown = try restatement.run(dryRun: true) { change, _ in changes.append(change) }
    #expect(shown.summary.changedPointCount == 2 * Self.rowCount)
    #expect(shown.summary.changedWindowCount == 2 * 10)
    #expect(changes.count == 2 * 10)
    let first = try #require(changes.first)
    #expect(first.field.name == Array("f".utf8))
    #expect(first.stored.map { Double(bitPattern: $0.max) } == 1_059.5)
    #expect(Double(bitPattern: first.derived.max) == 5_059.5)
    #expect(first.stored?.count == first.derived.count)
    // A dry run is one.
    #expect(shown.restatedRowCount == 0)
    #expect(try Self.rows(directory) == before)
    let done = try restatement.run(dryRun: false) { _, _ in }
    #expect(done.restatedRowCount == 2 * Self.rowCount)
    #expect(done.rejectedRowCount == 0)
    #expect(done.roundCount == 1)
    #expect(try Self.rows(directory) == Self.rows(model))
    #expect(try await Self.windows(directory) == Self.windows(model))
    let again = try restatement.run(dryRun: true) { _, _ in }
    #expect(again.summary.changedPointCount == 0)
  }

  @Test func whatDoesNotFitTakesAnotherRound() async throws {
    let (directory, model) = try await Self.differing()
    let restatement = Restatement(
      path: directory.path,
      from: .offset(Offset(0)),
      heldByteCountMax: 1
    )
    let done = try restatement.run(dryRun: false) { _, _ in }
    // A series at a time.
    #expect(done.roundCount == 2)
    #expect(done.summary.changedPointCount == 2 * Self.rowCount)
    #expect(done.restatedRowCount == 2 * Self.rowCount)
    #expect(try Self.rows(directory) == Self.rows(model))
  }

  @Test func theCommandSaysWhatItHasDone() async throws {
    let (directory, _) = try await Self.differing()
    let arguments = ["queue", "replay", "--data", directory.path, "--from", "0", "--json"]
    let shown = try CommandProcess.run(arguments + ["--dry-run", "--diff"])
    #expect(shown.status == 0, "\(shown.errors)")
    let json = try JSONParser.parse(Array(shown.output.utf8))
    #expect(json["changed_windows"]?.int64 == 20)
    #expect(json["windows"]?.elements?.count == 20)
    #expect(json["restated_rows"] == nil)
    let done = try CommandProcess.run(arguments)
    #expect(done.status == 0, "\(done.errors)")
    let report = try JSONParser.parse(Array(done.output.utf8))
    #expect(report["restated_rows"]?.int64 == Int64(2 * Self.rowCount))
    #expect(report["rejected_rows"]?.int64 == 0)
    let again = try CommandProcess.run(arguments)
    #expect(try JSONParser.parse(Array(again.output.utf8))["changed_points"]?.int64 == 0)
  }
}
