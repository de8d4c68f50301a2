import Blocks
import Catalog
import Cold
import Engine
import Model
import Platform
import TestSupport
import Testing
import Tool

/// Goal: an export of windows is the same before rollup files have them, while they and the rows
/// are there, and when the rows are gone.
struct RollupExportTests {
  private static let hour: Int64 = 3_600_000_000_000
  private static let day = 24 * hour
  /// A whole day.
  private static let start: Int64 = 1_795_392_000_000_000_000
  private static let dayCount: Int64 = 6

  /// Rows of a day: several series and types, two field sets, one series with an hour without any.
  private static func lines(_ day: Int64) -> String {
    var lines = ""
    for minute in Int64(0)..<24 * 12 {
      let time = start + day * Self.day + minute * 5 * 60_000_000_000 + 7_000_000
      for host in ["a", "b"] where host == "a" || minute / 12 != 5 {
        lines += "m,h=\(host) f=\(minute).25,i=\(day * 1_000 + minute)i \(time)\n"
        lines += "m,h=\(host) b=\(minute % 3 == 0),t=\"t\(minute % 5)\" \(time + 1_000_000)\n"
      }
    }
    return lines
  }

  @discardableResult
  private static func export(
    _ disk: FaultyDisk,
    to directory: String,
    _ unit: RollupUnit?,
    in range: TimeRange = TimeRange(start: 0, end: .max)
  ) throws -> ParquetExport.Summary {
    var run = ParquetExport(
      try DirectorySnapshot(disk: disk, path: "/data"),
      ParquetOptions(
        tenant: .default,
        tenantName: Array("default".utf8),
        range: range,
        matchTexts: [],
        matches: [],
        unit: .auto,
        rollup: unit
      ),
      disk: disk,
      directory: directory,
      overwrites: false
    )
    try run.run()
    #expect(ExportCheck(disk: disk, directory: directory).run().findings.isEmpty)
    let manifest = try #require(try ExportManifest.load(disk, directory))
    #expect(!manifest.partitions.contains { !$0.tiles })
    return run.summary
  }

  private static func files(_ disk: FaultyDisk, _ directory: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for file in try #require(try ExportManifest.load(disk, directory)).files {
      files[file.path] = try disk.read(Path.join(directory, file.path), byteCountMax: 1 << 20)
    }
    return files
  }

  /// A directory with rows alone; nobody runs on it.
  private static func rows() async throws -> (disk: FaultyDisk, now: Int64) {
    let server = try SteppedServer(on: FaultyDisk(seed: 1), now: start)
    for day in 0..<dayCount {
      server.clock.advance(nanoseconds: Self.day)
      try server.send(lines(day))
      try await server.flush()
    }
    server.kill()
    return (server.disk, server.clock.now())
  }

  @Test func windowsAreTheSameWhereverTheyComeFrom() async throws {
    let (disk, now) = try await Self.rows()
    let partOfADay = TimeRange(
      start: Self.start + Self.day + 90 * 60_000_000_000,
      end: Self.start + 2 * Self.day - 30 * 60_000_000_000
    )
    for unit in RollupUnit.allCases {
      let summary = try Self.export(disk, to: "/rows-\(unit.name)", unit)
      #expect(summary.rollupDayCount == 0)
      #expect(summary.dayCount == Int(Self.dayCount))
      try Self.export(disk, to: "/part-rows-\(unit.name)", unit, in: partOfADay)
    }
    // Rollups are made, rows stay.
    var server = try SteppedServer(on: disk, now: now) {
      $0.rollups.minute.ageNanoseconds = 400 * Self.day
      $0.rollups.hour.ageNanoseconds = 400 * Self.day
    }
    server.clock.advance(nanoseconds: Self.day)
    try server.look()
    server.kill()
    for unit in RollupUnit.allCases {
      let summary = try Self.export(disk, to: "/both-\(unit.name)", unit)
      #expect(summary.rollupDayCount >= Int(Self.dayCount) - 1)
      let files = try Self.files(disk, "/rows-\(unit.name)")
      #expect(files.count == Int(Self.dayCount))
      #expect(try Self.files(disk, "/both-\(unit.name)") == files)
      try Self.export(disk, to: "/part-both-\(unit.name)", unit, in: partOfADay)
      let part = try Self.files(disk, "/part-rows-\(unit.name)")
      #expect(try Self.files(disk, "/part-both-\(unit.name)") == part)
    }
    // Rows go.
    server = try SteppedServer(on: disk, now: now + Self.day) {
      $0.retention.ageNanoseconds = 2 * Self.day
      $0.rollups.minute.ageNanoseconds = 400 * Self.day
      $0.rollups.hour.ageNanoseconds = 400 * Self.day
    }
    try server.look()
    #expect(server.removed("age") > 0)
    server.kill()
    let raw = try Self.export(disk, to: "/raw", nil)
    #expect(raw.dayCount < Int(Self.dayCount))
    for unit in RollupUnit.allCases {
      try Self.export(disk, to: "/rollups-\(unit.name)", unit)
      let files = try Self.files(disk, "/rows-\(unit.name)")
      #expect(try Self.files(disk, "/rollups-\(unit.name)") == files)
    }
    // Of a part of a day whole windows are left: this range has no others by the minute.
    try Self.export(disk, to: "/part-rollups", .minute, in: partOfADay)
    let part = try Self.files(disk, "/part-rows-1m")
    #expect(try Self.files(disk, "/part-rollups") == part)
  }

  @Test func hoursComeFromMinutesAndLateRowsFromRows() async throws {
    let (disk, now) = try await Self.rows()
    try Self.export(disk, to: "/rows", .hour)
    var server = try SteppedServer(on: disk, now: now) {
      $0.retention.ageNanoseconds = 2 * Self.day
      $0.rollups.minute.ageNanoseconds = 400 * Self.day
    }
    server.clock.advance(nanoseconds: Self.day)
    try server.look()
    #expect(server.removed("age") > 0)
    server.kill()
    let summary = try Self.export(disk, to: "/minutes", .hour)
    #expect(summary.rollupDayCount >= Int(Self.dayCount) - 2)
    #expect(try Self.files(disk, "/minutes") == Self.files(disk, "/rows"))
    // A late row that only the log has: its day is folded from rows, as a server would answer.
    server = try SteppedServer(on: disk, now: now + Self.day)
    let late = Self.start + (Self.dayCount - 2) * Self.day + 5 * Self.hour + 30 * 60_000_000_000
    try server.send("m,h=b f=1000000,i=1i \(late)\n")
    server.kill()
    try Self.export(disk, to: "/late", .hour)
    let before = try Self.files(disk, "/rows")
    let after = try Self.files(disk, "/late")
    #expect(after.keys.sorted() == before.keys.sorted())
    #expect(after.filter { before[$0.key] != $0.value }.count == 1)
  }

  @Test func aDamagedRollupIsToldOfAndRowsAnswerWhereTheyAre() async throws {
    let (disk, now) = try await Self.rows()
    try Self.export(disk, to: "/rows", .minute)
    let server = try SteppedServer(on: disk, now: now) {
      $0.rollups.minute.ageNanoseconds = 400 * Self.day
    }
    server.clock.advance(nanoseconds: Self.day)
    try server.look()
    server.kill()
    let folders = (0..<2).map { "/data/partitions/0\($0)/rollups" }
    for path in try folders.flatMap({ folder in try disk.list(folder).map { "\(folder)/\($0)" } }) {
      var bytes = try disk.read(path, byteCountMax: 1 << 20)
      // The first group's body.
      bytes[120] ^= 0x10
      try disk.replace(path, with: bytes)
    }
    let snapshot = try DirectorySnapshot(disk: disk, path: "/data")
    let series = try #require(
      snapshot.measurements(of: .default).first.map { snapshot.series(of: $0.id) }?.first
    )
    let range = TimeRange(start: Self.start, end: Self.start + Self.day)
    let windows = snapshot.windows(of: series, unit: .minute, in: range)
    #expect(windows.first?.windows.numbers.count == 24 * 12)
    #expect(snapshot.findings.contains { $0.path.hasSuffix(".rollup") })
  }

  /// A file of hours holds 30 days: what of it cannot be read costs those whose rows are gone.
  @Test func aDamagedFileOfManyDaysCostsNoDayWithRows() async throws {
    let (disk, now) = try await Self.rows()
    let range = TimeRange(start: Self.start, end: Self.start + Self.dayCount * Self.day)
    func hours() throws -> (windows: [Int64: UInt64], gaps: [TimeRange]) {
      let snapshot = try DirectorySnapshot(disk: disk, path: "/data")
      let measurement = try #require(snapshot.measurements(of: .default).first)
      let series = try #require(snapshot.series(of: measurement.id).first)
      var windows: [Int64: UInt64] = [:]
      var last = Int64.min
      snapshot.forEachWindowPiece(of: series, unit: .hour, in: range) { columns in
        let column = columns.first { $0.field.name == Array("f".utf8) }?.windows
        for (number, window) in zip(column?.numbers ?? [], column?.windows ?? []) {
          #expect(number > last)
          last = number
          windows[number] = window.sum.low
        }
      }
      return (windows, snapshot.gaps)
    }
    let rows = try hours().windows
    #expect(rows.count == Int(Self.dayCount) * 24)
    let server = try SteppedServer(on: disk, now: now) {
      $0.retention.ageNanoseconds = 3 * Self.day
      $0.rollups.hour.ageNanoseconds = 400 * Self.day
    }
    server.clock.advance(nanoseconds: Self.day)
    try server.look()
    #expect(server.removed("age") > 0)
    server.kill()
    let sound = try hours()
    #expect(sound.windows == rows)
    #expect(sound.gaps.isEmpty)
    let folders = (0..<2).map { "/data/partitions/0\($0)/rollups" }
    for path in try folders.flatMap({ folder in try disk.list(folder).map { "\(folder)/\($0)" } }) {
      var bytes = try disk.read(path, byteCountMax: 1 << 20)
      bytes[120] ^= 0x10
      try disk.replace(path, with: bytes)
    }
    let damaged = try hours()
    #expect(!damaged.windows.isEmpty)
    #expect(damaged.windows.count < rows.count)
    #expect(damaged.windows.count.isMultiple(of: 24))
    for (number, sum) in damaged.windows { #expect(rows[number] == sum) }
    // Each day that is lacking is told, and no other.
    let told = damaged.gaps.map { ($0.start - Self.start) / Self.day }
    let lacking = Set(rows.keys.filter { damaged.windows[$0] == nil }).map {
      ($0 * Self.hour - Self.start) / Self.day
    }
    #expect(Set(told) == Set(lacking))
  }
}
