import Cold
import Engine
import Model
import Platform
import Query
import TestSupport
import Testing
import Tool

/// Goal: an export as Parquet says what was sent, goes on where it was, and tells of damage.
struct ParquetExportTests {
  private static func export(
    _ path: String,
    to directory: String,
    matching selectors: [String] = [],
    in range: TimeRange = TimeRange(start: 0, end: .max),
    unit: TimestampUnit = .auto,
    rollup: RollupUnit? = nil,
    overwrites: Bool = false
  ) throws -> ParquetExport.Summary {
    let snapshot = try DirectorySnapshot(disk: RealDisk(), path: path)
    var run = ParquetExport(
      snapshot,
      ParquetOptions(
        tenant: .default,
        tenantName: Array("default".utf8),
        range: range,
        matchTexts: selectors,
        matches: try selectors.map { try SelectorMatch(Selector(parsing: $0)) },
        unit: unit,
        rollup: rollup
      ),
      disk: RealDisk(),
      directory: directory,
      overwrites: overwrites
    )
    try run.run()
    return run.summary
  }

  private static func manifest(_ directory: String) throws -> ExportManifest {
    try #require(try ExportManifest.load(RealDisk(), directory))
  }

  /// The files of an export with their bytes.
  private static func files(_ directory: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for file in try manifest(directory).files {
      files[file.path] = try RealDisk().read(
        Path.join(directory, file.path),
        byteCountMax: 1 << 20
      )
    }
    return files
  }

  private static func findings(_ directory: String) -> [String] {
    ExportCheck(disk: RealDisk(), directory: directory).run().findings.map(\.what)
  }

  private static func message(_ body: () throws -> some Any) -> String? {
    do { _ = try body() } catch { return (error as? ParquetExport.Fault)?.message ?? "\(error)" }
    return nil
  }

  // MARK: Contents

  @Test func importAndExportAgainGiveTheSameBytes() async throws {
    let first = try ExportTests.filled()
    let out = first.temporary.file("out")
    let summary = try Self.export(first.path, to: out)
    #expect(summary.fileCount == 2)
    #expect(summary.rowCount == 7)
    #expect(summary.seriesCount == 4)
    #expect(Self.findings(out).isEmpty)

    let second = try StoredDirectory(partitionCount: 3)
    for file in try Self.manifest(out).files {
      let path = Path.join(out, file.path)
      let tally = try second.take(ParquetSource(disk: RealDisk(), path: path))
      #expect(tally.refusals.isEmpty)
      #expect(tally.accepted == file.rowCount)
    }
    #expect(try second.export(.line) == ExportTests.expected)
    try await second.cut()
    let again = second.temporary.file("out")
    _ = try Self.export(second.path, to: again)
    let expected = try Self.files(out)
    #expect(try Self.files(again) == expected)
  }

  @Test func foldersAndColumnsAreNamedForReaders() throws {
    let directory = try StoredDirectory()
    let base = ExportTests.base
    try directory.send(
      "a=b/c,date=x,host=1,Host=2 host=1i,timestamp=2i,v.w=3i \(base)\n"
    )
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let file = try #require(try Self.manifest(out).files.first)
    #expect(file.path == "measurement=a%3Db%2Fc/date=2026-11-18/part-00000.parquet")
    let reader = try ParquetReader(disk: RealDisk(), path: Path.join(out, file.path))
    #expect(
      reader.schema.columns.map(\.name) == [
        "timestamp", "Host", "tag_date", "tag_host", "field_host", "field_timestamp", "v.w",
      ]
    )
    let second = try StoredDirectory()
    _ = try second.take(ParquetSource(disk: RealDisk(), path: reader.path))
    let expected = try directory.export(.line)
    #expect(try second.export(.line) == expected)
  }

  @Test func daysAreFolders() throws {
    let directory = try StoredDirectory()
    let day = 86_400_000_000_000
    let start = ExportTests.base / day * day
    for time in [start - 1_000, start, start + day - 1_000, start + day] {
      try directory.send("m,s=1 v=1 \(time)\n")
    }
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let days = try Self.manifest(out).days.map { ($0.folder, $0.files[0].rowCount) }
    #expect(days.map { $0.0.suffix(10) } == ["2026-11-17", "2026-11-18", "2026-11-19"])
    #expect(days.map(\.1) == [1, 2, 1])
    let part = directory.temporary.file("part")
    _ = try Self.export(
      directory.path,
      to: part,
      in: TimeRange(start: Int64(start), end: Int64(start + day))
    )
    #expect(try Self.manifest(part).files.map(\.rowCount) == [2])
  }

  @Test func windowsAreThoseOfTheRows() throws {
    let directory = try StoredDirectory()
    let minute = 60_000_000_000
    let base = ExportTests.base / minute * minute
    try directory.send(
      """
      m,s=1 f=1.5,i=3i,b=true,t="x" \(base)
      m,s=1 f=-2.5,i=-1i,b=false \(base + 1)
      m,s=1 f=4 \(base + minute - 1)
      m,s=1 i=7i,t="z" \(base + minute)

      """
    )
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out, rollup: .minute)
    let file = try #require(try Self.manifest(out).files.first)
    let reader = try ParquetReader(disk: RealDisk(), path: Path.join(out, file.path))
    #expect(reader.rowCount == 2)
    func values(_ name: String) throws -> [UInt64] {
      let index = try #require(reader.schema.columns.firstIndex { $0.name == name })
      return try reader.read(column: index, ofGroup: 0).cells
    }
    #expect(try values("timestamp").map(Int.init) == [base / 1_000, (base + minute) / 1_000])
    #expect(try values("f_count") == [3])
    #expect(try values("f_sum").map(Double.init(bitPattern:)) == [3])
    #expect(try values("f_min").map(Double.init(bitPattern:)) == [-2.5])
    #expect(try values("f_max").map(Double.init(bitPattern:)) == [4])
    #expect(try values("i_sum").map(Double.init(bitPattern:)) == [2, 7])
    #expect(try values("i_first").map(Int64.init(bitPattern:)) == [3, 7])
    #expect(try values("b_max") == [1])
    #expect(try values("t_count") == [1, 1])
    #expect(throws: ImportFault.self) {
      try ParquetSource(disk: RealDisk(), path: reader.path)
    }
  }

  // MARK: Times

  @Test func timesAreMicrosecondsWhereTheyAreExact() throws {
    let directory = try StoredDirectory()
    try directory.send("a v=1 \(ExportTests.base)\nb v=1 \(ExportTests.base + 1)\n")
    func types(_ unit: TimestampUnit) throws -> [ParquetType] {
      let out = directory.temporary.file("out-\(unit)")
      _ = try Self.export(directory.path, to: out, unit: unit)
      return try Self.manifest(out).files.map {
        try ParquetReader(disk: RealDisk(), path: Path.join(out, $0.path)).schema.columns[0].type
      }
    }
    #expect(try types(.auto) == [.microseconds, .nanoseconds])
    #expect(try types(.ns) == [.nanoseconds, .nanoseconds])
    let message = Self.message { try types(.us) }
    #expect(
      message
        == "measurement b has a row at 2026-11-18T11:06:40.000000001Z, which is no whole number of "
        + "microseconds; --timestamps ns keeps it exact (Spark does not read nanoseconds by "
        + "default)"
    )
  }

  @Test func oneInexactTimeMakesAllFilesOfTheMeasurementNanoseconds() throws {
    let directory = try StoredDirectory()
    let base = ExportTests.base
    try directory.send("a v=1 \(base - 200_000_000_000_000)\na v=1 \(base)\na v=2 \(base + 1)\n")
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    for file in try Self.manifest(out).files {
      let reader = try ParquetReader(disk: RealDisk(), path: Path.join(out, file.path))
      #expect(reader.schema.columns[0].type == .nanoseconds)
    }
    #expect(Self.findings(out).isEmpty)
  }

  @Test func daysBeforeAnInexactTimeAreKeptToo() async throws {
    let directory = try StoredDirectory()
    let (base, day) = (ExportTests.base, 86_400_000_000_000)
    try directory.send("a v=1 \(base - 2 * day)\na v=1 \(base - day)\na v=2 \(base + 1)\n")
    // In blocks, so that what comes later changes nothing of them.
    try await directory.cut()
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let before = try Self.files(out)
    let again = try Self.export(directory.path, to: out)
    #expect(again.keptFileCount == 3)
    #expect(again.writtenPointCount == 0)
    #expect(try Self.files(out) == before)
    // A later day of whole microseconds is the only one that is written.
    try directory.send("a v=1 \(base + day)\n")
    #expect(try Self.export(directory.path, to: out).writtenPointCount == 1)
    #expect(Self.findings(out).isEmpty)
  }

  // MARK: Going on

  @Test func whatIsWholeIsKept() throws {
    let directory = try ExportTests.filled()
    let out = directory.temporary.file("out")
    #expect(try Self.export(directory.path, to: out).keptFileCount == 0)
    let before = try Self.files(out)
    #expect(try Self.export(directory.path, to: out).keptFileCount == 2)
    // One is damaged, so that it is written again.
    let path = try #require(before.keys.min())
    try RealDisk().replace(Path.join(out, path), with: [1, 2, 3])
    #expect(!Self.findings(out).isEmpty)
    #expect(try Self.export(directory.path, to: out).keptFileCount == 1)
    #expect(try Self.files(out) == before)
    #expect(Self.findings(out).isEmpty)
    // New rows make their day new.
    try directory.send("node,server=a1,region=north cpu=7 \(ExportTests.base + 9_000)\n")
    #expect(try Self.export(directory.path, to: out).rowCount == 8)
    #expect(Self.findings(out).isEmpty)
  }

  @Test func anInterruptedRunGoesOn() throws {
    let directory = try ExportTests.filled()
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let before = try Self.files(out)
    // As a run that ended after its first day leaves it.
    let manifest = try Self.manifest(out)
    let day = manifest.days[0]
    try RealDisk().replace(
      Path.join(out, "_progress.jsonl"),
      with: Array("\(manifest.selection.text)\n\(ExportManifest.json(day).text)\n{\"fol".utf8)
    )
    try RealDisk().remove(Path.join(out, ExportManifest.name))
    try RealDisk().remove(Path.join(out, manifest.days[1].files[0].path))
    #expect(Self.findings(out).first?.hasSuffix("run it again") == true)
    #expect(try Self.export(directory.path, to: out).keptFileCount == 1)
    #expect(try Self.files(out) == before)
    #expect(Self.findings(out).isEmpty)
  }

  @Test func anotherExportIsNotMixedIn() throws {
    let directory = try ExportTests.filled()
    let out = directory.temporary.file("out")
    // One that found nothing is in nobody's way.
    let empty = try Self.export(directory.path, to: out, matching: ["nod"])
    #expect(empty.fileCount == 0)
    _ = try Self.export(directory.path, to: out)
    let message = Self.message {
      try Self.export(directory.path, to: out, matching: [#"node{server="a1"}"#])
    }
    #expect(message?.contains("holds another export") == true)
    #expect(message?.contains("--overwrite") == true)
    _ = try Self.export(
      directory.path,
      to: out,
      matching: [#"node{server="a1"}"#],
      overwrites: true
    )
    #expect(try Self.manifest(out).files.count == 1)
    #expect(Self.findings(out).isEmpty)
  }

  // MARK: Damage

  @Test func damageIsTold() throws {
    let directory = try ExportTests.filled()
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let disk = RealDisk()
    let path = Path.join(out, try Self.manifest(out).files[0].path)
    let bytes = try disk.read(path, byteCountMax: 1 << 20)
    var flipped = bytes
    flipped[bytes.count / 3] ^= 4
    try disk.replace(path, with: flipped)
    #expect(Self.findings(out).contains("expected the manifest's SHA-256"))
    try disk.replace(path, with: Array(bytes.dropLast(9)))
    #expect(Self.findings(out) == ["expected \(bytes.count) bytes, found \(bytes.count - 9)"])
    #expect(throws: ImportFault.self) { try ParquetSource(disk: disk, path: path) }
    try disk.replace(path, with: bytes)
    #expect(Self.findings(out).isEmpty)
  }

  @Test func aFileThatReadersWouldTakeTooIsTold() throws {
    let directory = try ExportTests.filled()
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let disk = RealDisk()
    let path = try Self.manifest(out).files[0].path
    let bytes = try disk.read(Path.join(out, path), byteCountMax: 1 << 20)
    let day = Path.directory(of: path)
    let measurement = Path.directory(of: day)
    for (name, isDamage) in [
      ("\(day)/more.parquet", true), ("\(day)/_more.parquet", true), ("\(day)/notes.txt", true),
      ("\(measurement)/date=2001-01-01/part-00000.parquet", true),
      ("measurement=other/date=2001-01-01/part-00000.parquet", true),
      ("part-00000.parquet", true), ("_old/\(path)", true), ("\(day)/a/b.parquet", true),
      ("README.txt", false), ("\(day)/_notes.tmp", false),
    ] {
      let stranger = Path.join(out, name)
      try disk.createDirectory(Path.directory(of: stranger))
      try disk.replace(stranger, with: bytes)
      let found = ExportCheck(disk: disk, directory: out).run().findings
      #expect(found.map(\.path) == [stranger])
      #expect(found.map(\.severity) == [isDamage ? .damage : .note])
      #expect(
        found.first?.what.hasPrefix("expected no file that the manifest does not name") == true
      )
      try disk.remove(stranger)
      // A folder that is left empty holds nothing to read.
      #expect(Self.findings(out).isEmpty, "\(name)")
    }
  }

  @Test func aFileThatCannotBeImportedSaysWhatToDo() throws {
    let directory = try ExportTests.filled()
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let disk = RealDisk()
    let path = Path.join(out, try Self.manifest(out).files[0].path)
    let bytes = try disk.read(path, byteCountMax: 1 << 20)
    func message(_ bytes: [UInt8]) throws -> String {
      try disk.replace(path, with: bytes)
      do {
        var source = try ParquetSource(disk: disk, path: path)
        while try source.next() != nil {}
      } catch ImportFault.format(let message) {
        return message
      }
      return ""
    }
    var flipped = bytes
    flipped[bytes.count / 4] ^= 4
    let damaged = try message(flipped)
    #expect(damaged.hasPrefix("\(path): byte "))
    #expect(damaged.hasSuffix(": it is damaged, copy or export it again"))
    #expect(try message(Array(bytes.dropLast(5))).hasSuffix("cut off, copy or export it again"))
    #expect(
      try message(Array("a,b\n1,2\n".utf8))
        == "\(path): byte 0: expected PAR1 at the start of a Parquet file: varve export has not "
        + "written it; import it as CSV"
    )
  }

  /// Names of columns stand in the footer, which has no checksum of its own.
  @Test func aFolderIsImportedByteForByteOrNotAtAll() throws {
    let directory = try ExportTests.filled()
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let disk = RealDisk()
    let files = try #require(try ImportFolder.files(of: out, disk))
    #expect(files.count == 2)
    func refusal() -> String {
      do throws(ImportFault) {
        _ = try ImportFolder.files(of: out, disk)
        return "nothing"
      } catch {
        guard case .format(let message) = error else { return "\(error)" }
        return message
      }
    }
    let bytes = try disk.read(files[1], byteCountMax: 1 << 20)
    var flipped = bytes
    flipped[bytes.count - 40] ^= 1
    for damaged in [flipped, Array(bytes.dropLast()), []] {
      try disk.replace(files[1], with: damaged)
      #expect(refusal().hasPrefix("\(files[1]) is not as the export wrote it"))
    }
  }

  @Test func theManifestTilesTheOffsets() async throws {
    let directory = try ExportTests.filled()
    try await directory.cut()
    try directory.send("node,server=a1 cpu=1 \(ExportTests.base)\n")
    let out = directory.temporary.file("out")
    _ = try Self.export(directory.path, to: out)
    let partitions = try Self.manifest(out).partitions
    #expect(partitions.count == 4)
    let isTiled = partitions.allSatisfy { $0.tiles }
    #expect(isTiled)
    let holders = partitions.flatMap(\.ranges).map(\.holder)
    #expect(holders.contains(.block))
    #expect(holders.contains(.log))
  }
}
