import Catalog
import Engine
import Model
import Platform
import Queue
import TestSupport
import Testing
import Tool

/// Goal: what lies in a directory is shown, sound or damaged, and nothing of it is changed.
struct InspectTests {
  private static func filled() async throws -> StoredDirectory {
    let directory = try ExportTests.filled()
    try await directory.cut()
    let more = "node,server=c3 cpu=1 \(ExportTests.base)\nbad line\nnode,server=a1 cpu=\"x\"\n"
    try directory.send(more)
    return directory
  }

  private static func snapshot(_ path: String) throws -> DirectorySnapshot {
    try DirectorySnapshot(disk: RealDisk(), path: path)
  }

  /// Every view of a directory, as text.
  private static func views(_ path: String) throws -> [String: String] {
    let snapshot = try snapshot(path)
    let log = try LogInspection(disk: RealDisk(), path: path)
    var views: [String: String] = [:]
    views["overview"] = try Overview.make(snapshot).report.text
    views["codecs"] = CodecView.make(snapshot).report.text
    for index in 0..<snapshot.partitionCount {
      views["partition \(index)"] = try PartitionTables.make(snapshot, index).report.text
      for name in try RealDisk().list(snapshot.directory.blocks(index)) {
        let file = Path.join(snapshot.directory.blocks(index), name)
        let view = try? BlockView.make(RealDisk(), path: file, limit: 10, listsChunks: true)
        views["block \(name)"] = view?.report.text
      }
    }
    for segment in try log.segments() {
      views["segment \(segment.sequence)"] =
        try SegmentView.make(log, "\(segment.sequence)", limit: 10, listsBatches: true)
        .report.text
    }
    let topics = try log.topics().topics
    views["topics"] = "\(topics.map(\.rowCount).sorted())"
    var rows = 0
    _ = try log.follow { rows += log.rows(of: $0) { _, _ in true }.count }
    views["rows"] = "\(rows)"
    let letters = try log.deadLetters(countMax: 10)
    views["dead"] = DeadLetterText.render(letters, asJSON: false) { _ in [] }
    return views
  }

  @Test func everyViewShowsWhatThereIs() async throws {
    let directory = try await Self.filled()
    let views = try Self.views(directory.path)
    let overview = try #require(views["overview"])
    #expect(overview.contains("points in blocks   15\n"))
    #expect(overview.contains("\n  default  node"))
    #expect(views["topics"] == "[1, 8]")
    #expect(views["rows"] == "9")
    let codecs = try #require(views["codecs"])
    #expect(codecs.contains("float") && codecs.contains("bytes per value"))
    #expect(codecs.contains("runner up") && codecs.contains("\n  node"))
    let dead = try #require(views["dead"])
    #expect(dead.contains("unparsable") && dead.contains("    bad line\n"))
    #expect(dead.contains("type_conflict"))
    #expect(views.keys.contains { $0.hasPrefix("block ") })
    #expect(views.values.contains { $0.contains("server=b\\ 2") && $0.contains("chunks\n") })
  }

  @Test func theRowsOfTheLogReadAsLines() async throws {
    let directory = try await Self.filled()
    let log = try LogInspection(disk: RealDisk(), path: directory.path)
    var rows: [LogInspection.Row] = []
    _ = try log.follow { batch in
      let wanted = log.catalog.measurement(tenant: .default, named: Array("odd name,x".utf8))
      rows += log.rows(of: batch) { $1 == wanted }
    }
    #expect(rows.count == 1)
    #expect(
      rows[0].values.columns.map { String(decoding: $0.field.name, as: UTF8.self) } == [
        "a b", "c=d", "e",
      ]
    )
    // What comes later is read from where the last read ended, new names included.
    try directory.send("fresh,t=1 f=2\n")
    var later = 0
    _ = try log.follow { later += log.rows(of: $0) { _, _ in true }.count }
    #expect(later == 1)
  }

  @Test func lookingChangesNothing() async throws {
    let directory = try await Self.filled()
    let before = try Self.files(directory.path)
    _ = try Self.views(directory.path)
    _ = try directory.export(.csv)
    #expect(try Self.files(directory.path) == before)
  }

  @Test func damageIsToldAndNeverTraps() async throws {
    let directory = try await Self.filled()
    let sound = try Self.files(directory.path)
    var random = SeededRandom(seed: 11)
    for (path, bytes) in sound where !bytes.isEmpty && !path.hasSuffix("/lock") {
      for _ in 0..<6 {
        var damaged = bytes
        switch random.next() % 3 {
        case 0: damaged[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 << (random.next() % 8))
        case 1: damaged.removeLast(Int(random.next() % UInt64(bytes.count)))
        default:
          let start = Int(random.next() % UInt64(bytes.count))
          for index in start..<min(bytes.count, start + 64) { damaged[index] = 0 }
        }
        try Self.write(damaged, to: path)
        // A directory whose identity is of another version is refused; all else is shown.
        _ = try? Self.views(directory.path)
        _ = try? directory.export(.jsonl)
      }
      try Self.write(bytes, to: path)
    }
    #expect(try Self.views(directory.path)["rows"] == "9")
  }

  @Test func aDamagedGroupCostsItsRowsAndIsReported() async throws {
    let directory = try ExportTests.filled(partitionCount: 1)
    try await directory.cut()
    let folder = DataDirectory(directory.path).blocks(0)
    let path = Path.join(folder, try RealDisk().list(folder)[0])
    var bytes = try RealDisk().read(path, byteCountMax: 1 << 20)
    bytes[64 + 60] ^= 1
    try Self.write(bytes, to: path)
    let snapshot = try Self.snapshot(directory.path)
    var run = ExportRun(
      snapshot,
      tenant: .default,
      range: TimeRange(start: 0, end: .max),
      matches: [],
      format: .line
    )
    var target = MemoryTarget()
    try run.run(into: &target)
    #expect(run.summary.rowCount < 7 && run.summary.rowCount > 0)
    #expect(snapshot.findings.contains { $0.severity == .damage && $0.path == path })
  }

  // MARK: Files

  private static func files(_ path: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in try RealDisk().list(path) {
      let entry = Path.join(path, name)
      if let bytes = try? RealDisk().read(entry, byteCountMax: 64 << 20) {
        files[entry] = bytes
      } else {
        files.merge(try self.files(entry)) { $1 }
      }
    }
    return files
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    let file = try RealDisk().append(to: path)
    try file.truncate(to: 0)
    try file.append(bytes)
    file.close()
  }
}

struct DoctorTests {
  private func visit(_ path: String) -> DoctorVisit {
    DoctorVisit(disk: RealDisk(), clock: RealClock(), data: path)
  }

  @Test func aNewDirectoryIsFine() throws {
    let directory = try TemporaryDirectory()
    var visit = visit(directory.file("new/data"))
    visit.checkDirectory()
    #expect(visit.findings.contains { $0.topic == "directory" && $0.state == .ok })
    #expect(visit.findings.contains { $0.topic == "disk" && $0.text.contains("fdatasync takes") })
    #expect(try RealDisk().list(directory.path).isEmpty)
  }

  @Test func theConfigurationIsCheckedToo() {
    var visit = visit("/nowhere")
    visit.checkConfiguration("varve.yaml", faults: [], warnings: [])
    #expect(!visit.hasFailed)
    visit.checkConfiguration("varve.yaml", faults: ["varve.yaml:3: no"], warnings: ["VARVE_X"])
    visit.missDirectory()
    #expect(visit.findings.map(\.state) == [.ok, .fail, .warn, .fail])
    #expect(visit.rendered(asJSON: false).contains("varve.yaml:3: no; varve config check"))
  }

  @Test func aForeignDirectoryAndADamagedOneFail() async throws {
    let foreign = try TemporaryDirectory()
    try RealDisk().replace(foreign.file("letter.txt"), with: [1])
    var first = visit(foreign.path)
    first.checkDirectory()
    #expect(first.hasFailed)
    let stored = try ExportTests.filled()
    try await stored.cut()
    var second = visit(stored.path)
    second.checkDirectory()
    second.checkEverything()
    #expect(!second.hasFailed, "\(second.findings)")
    #expect(
      second.findings.contains { $0.topic == "in use" && $0.text.contains("a varve process") }
    )
    let manifest = DataDirectory(stored.path).partition(0) + "/manifest"
    try RealDisk().replace(manifest, with: Array("nonsense".utf8))
    var third = visit(stored.path)
    third.checkDirectory()
    #expect(third.findings.contains { $0.state == .fail && $0.topic == "contents" })
    #expect(third.rendered(asJSON: false).contains("FAIL"))
  }

  @Test func aWeakDurabilityIsAWarning() {
    var visit = visit("/tmp/none")
    visit.checkDurability(.os)
    #expect(visit.findings.map(\.state) == [.warn])
    #expect(visit.findings[0].remedy.contains("--durability fsync"))
  }

  @Test func mountsAreFoundByTheLongestPath() {
    let mounts = """
      22 1 8:1 / / rw - ext4 /dev/sda1 rw
      23 22 8:2 / /var/lib rw shared:1 - xfs /dev/sdb rw
      24 22 0:5 / /var/lib/my\\040data rw - tmpfs tmpfs rw
      """
    #expect(Surroundings.fileSystemType(of: "/var/library", mounts: mounts) == "ext4")
    #expect(Surroundings.fileSystemType(of: "/var/lib/x", mounts: mounts) == "xfs")
    #expect(Surroundings.fileSystemType(of: "/var/lib/my data/x", mounts: mounts) == "tmpfs")
    #expect(Surroundings.fileSystemType(of: "/x", mounts: "nonsense\n") == nil)
  }
}
