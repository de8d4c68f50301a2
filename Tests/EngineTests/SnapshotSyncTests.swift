import Engine
import Model
import Platform
import Synchronization
import TestSupport
import Testing

/// Goal: a snapshot that was answered survives a power failure, for as many syncs as it has folders
/// and copies, however many files it shares.
@Suite struct SnapshotSyncTests {
  private static let snapshots = "/data/snapshots"

  private func events(cuts: Int) async throws -> (events: [RecordingDisk.Event], links: Int) {
    let harness = try EngineHarness { $0.compaction.mode = .none }
    for cut in 0..<cuts {
      _ = try harness.send(BackgroundCompactionTests.lines(cut) + "#ack c\n")
      try await harness.engine.flush()
    }
    try harness.kill()
    let disk = RecordingDisk(harness.disk)
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.workerCount = 1
    configuration.compaction.mode = .none
    let engine = try Engine(
      configuration,
      disk: disk,
      clock: harness.clock,
      logger: EngineHarness.silent,
      threading: .manual
    )
    _ = try engine.start()
    let before = disk.events.count
    let report = try await engine.snapshot()
    return (Array(disk.events[before...]), report.linkCount)
  }

  @Test func everyNameIsSyncedBeforeTheAnswer() async throws {
    let (events, links) = try await events(cuts: 6)
    #expect(links >= 6)
    let final = try #require(
      events.lastIndex { event in
        if case .renamed(let from, _) = event { from.hasSuffix(".tmp") } else { false }
      }
    )
    for (index, event) in events.enumerated() {
      switch event {
      case .named(let path) where path.hasPrefix(Self.snapshots + "/"):
        // The name of the whole comes last; all below it is durable before.
        let isWhole = Path.directory(of: path) == Self.snapshots
        let synced = events[index...].firstIndex(of: .synced(Path.directory(of: path)))
        #expect(synced.map { isWhole || $0 < final } ?? false, "\(path)")
      case .renamed(_, let path):
        #expect(index < final || Path.directory(of: path) == Self.snapshots)
        #expect(events[index...].contains(.synced(Path.directory(of: path))), "\(path)")
      default: break
      }
    }
  }

  @Test func filesThatAreSharedCostNoSyncOfTheirOwn() async throws {
    var counts: [Int] = []
    for cuts in [2, 12] {
      let (events, links) = try await events(cuts: cuts)
      #expect(links >= cuts)
      counts.append(
        events.count { event in
          if case .synced = event { true } else { false }
        }
      )
    }
    #expect(counts[0] == counts[1])
    // Two partitions: blocks, manifest and folder of each; the rest is there once.
    #expect(counts[0] <= 20)
  }
}

/// Notes what gets a name and what is synced; folders of which the parent has to be synced too.
private final class RecordingDisk: Disk {
  enum Event: Equatable {
    case named(String)
    case renamed(String, to: String)
    case synced(String)
  }

  private let disk: FaultyDisk
  private let noted = Mutex<[Event]>([])

  init(_ disk: FaultyDisk) { self.disk = disk }

  var events: [Event] { noted.withLock { $0 } }

  private func note(_ event: Event) { noted.withLock { $0.append(event) } }

  func createDirectory(_ path: String) throws(SystemError) { try disk.createDirectory(path) }

  func makeDirectory(_ path: String) throws(SystemError) {
    var missing: [String] = []
    var parent = path
    while parent != "/", parent != Path.directory(of: parent) {
      missing.append(parent)
      parent = Path.directory(of: parent)
    }
    let known = Set(events.compactMap { if case .named(let path) = $0 { path } else { nil } })
    for path in missing.reversed()
    where path.hasPrefix("/data/snapshots/") && !known.contains(path) { note(.named(path)) }
    try disk.createDirectory(path)
  }

  func link(_ path: String, to target: String) throws(SystemError) {
    try disk.link(path, to: target)
    note(.named(target))
  }

  func rename(_ from: String, to target: String) throws(SystemError) {
    try disk.rename(from, to: target)
    note(.renamed(from, to: target))
  }

  func syncDirectory(_ path: String) throws(SystemError) {
    try disk.syncDirectory(path)
    note(.synced(path))
  }

  func append(to path: String) throws(SystemError) -> any AppendFile {
    if try disk.byteCount(of: path) == nil, !path.hasSuffix(Self.temporarySuffix) {
      note(.named(path))
    }
    return try disk.append(to: path)
  }

  func list(_ directory: String) throws(SystemError) -> [String] { try disk.list(directory) }
  func byteCount(of path: String) throws(SystemError) -> Int? { try disk.byteCount(of: path) }
  func fileNumber(of path: String) throws(SystemError) -> UInt64? {
    try disk.fileNumber(of: path)
  }
  func open(_ path: String) throws(SystemError) -> any ReadableFile { try disk.open(path) }
  func map(_ path: String) throws(SystemError) -> any MappedFile { try disk.map(path) }
  func remove(_ path: String) throws(SystemError) { try disk.remove(path) }
  func space(at path: String) throws(SystemError) -> (free: Int, total: Int) {
    try disk.space(at: path)
  }
  func lock(_ path: String) throws(SystemError) -> any FileLock { try disk.lock(path) }
}
