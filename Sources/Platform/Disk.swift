/// Every file that Varve touches goes through here, so that a simulation can lose, tear and refuse
/// writes. Paths are plain strings; all calls may block and may come from any thread.
///
/// What a crash may undo: bytes not covered by a `sync` of their file, and names of files
/// (creations, renames, removals) not covered by a ``syncDirectory(_:)`` of their folder. The sync
/// of a file says nothing about its name.
public protocol Disk: Sendable {
  /// Creates `path` and its missing parents, durably; no error when it is there.
  func createDirectory(_ path: String) throws(SystemError)
  /// The same of which only a later ``syncDirectory(_:)`` of the parent, and of the parents that
  /// were missing, makes the name durable: for whoever creates many.
  func makeDirectory(_ path: String) throws(SystemError)
  /// The names in a folder, sorted; without `.` and `..`. Empty when the folder is not there.
  func list(_ directory: String) throws(SystemError) -> [String]
  /// Bytes of a file, or `nil` when there is none.
  func byteCount(of path: String) throws(SystemError) -> Int?
  /// The number of a file in its file system, which a copy of it has not, or `nil` when there is
  /// none.
  func fileNumber(of path: String) throws(SystemError) -> UInt64?
  /// Opens for appending; creates the file when it is missing.
  func append(to path: String) throws(SystemError) -> any AppendFile
  /// Opens for reading at any position.
  func open(_ path: String) throws(SystemError) -> any ReadableFile
  /// The whole of a file, refused with `EFBIG` beyond `byteCountMax`.
  func read(_ path: String, byteCountMax: Int) throws(SystemError) -> [UInt8]
  /// Replaces `path`: temporary file beside it, sync, rename, sync of the folder. After an error
  /// the old content is still there, except that after a failed sync of the folder a crash decides
  /// between old and new; it is never a mixture.
  func replace(_ path: String, with bytes: [UInt8]) throws(SystemError)
  /// Opens or creates a file for mapped writing.
  func map(_ path: String) throws(SystemError) -> any MappedFile
  /// Moves a file, within the file system; a file at `target` is replaced.
  func rename(_ from: String, to target: String) throws(SystemError)
  /// Gives a file a second name, within the file system: both are the same bytes from then on.
  /// `EEXIST` when the name is taken.
  func link(_ path: String, to target: String) throws(SystemError)
  /// Removes a file or an empty folder; `ENOENT` when there is none.
  func remove(_ path: String) throws(SystemError)
  /// Makes the names in a folder durable.
  func syncDirectory(_ path: String) throws(SystemError)
  /// Bytes that an unprivileged writer could still store, and the size of the file system.
  func space(at path: String) throws(SystemError) -> (free: Int, total: Int)
  /// Takes the lock file at `path`, held until the result is released or the process ends;
  /// `EWOULDBLOCK` when another process holds it.
  func lock(_ path: String) throws(SystemError) -> any FileLock
}

extension Disk {
  /// What ``replace(_:with:)`` appends to a name while it writes. A file left with it by a crash
  /// was never committed.
  public static var temporarySuffix: String { ".tmp" }

  public func makeDirectory(_ path: String) throws(SystemError) { try createDirectory(path) }

  public func read(_ path: String, byteCountMax: Int) throws(SystemError) -> [UInt8] {
    let file = try open(path)
    let byteCount = file.byteCount
    guard byteCount <= byteCountMax else {
      throw SystemError(code: SystemError.Code.fileTooBig, operation: "read", path: path)
    }
    return try file.read(at: 0, count: byteCount)
  }

  public func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
    let temporary = path + Self.temporarySuffix
    do throws(SystemError) {
      let file = try append(to: temporary)
      defer { file.close() }
      if file.byteCount > 0 { try file.truncate(to: 0) }
      try file.append(bytes)
      try file.sync()
      CrashPoint.replacing.reach()
      try rename(temporary, to: path)
    } catch {
      // Best effort: the next attempt truncates what stays.
      try? remove(temporary)
      throw error
    }
    try syncDirectory(Path.directory(of: path))
  }
}

/// A file that only grows. One owner at a time; not for concurrent use.
public protocol AppendFile: AnyObject, Sendable {
  /// Bytes of the file: what was there when it was opened and all appended since.
  var byteCount: Int { get }
  /// Appends all of `parts`, one after another. After an error any prefix of them may be in the
  /// file; ``truncate(to:)`` takes it away.
  func append(_ parts: [UnsafeRawBufferPointer]) throws(SystemError)
  /// Shortens the file; like an append, durable only after ``sync()``.
  func truncate(to byteCount: Int) throws(SystemError)
  /// Makes what was appended durable (`fdatasync`). After an error nothing since the last success
  /// may be believed, even if a later call succeeds.
  func sync() throws(SystemError)
  /// Gives the file up without syncing; more than once does no harm, any other call then traps.
  func close()
}

extension AppendFile {
  /// Appends one array.
  public func append(_ bytes: [UInt8]) throws(SystemError) {
    var failure: SystemError?
    unsafe bytes.withUnsafeBytes { buffer in
      do throws(SystemError) { unsafe try append([buffer]) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

/// A file open for reading; safe from several threads.
public protocol ReadableFile: AnyObject, Sendable {
  var byteCount: Int { get }
  /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
  func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8]
  /// The same; the bytes may be those that another read has brought, which stay as long.
  func lend(at offset: Int, count: Int) throws(SystemError) -> ArraySlice<UInt8>
}

extension ReadableFile {
  public func lend(at offset: Int, count: Int) throws(SystemError) -> ArraySlice<UInt8> {
    try read(at: offset, count: count)[...]
  }
}

/// A file that grows by extents, each mapped for writing as one region.
public protocol MappedFile: AnyObject, Sendable {
  var byteCount: Int { get }
  /// Allocates `byteCount` bytes at `offset` on the disk, so that a full disk is an error here and
  /// never a signal at a store, and maps them. `offset` and `byteCount` are multiples of 4,096;
  /// bytes that the file already has keep their content, new ones are zero.
  func extent(at offset: Int, byteCount: Int) throws(SystemError) -> any MappedRegion
  func truncate(to byteCount: Int) throws(SystemError)
}

/// A mapped part of a file. One writer; readers on other threads may see a store half done and must
/// check what they read. Unmapped when the last reference goes.
public protocol MappedRegion: AnyObject, Sendable {
  @unsafe var bytes: UnsafeMutableRawBufferPointer { get }
  /// Makes stores into `range` (byte offsets into ``bytes``) durable.
  func sync(_ range: Range<Int>) throws(SystemError)
}

/// A held lock file.
public protocol FileLock: AnyObject, Sendable {
  func release()
}
