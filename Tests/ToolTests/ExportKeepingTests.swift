import Engine
import Model
import Platform
import TestSupport
import Testing
import Tool

/// Goal: what retention takes from a directory, or nobody can read, stays in an export that is made
/// again; what is deleted leaves it.
struct ExportKeepingTests {
  private static let day: Int64 = 86_400_000_000_000
  /// A whole day.
  private static let start: Int64 = 1_795_392_000_000_000_000

  /// A directory that is exported day after day.
  private final class Lake {
    let disk: FaultyDisk
    private var now = ExportKeepingTests.start

    init(_ files: [String: [UInt8]] = [:]) { disk = FaultyDisk(seed: 3, files: files) }

    /// Lives for a while on the directory, days after the start.
    func live(
      _ days: Int64,
      retention: Int64 = 0,
      _ body: (SteppedServer) async throws -> Void
    ) async throws {
      now = max(now, start + days * day)
      let server = try SteppedServer(on: disk, now: now) { configuration in
        configuration.retention.ageNanoseconds = retention * day
      }
      try await body(server)
      try await server.flush()
      try server.look()
      now = server.clock.now()
      server.kill()
    }

    @discardableResult
    func export(prunes: Bool = false) throws -> ParquetExport.Summary {
      var run = ParquetExport(
        try DirectorySnapshot(disk: disk, path: "/data"),
        ParquetOptions(
          tenant: .default,
          tenantName: Array("default".utf8),
          range: TimeRange(start: 0, end: .max),
          matchTexts: [],
          matches: [],
          unit: .auto,
          rollup: nil
        ),
        disk: disk,
        directory: "/out",
        overwrites: false,
        prunes: prunes
      )
      try run.run()
      #expect(ExportCheck(disk: disk, directory: "/out").run().findings.isEmpty)
      return run.summary
    }

    /// Points of each day of the export, by its number.
    func points() throws -> [Int64: Int] {
      let manifest = try #require(try ExportManifest.load(disk, "/out"))
      var points: [Int64: Int] = [:]
      for day in manifest.days {
        let index = (0..<40 as Range<Int64>).first {
          CivilTime(nanoseconds: start + $0 * ExportKeepingTests.day).rfc3339(decimals: 0)
            .hasPrefix(day.folder.suffix(10))
        }
        points[try #require(index), default: 0] += day.pointCount
      }
      return points
    }
  }

  /// Sixteen points of two series, of each day.
  private static func lines(_ days: Range<Int64>) -> String {
    var lines = ""
    for day in days {
      for hour in Int64(0)..<8 {
        let time = start + day * Self.day + hour * 10_800_000_000_000
        for host in ["a", "b"] { lines += "m,h=\(host) f=\(hour).5 \(time)\n" }
      }
    }
    return lines
  }

  private static func expected(_ counts: [(days: Range<Int64>, points: Int)]) -> [Int64: Int] {
    var result: [Int64: Int] = [:]
    for (days, points) in counts {
      for day in days { result[day] = points }
    }
    return result
  }

  private static func delete(
    _ server: SteppedServer,
    _ days: Range<Int64>,
    _ hosts: [String] = ["a"]
  ) async throws {
    for host in hosts {
      try await server.deleteSeries([
        ("match[]", "m{h=\"\(host)\"}"),
        ("start", "\((start + days.lowerBound * day) / 1_000_000_000)"),
        ("end", "\((start + days.upperBound * day) / 1_000_000_000 - 1)"),
      ])
    }
  }

  @Test func whatRetentionTakesStays() async throws {
    let lake = Lake()
    for day in 0..<6 as Range<Int64> {
      try await lake.live(day + 1) { try $0.send(Self.lines(day..<day + 1)) }
      try lake.export()
    }
    #expect(try lake.points() == Self.expected([(0..<6, 16)]))
    let before = lake.disk.files.filter { $0.key.hasPrefix("/out/m") }
    try await lake.live(8, retention: 4) { try $0.send(Self.lines(6..<8)) }
    for run in 0..<3 {
      let summary = try lake.export()
      #expect(summary.expiredDayCount >= 3, "run \(run)")
      #expect(try lake.points() == Self.expected([(0..<8, 16)]), "run \(run)")
    }
    let after = lake.disk.files.filter { before.keys.contains($0.key) }
    #expect(after == before)
    // Nothing more has gone since, and what is kept is kept.
    try await lake.live(8, retention: 4) { _ in }
    try lake.export()
    #expect(try lake.points() == Self.expected([(0..<8, 16)]))
    let left = try lake.export(prunes: true)
    #expect(left.expiredDayCount == 0)
    #expect(try lake.points().keys.min() ?? 0 >= 3)
  }

  @Test func whatIsDeletedLeaves() async throws {
    let lake = Lake()
    try await lake.live(6) { try $0.send(Self.lines(0..<6)) }
    try lake.export()
    try await lake.live(6) { try await Self.delete($0, 1..<3) }
    #expect(try lake.export().expiredDayCount == 0)
    #expect(try lake.points() == Self.expected([(0..<1, 16), (1..<3, 8), (3..<6, 16)]))
  }

  @Test func deletesOfNewDaysLeaveBesideRetention() async throws {
    let lake = Lake()
    for day in 0..<8 as Range<Int64> {
      try await lake.live(day + 1) { try $0.send(Self.lines(day..<day + 1)) }
    }
    try lake.export()
    try await lake.live(8, retention: 4) { try await Self.delete($0, 6..<8) }
    try lake.export()
    #expect(try lake.points() == Self.expected([(0..<6, 16), (6..<8, 8)]))
  }

  @Test func whatCannotBeReadStays() async throws {
    let lake = Lake()
    for day in 0..<3 as Range<Int64> {
      try await lake.live(day + 1) { try $0.send(Self.lines(day..<day + 1)) }
    }
    try lake.export()
    let blocks = lake.disk.files.keys.filter { $0.hasSuffix(".block") }.sorted()
    let path = try #require(blocks.first)
    try lake.disk.remove(path)
    let summary = try lake.export()
    #expect(summary.unreadableDayCount > 0)
    #expect(try lake.points() == Self.expected([(0..<3, 16)]))
    #expect(try lake.export(prunes: true).unreadableDayCount > 0)
    #expect(try lake.points() == Self.expected([(0..<3, 16)]))
  }

  /// A kill between the names of a day's files and the note of it, after which the rows go.
  @Test func noFileIsLeftThatNobodyKnows() async throws {
    let rehearsal = Lake()
    try await rehearsal.live(3) { try $0.send(Self.lines(0..<3)) }
    let files = rehearsal.disk.files
    var crashes = 0
    while true {
      let lake = Lake(files)
      lake.disk.powerOff(afterOperations: crashes)
      let isDone = (try? lake.export()) != nil
      lake.disk.crash([.kill, .power][crashes % 2])
      if isDone { break }
      try await lake.live(3) { try await Self.delete($0, 0..<3, ["a", "b"]) }
      // What is left of the earlier run is told by the check in here.
      try lake.export()
      #expect(!lake.disk.files.keys.contains { $0.hasSuffix(".parquet") }, "crash \(crashes)")
      crashes += 1
    }
    #expect(crashes > 10)
  }

  /// A copy of a directory and the original go on by themselves: each has other rows behind the
  /// same offsets, of as many bytes.
  @Test(arguments: [true, false])
  func aRestoredDirectoryIsExportedAnew(isCut: Bool) async throws {
    func live(_ disk: FaultyDisk, _ value: Int, at second: Int64) async throws {
      let server = try SteppedServer(on: disk, now: Self.start + second * 1_000_000_000)
      for part in 0..<3 as Range<Int64> {
        try server.send("m,h=a f=\(value + Int(part)) \(Self.start + part * 1_000_000_000)\n")
      }
      if isCut { try await server.flush() }
      server.kill()
    }
    func export(_ disk: FaultyDisk) throws -> [String: [UInt8]] {
      var run = ParquetExport(
        try DirectorySnapshot(disk: disk, path: "/data"),
        ParquetOptions(
          tenant: .default,
          tenantName: Array("default".utf8),
          range: TimeRange(start: 0, end: .max),
          matchTexts: [],
          matches: [],
          unit: .auto,
          rollup: nil
        ),
        disk: disk,
        directory: "/out",
        overwrites: false
      )
      try run.run()
      return disk.files.filter { $0.key.hasSuffix(".parquet") }
    }
    let disk = FaultyDisk(seed: 4)
    try await live(disk, 100, at: 10)
    let copy = disk.files
    try await live(disk, 200, at: 20)
    let first = try export(disk)
    var files = copy
    for (path, bytes) in disk.files where path.hasPrefix("/out/") { files[path] = bytes }
    let restored = FaultyDisk(files: files)
    try await live(restored, 300, at: 30)
    let again = try export(restored)
    let fresh = FaultyDisk(files: restored.files.filter { !$0.key.hasPrefix("/out/") })
    #expect(again == (try export(fresh)))
    #expect(again != first)
  }
}
