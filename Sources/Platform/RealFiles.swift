internal import Glibc
internal import Synchronization

/// A descriptor that closes with its last owner.
struct Descriptor: ~Copyable {
  let raw: Int32

  init(_ path: String, _ flags: Int32) throws(SystemError) {
    raw = try SystemCall.open(path, flags)
  }

  deinit { SystemCall.close(raw) }
}

/// `@unchecked Sendable`: one owner at a time, as ``AppendFile`` demands.
final class RealAppendFile: AppendFile, @unchecked Sendable {
  private let path: String
  private var descriptor: Int32?
  private(set) var byteCount: Int

  init(_ path: String) throws(SystemError) {
    self.path = path
    let opened = try SystemCall.open(path, O_WRONLY | O_CREAT)
    descriptor = opened
    do throws(SystemError) {
      byteCount = try SystemCall.byteCount(opened, path)
    } catch {
      SystemCall.close(opened)
      throw error
    }
  }

  deinit { close() }

  private var opened: Int32 {
    guard let descriptor else { preconditionFailure("\(path) is closed") }
    return descriptor
  }

  func append(_ parts: [UnsafeRawBufferPointer]) throws(SystemError) {
    unsafe try SystemCall.write(opened, path, offset: byteCount, parts: parts) { byteCount += $0 }
  }

  func truncate(to byteCount: Int) throws(SystemError) {
    let descriptor = opened
    try SystemCall.run("truncate", path) { ftruncate(descriptor, off_t(byteCount)) }
    self.byteCount = byteCount
  }

  func sync() throws(SystemError) {
    let descriptor = opened
    try SystemCall.run("fdatasync", path) { fdatasync(descriptor) }
  }

  func close() {
    if let descriptor { SystemCall.close(descriptor) }
    descriptor = nil
  }
}

final class RealReadableFile: ReadableFile {
  private let path: String
  private let descriptor: Descriptor
  /// The length when it was last asked for: within it nobody has to ask again.
  private let byteCountSeen = Atomic(0)

  init(_ path: String) throws(SystemError) {
    self.path = path
    descriptor = try Descriptor(path, O_RDONLY)
  }

  var byteCount: Int { (try? SystemCall.byteCount(descriptor.raw, path)) ?? 0 }

  func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    precondition(offset >= 0)
    precondition(count >= 0)
    // A length from a damaged file must not make us allocate more than there is to read.
    var available = byteCountSeen.load(ordering: .relaxed) - offset
    if available < count {
      let byteCount = try SystemCall.byteCount(descriptor.raw, path)
      byteCountSeen.store(byteCount, ordering: .relaxed)
      available = byteCount - offset
    }
    guard available > 0 else { return [] }
    let wanted = min(count, available)
    return try SystemCall.read(descriptor.raw, path, offset: offset, count: wanted)
  }
}

final class RealMappedFile: MappedFile {
  private let path: String
  private let descriptor: Descriptor

  init(_ path: String) throws(SystemError) {
    self.path = path
    descriptor = try Descriptor(path, O_RDWR | O_CREAT)
  }

  var byteCount: Int { (try? SystemCall.byteCount(descriptor.raw, path)) ?? 0 }

  func extent(at offset: Int, byteCount: Int) throws(SystemError) -> any MappedRegion {
    precondition(offset >= 0 && offset % RealMappedRegion.pageByteCount == 0)
    precondition(byteCount > 0 && byteCount % RealMappedRegion.pageByteCount == 0)
    try SystemCall.allocate(descriptor.raw, path, offset: offset, byteCount: byteCount)
    return try RealMappedRegion(descriptor.raw, path, offset: offset, byteCount: byteCount)
  }

  func truncate(to byteCount: Int) throws(SystemError) {
    let raw = descriptor.raw
    try SystemCall.run("truncate", path) { ftruncate(raw, off_t(byteCount)) }
  }
}

/// `@unchecked Sendable`: the pointer is fixed, and what it points to has one writer, as
/// ``MappedRegion`` demands.
@safe final class RealMappedRegion: MappedRegion, @unchecked Sendable {
  static let pageByteCount = 4_096

  private let path: String
  @unsafe let bytes: UnsafeMutableRawBufferPointer

  init(_ descriptor: Int32, _ path: String, offset: Int, byteCount: Int) throws(SystemError) {
    let start = unsafe mmap(
      nil,
      byteCount,
      PROT_READ | PROT_WRITE,
      MAP_SHARED,
      descriptor,
      off_t(offset)
    )
    guard let start = unsafe start, unsafe start != MAP_FAILED else {
      throw SystemError(code: errno, operation: "mmap", path: path)
    }
    self.path = path
    unsafe bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  deinit { unsafe munmap(bytes.baseAddress, bytes.count) }

  func sync(_ range: Range<Int>) throws(SystemError) {
    precondition(range.lowerBound >= 0)
    precondition(unsafe range.upperBound <= bytes.count)
    guard !range.isEmpty, let base = unsafe bytes.baseAddress else { return }
    let start = range.lowerBound & ~(Self.pageByteCount - 1)
    try SystemCall.run("msync", path) {
      unsafe msync(base + start, range.upperBound - start, MS_SYNC)
    }
  }
}

/// A lock of `flock`: it belongs to the open file, so the kernel drops it with the process.
final class RealFileLock: FileLock, @unchecked Sendable {
  private let path: String
  // Guarded by the owner, as for a file: released once.
  private var descriptor: Int32?

  init(_ path: String) throws(SystemError) {
    self.path = path
    let opened = try SystemCall.open(path, O_RDWR | O_CREAT)
    do throws(SystemError) {
      try SystemCall.run("flock", path) { flock(opened, LOCK_EX | LOCK_NB) }
    } catch {
      SystemCall.close(opened)
      throw error
    }
    descriptor = opened
  }

  deinit { release() }

  func release() {
    if let descriptor { SystemCall.close(descriptor) }
    descriptor = nil
  }
}
