internal import Platform

/// One copy of the log, open for appending.
///
/// It believes nothing but a sync that succeeded: after any error it reopens the file, cuts it back
/// to the last length known to be durable, and writes all that came since once more.
struct LogCopy {
  let path: String
  private let directory: String
  private var file: (any AppendFile)?
  /// Bytes that a successful sync covers, once ``isConfirmed``.
  private var durableByteCount: Int
  /// Bytes to append behind them.
  private(set) var backlog: [UInt8]
  /// Whether the file may hold other bytes than the durable ones.
  private var isDirty = true
  /// Whether a sync has covered the bytes and the name that were found at the start: a former
  /// process may have ended between an append and its sync.
  private var isConfirmed = false
  /// Whether that sync failed: the bytes found may be in the cache only, and another sync would not
  /// tell. They must be written anew.
  private(set) var isDoubtful = false

  /// - Parameters:
  ///   - soundEnd: the end of the last sound record; what stands behind it is cut off.
  ///   - backlog: records that the copy lacks at its end.
  init(path: String, in directory: String, soundEnd: Int, backlog: [UInt8]) {
    self.path = path
    self.directory = directory
    durableByteCount = soundEnd
    self.backlog = backlog
  }

  /// Takes records to write with the next flush.
  mutating func add(_ records: [UInt8]) {
    if backlog.isEmpty {
      backlog = records
    } else {
      backlog.append(contentsOf: records)
    }
  }

  /// Makes everything added so far durable. After an error nothing of it is believed, and the next
  /// flush writes it again.
  mutating func flush(_ disk: any Disk) throws(SystemError) {
    guard isDirty || !backlog.isEmpty else { return }
    do throws(SystemError) {
      try write(disk)
    } catch {
      close()
      isDirty = true
      throw error
    }
  }

  private mutating func write(_ disk: any Disk) throws(SystemError) {
    let file: any AppendFile
    if let open = self.file { file = open } else { file = try disk.append(to: path) }
    self.file = file
    guard file.byteCount >= durableByteCount else {
      // Somebody cut the file behind our back; what it lacks stands in the other copy.
      isDoubtful = true
      throw SystemError(code: SystemError.Code.inputOutput, operation: "append", path: path)
    }
    if isDirty { try file.truncate(to: durableByteCount) }
    if !isConfirmed { try confirm(file, disk) }
    guard !backlog.isEmpty else {
      isDirty = false
      return
    }
    isDirty = true
    try file.append(backlog)
    try file.sync()
    durableByteCount += backlog.count
    backlog = []
    isDirty = false
  }

  private mutating func confirm(_ file: any AppendFile, _ disk: any Disk) throws(SystemError) {
    do throws(SystemError) {
      try file.sync()
      try disk.syncDirectory(directory)
    } catch {
      isDoubtful = durableByteCount > 0
      throw error
    }
    isConfirmed = true
  }

  mutating func close() {
    file?.close()
    file = nil
  }
}
