import Engine
import Model
import Platform
import Server
import TestSupport
import Testing

/// `varve verify` over what a server leaves behind.
struct DataDirectoryCheckTests {
  /// A disk with blocks, windows, log and catalog on it, and the directory's path.
  private func written() async throws -> (disk: FaultyDisk, path: String) {
    let disk = FaultyDisk()
    let server = try await TestServer.start(disk: disk)
    let minute: Int64 = 60_000_000_000
    let base = (RealClock().now() / minute - 30) * minute
    for round in 0..<2 {
      var text = ""
      for row in 0..<300 {
        text += "m,host=h\(row % 9) f=\(row).5,i=\(row)i,s=\"x\(row % 5)\" "
        text += "\(base + Int64(round * 300 + row) * 1_000_000_000)\n"
      }
      try await server.write(text)
      try await server.server.engine.flush()
    }
    try await server.write("m,host=h0 f=1\n")
    try await server.stop()
    return (disk, server.directory.file("data"))
  }

  private func findings(_ disk: FaultyDisk, _ path: String) -> [Damage] {
    DataDirectoryCheck(disk: disk, path: path).run().findings
  }

  @Test func whatAServerLeavesIsSound() async throws {
    let (disk, path) = try await written()
    let result = DataDirectoryCheck(disk: disk, path: path).run()
    #expect(result.findings.filter { $0.severity != .note } == [])
    #expect(result.fileCount > 15)
    #expect(result.byteCount > 10_000)
  }

  @Test func aFlippedBitIsFoundInEveryKindOfFile() async throws {
    let (disk, path) = try await written()
    var random = SeededRandom(seed: 77)
    let kinds = ["/VARVE", "/catalog/", "/queue/", "/manifest", "/blocks/"]
    for kind in kinds {
      let files = disk.files.filter { $0.key.contains(kind) && !$0.value.isEmpty }
        .sorted { $0.key < $1.key }
      #expect(!files.isEmpty, "\(kind)")
      for (file, bytes) in files.prefix(3) {
        let copy = disk.copy(seed: 1)
        copy.flip(bit: Int.random(in: 0..<bytes.count * 8, using: &random), of: file)
        let found = findings(copy, path).filter { $0.severity != .note }
        #expect(found.contains { $0.path == file }, "\(file): \(found)")
      }
    }
  }

  @Test func aFlippedBitInCommittedWindowsIsFound() async throws {
    let (disk, path) = try await written()
    let slots = disk.files.filter { $0.key.contains("/ring/") }.sorted { $0.key < $1.key }
    let (file, bytes) = try #require(slots.first { $0.value.contains { $0 != 0 } })
    let copy = disk.copy(seed: 1)
    // The committed records end where the zeros of the extent begin.
    let end = try #require(bytes.lastIndex { $0 != 0 })
    copy.flip(bit: (end - 8) * 8, of: file)
    #expect(findings(copy, path).contains { $0.path == file && $0.severity == .damage })
  }

  @Test func aMissingIdentityIsDamageAndTheRestIsStillChecked() async throws {
    let (disk, path) = try await written()
    try disk.remove(path + "/VARVE")
    let found = findings(disk, path).filter { $0.severity != .note }
    #expect(found.map(\.path) == [path + "/VARVE"])
    #expect(found.map(\.severity) == [.damage])
  }

  @Test func whatIsNoDataDirectoryIsUnreadable() {
    let disk = FaultyDisk()
    #expect(findings(disk, "/nowhere").map(\.severity) == [.unreadable])
  }

  @Test func aMissingBlockIsFoundWithWhatItHeld() async throws {
    let (disk, path) = try await written()
    let block = try #require(disk.files.keys.sorted().first { $0.contains("/blocks/") })
    try disk.remove(block)
    let found = try #require(findings(disk, path).first { $0.path == block })
    #expect(found.severity != .note)
    #expect(!found.range.isEmpty)
  }

  @Test func filesThatWereSetAsideAreNoted() async throws {
    let (disk, path) = try await written()
    let block = try #require(disk.files.keys.sorted().first { $0.contains("/blocks/") })
    try disk.rename(block, to: path + "/quarantine/1-x.block")
    let notes = findings(disk, path).filter { $0.severity == .note }
    #expect(notes.contains { $0.path == path + "/quarantine/1-x.block" })
  }

  @Test func aCheckBesideALiveServerFindsNothing() async throws {
    try await TestServer.run { server in
      let path = server.directory.file("data")
      let writing = Task {
        for round in 0..<40 {
          try await server.write("m,host=h\(round % 3) f=\(round)\n")
          try await server.server.engine.flush()
        }
      }
      for _ in 0..<10 {
        let result = try await offPool { DataDirectoryCheck(disk: RealDisk(), path: path).run() }
        #expect(result.findings.filter { $0.severity != .note } == [])
      }
      try await writing.value
    }
  }
}
