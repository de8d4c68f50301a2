import Platform
import TestSupport
import Testing

/// Goal: the calls do what ``Disk`` says on a real file system, errors included.
@Suite struct RealDiskTests {
  let disk = RealDisk()
  let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  @Test func appendsManyPiecesInOrder() throws {
    let path = folder.file("log")
    let file = try disk.append(to: path)
    // More pieces than one call of the kernel takes, empty ones among them.
    var random = SeededRandom(seed: 7)
    let parts = (0..<2_500).map { random.bytes($0 % 7) }
    let expected = parts.flatMap { $0 }
    unsafe try withBuffers(parts) { unsafe try file.append($0) }
    #expect(file.byteCount == expected.count)
    try file.sync()
    file.close()
    file.close()
    #expect(try disk.read(path, byteCountMax: 1 << 20) == expected)

    let again = try disk.append(to: path)
    #expect(again.byteCount == expected.count)
    try again.append([1, 2, 3])
    try again.truncate(to: expected.count + 1)
    try again.append([9])
    #expect(try disk.read(path, byteCountMax: 1 << 20) == expected + [1, 9])
  }

  @Test func readsFollowTheLengthOfTheFile() throws {
    let path = folder.file("growing")
    let writer = try disk.append(to: path)
    try writer.append([1, 2, 3])
    let reader = try disk.open(path)
    #expect(try reader.read(at: 0, count: 9) == [1, 2, 3])
    try writer.append([4, 5])
    #expect(try reader.read(at: 1, count: 9) == [2, 3, 4, 5])
    try writer.truncate(to: 2)
    #expect(try reader.read(at: 1, count: 4) == [2])
    #expect(try reader.read(at: 3, count: 2).isEmpty)
    writer.close()
  }

  @Test func readsAtAnyPlaceAndStopsAtTheEnd() throws {
    let path = folder.file("file")
    try disk.replace(path, with: Array(0..<100))
    let file = try disk.open(path)
    #expect(file.byteCount == 100)
    #expect(try file.read(at: 10, count: 3) == [10, 11, 12])
    #expect(try file.read(at: 98, count: 1 << 40) == [98, 99])
    #expect(try file.read(at: 100, count: 1).isEmpty)
    #expect(try file.read(at: 5_000, count: 1).isEmpty)
    #expect(try file.read(at: 0, count: 0).isEmpty)
    #expect(throws: SystemError(code: SystemError.Code.fileTooBig, operation: "read", path: path)) {
      try disk.read(path, byteCountMax: 99)
    }
  }

  @Test func replacesWholeAndLeavesNoTemporaryFile() throws {
    let path = folder.file("manifest")
    try disk.replace(path, with: [1, 2, 3])
    // What a crash left of an earlier attempt is no obstacle.
    let stale = try disk.append(to: path + RealDisk.temporarySuffix)
    try stale.append([7, 7, 7, 7, 7])
    stale.close()
    try disk.replace(path, with: [4])
    #expect(try disk.read(path, byteCountMax: 10) == [4])
    #expect(try disk.list(folder.path) == ["manifest"])
  }

  @Test func aFailedReplaceLeavesTheOldContent() throws {
    let path = folder.file("x")
    try disk.createDirectory(path)
    try disk.replace(folder.file("x/inner"), with: [1])
    // A file cannot take the place of a folder that is not empty.
    #expect(throws: SystemError.self) { try disk.replace(path, with: [2]) }
    #expect(try disk.list(folder.path) == ["x"])
    #expect(try disk.read(folder.file("x/inner"), byteCountMax: 10) == [1])
  }

  @Test func foldersAreMadeListedAndRemoved() throws {
    try disk.createDirectory(folder.file("a/b/c"))
    try disk.createDirectory(folder.file("a/b/c/"))
    for name in ["z", "k", "a"] { try disk.replace(folder.file("a/b/\(name)"), with: []) }
    #expect(try disk.list(folder.file("a/b")) == ["a", "c", "k", "z"])
    #expect(try disk.list(folder.file("nowhere")).isEmpty)
    #expect(throws: SystemError.self) { try disk.createDirectory(folder.file("a/b/k")) }
    #expect(throws: SystemError.self) { try disk.remove(folder.file("a/b")) }
    try disk.remove(folder.file("a/b/c"))
    try disk.remove(folder.file("a/b/k"))
    try disk.rename(folder.file("a/b/z"), to: folder.file("a/b/a"))
    try disk.syncDirectory(folder.file("a/b"))
    #expect(try disk.list(folder.file("a/b")) == ["a"])
  }

  @Test func missingFilesAreNilOrNamedErrors() throws {
    let path = folder.file("none")
    #expect(try disk.byteCount(of: path) == nil)
    #expect(try disk.byteCount(of: folder.file("none/below")) == nil)
    let missing = SystemError(code: SystemError.Code.noSuchFile, operation: "open", path: path)
    #expect(throws: missing) { try disk.open(path) }
    #expect(missing.isMissing)
    #expect(missing.description == "\(path): open: No such file or directory (2)")
    let full = SystemError(code: SystemError.Code.noSpace, operation: "write", path: "/path")
    #expect(full.description == "/path: write: No space left on device (28)")
    #expect(full.isDiskFull)
    #expect(throws: SystemError.self) { try disk.remove(path) }
    #expect(throws: SystemError.self) { try disk.rename(path, to: folder.file("other")) }
    #expect(throws: SystemError.self) { try disk.append(to: folder.file("none/below")) }
  }

  @Test func mappedStoresReachTheFile() throws {
    let path = folder.file("ring")
    let file = try disk.map(path)
    #expect(file.byteCount == 0)
    let first = try file.extent(at: 0, byteCount: 8_192)
    let second = try file.extent(at: 8_192, byteCount: 4_096)
    #expect(file.byteCount == 12_288)
    unsafe first.bytes.storeBytes(of: 0x1122_3344, toByteOffset: 5_000, as: UInt32.self)
    unsafe second.bytes.storeBytes(of: 0xff, toByteOffset: 4_095, as: UInt8.self)
    try first.sync(5_000..<5_004)
    try second.sync(4_095..<4_096)
    try second.sync(7..<7)
    let content = try disk.read(path, byteCountMax: 1 << 20)
    #expect(content.count == 12_288)
    #expect(content[5_000..<5_004] == [0x44, 0x33, 0x22, 0x11])
    #expect(content[12_287] == 0xff)

    // A second mapping of the same bytes keeps and sees them.
    let again = try disk.map(path).extent(at: 4_096, byteCount: 4_096)
    #expect(unsafe again.bytes.load(fromByteOffset: 904, as: UInt32.self) == 0x1122_3344)
    unsafe first.bytes.storeBytes(of: 7, toByteOffset: 4_096, as: UInt8.self)
    #expect(unsafe again.bytes.load(as: UInt8.self) == 7)
    try file.truncate(to: 4_096)
    #expect(file.byteCount == 4_096)
  }

  @Test func aHeldLockIsRefusedUntilReleased() throws {
    let path = folder.file("lock")
    let lock = try disk.lock(path)
    do throws(SystemError) {
      _ = try disk.lock(path)
      Issue.record("the lock was given twice")
    } catch {
      #expect(error.isHeld)
    }
    lock.release()
    lock.release()
    let next = try disk.lock(path)
    next.release()
  }

  @Test func aLockDiesWithItsLastReference() throws {
    let path = folder.file("lock")
    do { _ = try disk.lock(path) }
    try disk.lock(path).release()
  }

  @Test func spaceIsPlausible() throws {
    let (free, total) = try disk.space(at: folder.path)
    #expect(free > 0)
    #expect(total >= free)
  }

  @Test func aFullDeviceIsAnErrorOfTheWrite() throws {
    // A device that is always full.
    let file = try disk.append(to: "/dev/full")
    do throws(SystemError) {
      try file.append([1])
      Issue.record("the full device took a byte")
    } catch {
      #expect(error.isDiskFull)
      #expect(error.operation == "write")
    }
  }

  @Test func aFolderIsNoFile() throws {
    #expect(throws: SystemError.self) { try disk.append(to: folder.path) }
  }

  @Test func temporaryFoldersVanish() throws {
    var path = ""
    do {
      let inner = try TemporaryDirectory()
      path = inner.path
      try disk.createDirectory(inner.file("a/b"))
      try disk.replace(inner.file("a/b/c"), with: [1])
    }
    #expect(try disk.byteCount(of: path) == nil)
  }
}

/// Lends the bytes of all arrays at once.
func withBuffers(
  _ parts: [[UInt8]],
  _ body: ([UnsafeRawBufferPointer]) throws -> Void
) rethrows {
  let joined = parts.flatMap { $0 }
  unsafe try joined.withUnsafeBytes { bytes in
    var start = 0
    let buffers = unsafe parts.map { part in
      defer { start += part.count }
      return unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + part.count])
    }
    unsafe try body(buffers)
  }
}
