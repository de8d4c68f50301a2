import Cold
import Platform
import TestSupport
import Testing

/// Goal: an object is there as a whole or not at all.
@Suite struct DirectoryStoreTests {
  private static let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }

  private static func disk(seed: UInt64 = 1) throws -> (FaultyDisk, any ReadableFile) {
    let disk = FaultyDisk(seed: seed, files: ["/source": content])
    return (disk, try disk.open("/source"))
  }

  @Test func objectsReadBackAndAreListed() throws {
    let (disk, file) = try Self.disk()
    let store = DirectoryStore(disk: disk, path: "/cold")
    #expect(try store.list("").isEmpty)
    #expect(try store.byteCount(of: "03/a") == nil)
    try store.put("03/a", file)
    try store.put("04/b", file)
    try store.put("03/a", file)
    #expect(try store.byteCount(of: "03/a") == Self.content.count)
    #expect(try store.get("03/a", at: 1_000, count: 50) == Array(Self.content[1_000..<1_050]))
    #expect(try store.get("03/a", at: Self.content.count - 5, count: 50).count == 5)
    let entry = ObjectEntry(key: "03/a", byteCount: Self.content.count)
    #expect(try store.list("03/") == [entry])
    #expect(try store.list("03/a") == [entry])
    #expect(try store.list("").map(\.key) == ["03/a", "04/b"])
    try store.delete("03/a")
    try store.delete("03/a")
    #expect(try store.list("").map(\.key) == ["04/b"])
    let error = #expect(throws: ObjectError.self) { _ = try store.get("03/a", at: 0, count: 1) }
    #expect(error?.kind == .missing)
    #expect(error?.object == "/cold/03/a")
  }

  @Test func aCrashLeavesAllOfAnObjectOrNothing() throws {
    var crashes = 0
    while true {
      let (disk, file) = try Self.disk(seed: UInt64(crashes))
      let store = DirectoryStore(disk: disk, path: "/cold")
      disk.powerOff(afterOperations: crashes)
      let isStored = (try? store.put("03/a", file)) != nil
      disk.crash(.power)
      let found = try store.byteCount(of: "03/a")
      #expect(found == nil || found == Self.content.count, "crash \(crashes)")
      #expect(!isStored || found != nil, "crash \(crashes)")
      try store.put("03/a", try disk.open("/source"))
      #expect(try store.get("03/a", at: 0, count: 3_000_000) == Self.content)
      if isStored { break }
      crashes += 1
    }
    #expect(crashes > 4)
  }

  @Test func aFullDiskIsSaid() throws {
    let (disk, file) = try Self.disk()
    disk.limitFreeSpace(to: 1_000)
    let store = DirectoryStore(disk: disk, path: "/cold")
    let error = #expect(throws: ObjectError.self) { try store.put("03/a", file) }
    #expect(error?.kind == .full)
    #expect(try store.list("").isEmpty)
  }

  @Test func bucketsNeedABuildThatKnowsThem() throws {
    for text in ["relative", "s3://", "s3:///x", ""] {
      #expect(!ObjectStores.isLocation(text), "\(text)")
    }
    for text in ["/cold", "s3://bucket", "s3://bucket/a/b"] {
      #expect(ObjectStores.isLocation(text), "\(text)")
    }
  }
}
