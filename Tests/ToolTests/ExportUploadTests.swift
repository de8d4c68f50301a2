import Cold
import Model
import Platform
import TestSupport
import Testing
import Tool

/// Goal: an export in a store is the one that was made, or none. The store is a directory; what a
/// bucket does differently is tested with S3Store.
@Suite struct ExportUploadTests {

  /// A folder that looks like a finished export of two files.
  private static func disk(_ selection: String = "x", count: Int = 2) throws -> FaultyDisk {
    var days: [ExportManifest.Day] = []
    var files: [String: [UInt8]] = [:]
    for index in 0..<count {
      let folder = "measurement=m\(index)/date=2026-01-01"
      let path = "\(folder)/part-00000.parquet"
      files["/staging/\(path)"] = Array("file \(index) \(selection)".utf8)
      days.append(
        ExportManifest.Day(
          folder: folder,
          inputs: "i",
          files: [
            ExportManifest.File(
              path: path,
              byteCount: files["/staging/\(path)"]?.count ?? 0,
              rowCount: 1,
              pointCount: 1,
              digest: "d\(index)\(selection)"
            )
          ]
        )
      )
    }
    let disk = FaultyDisk(files: files)
    try ExportManifest(selection: .string(selection), partitions: [], days: days)
      .save(disk, "/staging")
    return disk
  }

  private static func keys(_ disk: FaultyDisk) -> [String] {
    disk.files.keys.filter { $0.hasPrefix("/out/") }.map { String($0.dropFirst(5)) }.sorted()
  }

  private static func upload(_ disk: FaultyDisk, overwrites: Bool = false) -> ExportUpload {
    ExportUpload(
      disk: disk,
      directory: "/staging",
      store: DirectoryStore(disk: disk, path: "/out"),
      overwrites: overwrites
    )
  }

  private static let whole = [
    "_manifest.json", "measurement=m0/date=2026-01-01/part-00000.parquet",
    "measurement=m1/date=2026-01-01/part-00000.parquet",
  ]

  @Test func everyFileComesAndTheManifestLast() throws {
    let disk = try Self.disk()
    let first = try Self.upload(disk).run()
    #expect(first.fileCount == 2)
    #expect(first.keptFileCount == 0)
    #expect(Self.keys(disk) == Self.whole)
    for name in Self.whole { #expect(disk.files["/out/\(name)"] == disk.files["/staging/\(name)"]) }
    #expect(try Self.upload(disk).run().keptFileCount == 2)
    // Read through the store, the manifest is the same.
    let store = StoreDisk(DirectoryStore(disk: disk, path: "/out"))
    #expect(try ExportManifest.load(store, ".")?.files.count == 2)
    #expect(try store.list(".").contains("_manifest.json"))
    #expect(throws: SystemError.self) { try store.remove("_manifest.json") }
  }

  /// A store that denies everything.
  private struct DenyingStore: ObjectStore {
    let location = "s3://denied/x"
    func path(of key: String) -> String { "\(location)/\(key)" }

    private func denial(_ key: String) -> ObjectError {
      ObjectError(.denied, path(of: key), "head: 403; check AWS_ACCESS_KEY_ID")
    }

    func put(_ key: String, _ file: any ReadableFile) throws(ObjectError) { throw denial(key) }
    func get(_ key: String, at offset: Int, count: Int) throws(ObjectError) -> [UInt8] {
      throw denial(key)
    }
    func list(_ prefix: String) throws(ObjectError) -> [ObjectEntry] { throw denial(prefix) }
    func delete(_ key: String) throws(ObjectError) { throw denial(key) }
    func byteCount(of key: String) throws(ObjectError) -> Int? { throw denial(key) }
  }

  @Test(arguments: [true, false]) func aStoreThatDeniesIsNamedAndNothingIsOffered(
    overwrites: Bool
  ) throws {
    let disk = try Self.disk()
    let upload = ExportUpload(
      disk: disk,
      directory: "/staging",
      store: DenyingStore(),
      overwrites: overwrites
    )
    let fault = #expect(throws: ExportUpload.Fault.self) { try upload.run() }
    let message = try #require(fault?.message)
    #expect(message.contains("s3://denied/x/_manifest.json: head: 403; check AWS_ACCESS_KEY_ID"))
    #expect(message.hasSuffix("run it again to go on (/staging is kept)"))
    // To replace what nobody can see would help nobody.
    #expect(!message.contains("--overwrite"))
    let found = ExportCheck(disk: StoreDisk(DenyingStore()), directory: ".").run().findings
    #expect(found.map(\.severity) == [.unreadable])
  }

  @Test func aRunThatIsCutShortGoesOn() throws {
    var crashes = 0
    var kept = 0
    while true {
      let disk = try Self.disk()
      disk.powerOff(afterOperations: crashes)
      let isDone = (try? Self.upload(disk).run()) != nil
      disk.crash(.power)
      let hasManifest = Self.keys(disk).contains("_manifest.json")
      if hasManifest { #expect(Self.keys(disk) == Self.whole, "crash \(crashes)") }
      kept = max(kept, try Self.upload(disk, overwrites: true).run().keptFileCount)
      #expect(Self.keys(disk) == Self.whole, "crash \(crashes)")
      if isDone { break }
      crashes += 1
    }
    #expect(crashes > 8)
    #expect(kept == 2)
  }

  @Test func anotherExportIsNotWrittenOver() throws {
    let disk = try Self.disk()
    _ = try Self.upload(disk).run()
    let other = FaultyDisk(
      files: try Self.disk("y", count: 1).files.merging(
        disk.files.filter { $0.key.hasPrefix("/out/") },
        uniquingKeysWith: { $1 }
      )
    )
    let fault = #expect(throws: ExportUpload.Fault.self) { _ = try Self.upload(other).run() }
    #expect(fault?.message.contains("--overwrite") == true)
    #expect(Self.keys(other) == Self.whole)
    _ = try Self.upload(other, overwrites: true).run()
    // What only the old one had is gone.
    #expect(Self.keys(other) == Array(Self.whole[..<2]))
  }

  @Test func anExportThatIsNotFinishedIsRefused() throws {
    let disk = try Self.disk()
    try disk.remove("/staging/_manifest.json")
    #expect(throws: ExportUpload.Fault.self) { _ = try Self.upload(disk).run() }
    #expect(Self.keys(disk) == [])
  }
}
