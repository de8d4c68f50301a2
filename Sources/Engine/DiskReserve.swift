internal import Platform
internal import Synchronization

/// Space on the disk that is kept for cuts: a file that is allocated while there is room, and
/// removed when a cut finds none.
///
/// A full disk must not keep rows from becoming blocks, for only then can the log go that they came
/// from. While the file is away nothing is appended to the log, so that what it gave back is the
/// cuts'; it is made again as soon as it leaves room for others.
///
/// Safe from any thread: workers release it, the committer asks for it.
final class DiskReserve: Sendable {
  let path: String
  /// Its size; 0 for none.
  let byteCount: Int
  private let disk: any Disk
  private let directory: String
  private let isThere = Atomic<Bool>(false)
  private let releaseCount = Atomic<UInt64>(0)
  /// Held while the file is made or removed.
  private let changes = Mutex(())

  init(disk: any Disk, directory: DataDirectory, byteCount: Int) {
    self.disk = disk
    self.directory = directory.path
    path = directory.reserve
    self.byteCount = byteCount / 4_096 * 4_096
    guard self.byteCount > 0 else {
      // One that another configuration has made.
      try? disk.remove(path)
      return
    }
    _ = make()
  }

  /// Bytes that a cut would find.
  var heldByteCount: Int { isThere.load(ordering: .relaxed) ? byteCount : 0 }
  /// How often a cut needed it since the start.
  var releases: UInt64 { releaseCount.load(ordering: .relaxed) }

  /// Gives the space to a cut that found none.
  ///
  /// - Returns: whether there was any.
  func release() -> Bool {
    changes.withLock { _ in
      guard isThere.load(ordering: .relaxed) else { return false }
      isThere.store(false, ordering: .releasing)
      guard (try? disk.remove(path)) != nil else { return false }
      releaseCount.wrappingAdd(1, ordering: .relaxed)
      return true
    }
  }

  /// Whether the log may grow: not into space that cuts need.
  ///
  /// - Throws: a full disk, while the reserve is away.
  func check() throws(SystemError) {
    guard byteCount > 0, !isThere.load(ordering: .acquiring), !make() else { return }
    throw SystemError(code: SystemError.Code.noSpace, operation: "reserve", path: path)
  }

  /// Makes the file when that leaves a quarter of its size for others.
  ///
  /// - Returns: whether it is there, or cannot be for another reason than space.
  private func make() -> Bool {
    changes.withLock { _ in
      if isThere.load(ordering: .relaxed) { return true }
      do throws(SystemError) {
        let existing = try disk.byteCount(of: path) ?? 0
        let free = try disk.space(at: directory).free
        guard free >= byteCount - min(existing, byteCount) + byteCount / 4 else { return false }
        let file = try disk.map(path)
        if existing > byteCount { try file.truncate(to: byteCount) }
        _ = try file.extent(at: 0, byteCount: byteCount)
      } catch {
        // A file system that has no such thing does without.
        return !error.isDiskFull
      }
      isThere.store(true, ordering: .releasing)
      return true
    }
  }
}
