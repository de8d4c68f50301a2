internal import Model
internal import Platform

/// Both copies of the log, open for appending; guarded by the catalog's writer mutex.
struct LogWriter {
  /// Missing records that are appended to a copy from memory; more are streamed by a rewrite.
  private static let suffixByteCountMax = 1 << 20

  let disk: any Disk
  let directory: String
  private let paths: [String]
  /// The version at the start; names the originals that are set aside.
  private let version: UInt64
  private var copies: [LogCopy] = []
  /// Copies that must be written anew before anything is durable.
  private var rewrites: Set<Int> = []
  /// Copies that lack records at their end and get them with the first flush.
  private var completions: Set<Int> = []
  /// Bytes added since the last flush that worked.
  private var addedByteCount = 0
  /// Originals of rewritten copies, for the caller to quarantine.
  private(set) var setAside: [String] = []
  /// Copies that were completed or written anew.
  private(set) var healed: [String] = []

  static func paths(in directory: String) -> [String] {
    ["\(directory)/a.log", "\(directory)/b.log"]
  }

  static func temporary(_ path: String) -> String { "\(path).tmp" }

  /// Decides how each copy becomes whole again, and touches nothing yet.
  init(disk: any Disk, directory: String, union: LogUnion) {
    self.disk = disk
    self.directory = directory
    version = union.version
    paths = Self.paths(in: directory)
    for index in union.copies.indices {
      let copy = union.copies[index]
      var backlog: [UInt8] = []
      if copy.needsRewrite {
        rewrites.insert(index)
      } else if copy.missingCount > 0 {
        if let suffix = suffix(of: union.copies[1 - index], from: copy.suffixStart) {
          backlog = suffix
          completions.insert(index)
        } else {
          rewrites.insert(index)
        }
      }
      copies.append(
        LogCopy(path: copy.path, in: directory, soundEnd: copy.soundEnd, backlog: backlog)
      )
    }
  }

  /// The end of a copy, if it is short, sound and readable.
  private func suffix(of copy: LogUnion.Copy, from start: Int?) -> [UInt8]? {
    guard let start, copy.soundEnd - start <= Self.suffixByteCountMax,
      copy.damages.allSatisfy({ $0.offset < start })
    else { return nil }
    guard let file = try? disk.open(copy.path),
      let bytes = try? file.read(at: start, count: copy.soundEnd - start),
      bytes.count == copy.soundEnd - start
    else { return nil }
    return bytes
  }

  /// Removes what a rewrite that a crash ended has left.
  func removeLeftovers() {
    for path in paths where (try? disk.byteCount(of: Self.temporary(path))) ?? nil != nil {
      // Left lying it is only in the way; the next rewrite begins by emptying it.
      try? disk.remove(Self.temporary(path))
    }
  }

  /// Takes records to write with the next flush.
  mutating func add(_ records: [UInt8]) {
    guard !records.isEmpty else { return }
    addedByteCount += records.count
    for index in copies.indices { copies[index].add(records) }
  }

  /// Makes everything added so far durable in both copies.
  mutating func flush() throws(SystemError) {
    for index in rewrites.sorted() {
      try rewrite(index)
      healed.append(paths[index])
      rewrites.remove(index)
    }
    for index in copies.indices {
      do throws(SystemError) {
        try copies[index].flush(disk)
      } catch {
        if copies[index].isDoubtful { rewrites.insert(index) }
        throw error
      }
      if completions.remove(index) != nil { healed.append(paths[index]) }
      if index == 0 { CrashPoint.catalogHalf.reach() }
    }
  }

  /// Bytes that the flushes since the last call made durable; after a flush that worked.
  mutating func takeSyncedByteCount() -> Int {
    defer { addedByteCount = 0 }
    return addedByteCount
  }

  /// Writes a damaged or missing copy anew from the records of both: temporary file, sync, rename,
  /// sync of the folder. The original is copied aside first, so that at no moment anything that
  /// only it holds is missing.
  private mutating func rewrite(_ index: Int) throws(SystemError) {
    let path = paths[index]
    let temporary = Self.temporary(path)
    var union = try LogUnion(disk: disk, paths: paths)
    var sink = try FileSink(disk, temporary)
    do throws(SystemError) {
      try union.forEach { (_, bytes: Span<UInt8>) throws(SystemError) in try sink.append(bytes) }
      try sink.finish()
      if let error = union.readError { throw error }
      if try disk.byteCount(of: path) ?? 0 > 0 {
        try setAside(path, isUnreadable: union.copies[index].readError != nil)
      }
    } catch {
      // Gives the space of a full disk back; the next attempt starts anew anyway.
      try? disk.remove(temporary)
      throw error
    }
    try disk.rename(temporary, to: path)
    try disk.syncDirectory(directory)
    // What the other copy had already taken is in the new file.
    let backlog = LogRecord.records(in: copies[index].backlog, after: union.version)
    completions.remove(index)
    copies[index].close()
    copies[index] = LogCopy(
      path: path,
      in: directory,
      soundEnd: sink.byteCount,
      backlog: backlog
    )
  }

  private mutating func setAside(_ path: String, isUnreadable: Bool) throws(SystemError) {
    let aside = "\(path).\(Self.hex(version)).damaged"
    do throws(SystemError) {
      let file = try disk.open(path)
      var sink = try FileSink(disk, aside)
      var offset = 0
      while offset < file.byteCount {
        let piece = try file.read(at: offset, count: FileSink.pieceByteCount)
        guard !piece.isEmpty else { break }
        try sink.append(piece.span)
        offset += piece.count
      }
      try sink.finish()
    } catch {
      // What cannot be read cannot be copied; the new file is complete and synced.
      guard isUnreadable else {
        try? disk.remove(aside)
        throw error
      }
      try disk.rename(path, to: aside)
    }
    setAside.append(aside)
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
