import Cold
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing
import Tool

/// Goal: groups of rows that span many days make the same files as if each day were exported
/// alone, within bounded memory, and what is missing in one day does not show in others.
struct ParquetDaysTests {
  private static let day: Int64 = 86_400_000_000_000
  private static let start = Int64(ExportTests.base) / day * day
  private static let dayCount: Int64 = 7

  /// Rows of a week in two cuts and the log: three series, two field sets, corrections.
  private static func filled() async throws -> StoredDirectory {
    let directory = try StoredDirectory(partitionCount: 2)
    var lines = ""
    for slot in 0..<dayCount * 48 {
      let time = start + slot * 30 * 60_000_000_000
      for host in ["a", "b"] {
        lines += "m,h=\(host) f=\(slot).5,i=\(slot * 3)i \(time)\n"
        lines += "m,h=\(host) t=\"t\(slot % 9)\",b=\(slot % 3 == 0) \(time + slot % 2)\n"
      }
      if slot % 48 != 7 { lines += "m,h=c,r=x f=\(slot % 10) \(time)\n" }
    }
    try directory.send(lines)
    try await directory.cut()
    // Corrections and late rows across midnight.
    lines = ""
    for slot in stride(from: 20, to: dayCount * 48, by: 31) {
      lines += "m,h=a f=-\(slot) \(start + slot * 30 * 60_000_000_000)\n"
      lines += "m,h=b f=7,t=\"late\" \(start + slot * 30 * 60_000_000_000 + 5)\n"
    }
    try directory.send(lines)
    try await directory.cut()
    try directory.send("m,h=a f=1,i=1i,b=true,t=\"x\" \(start + 3 * day - 1)\n")
    return directory
  }

  @discardableResult
  private static func export(
    _ path: String,
    to out: String,
    in range: TimeRange = TimeRange(start: 0, end: .max),
    heldByteCountMax: Int = ParquetOptions.defaultHeldByteCountMax
  ) throws -> (summary: ParquetExport.Summary, findings: [Damage]) {
    let snapshot = try DirectorySnapshot(disk: RealDisk(), path: path)
    var run = ParquetExport(
      snapshot,
      ParquetOptions(
        tenant: .default,
        tenantName: Array("default".utf8),
        range: range,
        matchTexts: [],
        matches: [],
        unit: .ns,
        rollup: nil,
        heldByteCountMax: heldByteCountMax
      ),
      disk: RealDisk(),
      directory: out,
      overwrites: false
    )
    try run.run()
    let wrong = ExportCheck(disk: RealDisk(), directory: out).run().findings
    #expect(wrong.filter { $0.severity != .note }.isEmpty)
    return (run.summary, snapshot.findings)
  }

  private static func manifest(_ out: String) throws -> ExportManifest {
    try #require(try ExportManifest.load(RealDisk(), out))
  }

  private static func files(_ out: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for file in try manifest(out).files {
      files[file.path] = try RealDisk().read(Path.join(out, file.path), byteCountMax: 1 << 20)
    }
    return files
  }

  @Test func daysSideBySideAreThoseOfEachAlone() async throws {
    let directory = try await Self.filled()
    let out = directory.temporary.file("out")
    let all = try Self.export(directory.path, to: out).summary
    #expect(all.fileCount == Int(Self.dayCount))
    #expect(all.writtenPointCount == all.pointCount)
    let files = try Self.files(out)
    let days = try Self.manifest(out).days
    for (index, day) in days.enumerated() {
      let alone = directory.temporary.file("alone-\(index)")
      let start = Self.start + Int64(index) * Self.day
      try Self.export(
        directory.path,
        to: alone,
        in: TimeRange(start: start, end: start + Self.day)
      )
      #expect(try Self.manifest(alone).days == [day])
      for (path, bytes) in try Self.files(alone) { #expect(files[path] == bytes) }
    }
  }

  @Test(arguments: [0, 2_000, 20_000, 100_000])
  func lessMemoryMakesTheSameFiles(heldByteCountMax: Int) async throws {
    let directory = try await Self.filled()
    let whole = directory.temporary.file("whole")
    let expected = try Self.export(directory.path, to: whole).summary
    let out = directory.temporary.file("out")
    let found = try Self.export(directory.path, to: out, heldByteCountMax: heldByteCountMax).summary
    #expect(try Self.files(out) == Self.files(whole))
    #expect(try Self.manifest(out).days == Self.manifest(whole).days)
    #expect(found.writtenPointCount == expected.writtenPointCount)
    // What was given up is nowhere.
    let folders = try RealDisk().list(Path.join(out, "measurement=m"))
    for folder in folders {
      let names = try RealDisk().list(Path.join(out, "measurement=m/\(folder)"))
      #expect(names == ["part-00000.parquet"])
    }
  }

  @Test func aDayThatIsWholeEndsARun() async throws {
    let directory = try await Self.filled()
    let out = directory.temporary.file("out")
    try Self.export(directory.path, to: out)
    let before = try Self.files(out)
    let paths = before.keys.sorted()
    for index in [0, 1, 3, 6] { try RealDisk().remove(Path.join(out, paths[index])) }
    let again = try Self.export(directory.path, to: out).summary
    #expect(again.keptFileCount == 3)
    #expect(try Self.files(out) == before)
  }

  @Test func aRunThatIsCutShortGoesOnWithTheNextDay() async throws {
    let directory = try await Self.filled()
    func export(_ disk: FaultyDisk) throws -> ParquetExport.Summary {
      var run = ParquetExport(
        try DirectorySnapshot(disk: RealDisk(), path: directory.path),
        ParquetOptions(
          tenant: .default,
          tenantName: Array("default".utf8),
          range: TimeRange(start: 0, end: .max),
          matchTexts: [],
          matches: [],
          unit: .ns,
          rollup: nil
        ),
        disk: disk,
        directory: "/out",
        overwrites: false
      )
      try run.run()
      return run.summary
    }
    let whole = FaultyDisk(seed: 1)
    _ = try export(whole)
    var (operations, keptCounts) = (0, Set<Int>())
    while true {
      let disk = FaultyDisk(seed: UInt64(operations))
      disk.powerOff(afterOperations: operations)
      let isDone = (try? export(disk)) != nil
      disk.crash([.power, .powerLosingAll, .kill][operations % 3])
      keptCounts.insert(try export(disk).keptFileCount)
      #expect(disk.files == whole.files, "after \(operations) operations")
      if isDone { break }
      operations += 4
    }
    // Whatever was whole by then is not written again.
    #expect(keptCounts == Set(0...Int(Self.dayCount)))
  }

  @Test func damageCostsTheDaysThatItLiesInAndIsToldOnce() async throws {
    let directory = try StoredDirectory(partitionCount: 1)
    // A block of two days, one of the three behind them.
    for days in [0..<2, 2..<5] {
      for day in days {
        for slot in Int64(0)..<24 {
          let time = Self.start + Int64(day) * Self.day + slot * 3_600_000_000_000
          try directory.send("m,h=a f=\(slot).25 \(time)\nm,h=b f=\(slot).75 \(time)\n")
        }
      }
      try await directory.cut()
    }
    let blocks = Path.join(directory.path, "partitions/00/blocks")
    let name = try #require(try RealDisk().list(blocks).filter { $0.hasSuffix(".block") }.min())
    let path = Path.join(blocks, name)
    var bytes = try RealDisk().read(path, byteCountMax: 1 << 20)
    // In the first group, behind its head.
    bytes[150] ^= 1
    try RealDisk().replace(path, with: bytes)
    let out = directory.temporary.file("out")
    let (summary, findings) = try Self.export(directory.path, to: out)
    #expect(findings.count { $0.severity == .damage } == 1)
    #expect(summary.rowCount == 5 * 48 - 48)
    let days = try Self.manifest(out).days
    #expect(days.filter(\.inputs.isEmpty).map { $0.folder.suffix(2) } == ["18", "19"])
    let notes = ExportCheck(disk: RealDisk(), directory: out).run().findings
    #expect(notes.map(\.path) == days[..<2].map { Path.join(out, $0.folder) })
    #expect(notes.allSatisfy { $0.what.contains("were left out") })
    #expect(days.filter { !$0.inputs.isEmpty }.map { $0.folder.suffix(2) } == ["20", "21", "22"])
  }
}
