import Cold
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
      hours: Int64 = 0,
      retention: Int64 = 0,
      _ body: (SteppedServer) async throws -> Void
    ) async throws {
      now = max(now, start + days * day + hours * day / 24)
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
    func export(
      prunes: Bool = false,
      from first: Int64? = nil,
      overwrites: Bool = false,
      isSound: Bool = true,
      into directory: String = "/out",
      remote: ExportManifest? = nil
    ) throws -> ParquetExport.Summary {
      var run = ParquetExport(
        try DirectorySnapshot(disk: disk, path: "/data"),
        ParquetOptions(
          tenant: .default,
          tenantName: Array("default".utf8),
          range: TimeRange(start: first.map { start + $0 * day } ?? 0, end: .max),
          matchTexts: [],
          matches: [],
          unit: .auto,
          rollup: nil
        ),
        disk: disk,
        directory: directory,
        overwrites: overwrites,
        prunes: prunes,
        remote: remote
      )
      try run.run()
      if directory != "/out" { return run.summary }
      #expect(ExportCheck(disk: disk, directory: "/out").run().findings.isEmpty == isSound)
      return run.summary
    }

    /// Exports into a folder of its own and brings that to `/out`, as into a bucket.
    func bring() throws {
      let store = DirectoryStore(disk: disk, path: "/out")
      let name = ExportUpload.earlierName
      let remote =
        try ExportManifest.load(StoreDisk(store), ".")
        ?? ExportManifest.load(disk, "/staging", name: name)
      try export(overwrites: true, into: "/staging", remote: remote)
      _ = try ExportUpload(disk: disk, directory: "/staging", store: store).run()
      for path in disk.files.keys where path.hasPrefix("/staging/") { try disk.remove(path) }
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
  /// A day that was exported before it was over goes on, while retention takes its beginning.
  @Test func aDayThatGainsAsManyAsItLosesStays() async throws {
    let lake = Lake()
    try await lake.live(1) { server in
      for hour in Int64(0)..<16 {
        try server.send("m,h=a f=\(hour) \(Self.start + hour * 3_600_000_000_000)\n")
      }
    }
    try lake.export()
    try await lake.live(4, hours: 22, retention: 4) { server in
      try server.send("m,h=new f=1 \(Self.start + 4 * Self.day + 79_000_000_000_000)\n")
    }
    try await lake.live(4, hours: 22, retention: 4) { server in
      for host in 0..<40 {
        try server.send("m,h=\(host) f=1 \(Self.start + Self.day - 1_800_000_000_000)\n")
      }
    }
    let summary = try lake.export()
    #expect(summary.expiredDayCount == 1)
    #expect(try lake.points() == [0: 16, 4: 1])
    // Whoever does not want it gets what there is.
    try lake.export(prunes: true)
    #expect(try lake.points() == [0: 40, 4: 1])
  }

  /// Files of an export with another selection are none of this one's, whenever it is killed.
  @Test func anotherSelectionIsReplacedWhole() async throws {
    let lake = Lake()
    try await lake.live(3) { try $0.send(Self.lines(0..<3)) }
    try lake.export()
    // Something has left, so that days may stay.
    try await lake.live(8, retention: 4) { try $0.send(Self.lines(7..<8)) }
    try lake.export()
    #expect(try lake.points() == Self.expected([(0..<3, 16), (7..<8, 16)]))
    var (operations, wasCutShort) = (0, true)
    while wasCutShort {
      let killed = Lake(lake.disk.files)
      killed.disk.powerOff(afterOperations: operations)
      _ = try? killed.export(from: 2, overwrites: true)
      wasCutShort = killed.disk.isOff
      killed.disk.crash(.kill)
      // A run that had not begun leaves the earlier export, which refuses.
      if (try? killed.export(from: 2)) == nil { try killed.export(from: 2, overwrites: true) }
      #expect(try killed.points() == [7: 16], "after \(operations)")
      operations += 1
    }
    #expect(operations > 5)
  }

  /// Of a restored directory, which knows neither of deletes nor of rows that were too old.
  @Test func whatIsGoneForNoReasonStays() async throws {
    let lake = Lake()
    try await lake.live(2) { try $0.send(Self.lines(0..<1)) }
    let old = lake.disk.files.filter { $0.key.hasPrefix("/data") }
    try await lake.live(3) { try $0.send(Self.lines(1..<3)) }
    try lake.export()
    let export = lake.disk.files.filter { $0.key.hasPrefix("/out") }
    let restored = Lake(old.merging(export) { $1 })
    try await restored.live(4) { try $0.send(Self.lines(3..<4)) }
    #expect(try restored.export().goneDayCount == 2)
    #expect(try restored.points() == Self.expected([(0..<4, 16)]))
    #expect(try restored.export(prunes: true).goneDayCount == 0)
    #expect(try restored.points() == Self.expected([(0..<1, 16), (3..<4, 16)]))
  }

  /// What stays and is not whole any more is told, and not taken away.
  @Test func aKeptDayThatIsDamagedIsTold() async throws {
    let lake = Lake()
    try await lake.live(1) { try $0.send(Self.lines(0..<1)) }
    try lake.export()
    try await lake.live(8, retention: 4) { try $0.send(Self.lines(7..<8)) }
    let file = try #require(lake.disk.files.keys.first { $0.hasSuffix(".parquet") })
    lake.disk.damage(file) { $0[$0.count / 2] ^= 1 }
    let damaged = lake.disk.files[file]
    let summary = try lake.export(isSound: false)
    #expect(summary.brokenDayCount == 1)
    #expect(lake.disk.files[file] == damaged)
    #expect(try lake.export(prunes: true).brokenDayCount == 0)
    #expect(try lake.points() == [7: 16])
  }

  /// Kept days lie in the bucket alone; an upload that fails leaves them there and known.
  @Test func anUploadThatIsCutShortLosesNoKeptDay() async throws {
    let lake = Lake()
    try await lake.live(1) { try $0.send(Self.lines(0..<1)) }
    try lake.bring()
    try await lake.live(8, retention: 4) { try $0.send(Self.lines(7..<8)) }
    var (operations, wasCutShort) = (0, true)
    while wasCutShort {
      let killed = Lake(lake.disk.files)
      killed.disk.powerOff(afterOperations: operations)
      _ = try? killed.bring()
      wasCutShort = killed.disk.isOff
      killed.disk.crash(.kill)
      try killed.bring()
      #expect(try killed.points() == [0: 16, 7: 16], "after \(operations)")
      operations += 1
    }
    #expect(operations > 20)
  }

  @Test func twoExportsDoNotMeet() async throws {
    let lake = Lake()
    try await lake.live(1) { try $0.send(Self.lines(0..<1)) }
    try lake.disk.createDirectory("/out")
    let other = try lake.disk.lock("/out/_lock")
    #expect(throws: ParquetExport.Fault.self) { try lake.export() }
    other.release()
    lake.disk.crash(.kill)
    try lake.export()
    #expect(!lake.disk.files.keys.contains("/out/_lock"))
  }

  /// A run that is killed while it writes a day anew, whose rows retention takes before the next.
  @Test func aKillBeforeRetentionLosesNoDay() async throws {
    let lake = Lake()
    try await lake.live(3) { try $0.send(Self.lines(0..<3)) }
    try lake.export()
    try await lake.live(3) { server in
      try server.send("m,h=c f=1 \(Self.start + Self.day + 5)\n")
    }
    var (operations, wasCutShort) = (0, true)
    while wasCutShort {
      let killed = Lake(lake.disk.files)
      killed.disk.powerOff(afterOperations: operations)
      _ = try? killed.export()
      wasCutShort = killed.disk.isOff
      killed.disk.crash(.kill)
      try await killed.live(12, retention: 4) { try $0.send(Self.lines(11..<12)) }
      try killed.export()
      let points = try killed.points()
      #expect(points[0] == 16 && points[2] == 16, "after \(operations): \(points)")
      #expect(points[1] == 16 || points[1] == 17, "after \(operations): \(points)")
      operations += 1
    }
    #expect(operations > 10)
  }

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
