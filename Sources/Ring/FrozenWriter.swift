internal import Bytes
public import Model
public import Platform

/// Writes a frozen file beside the ring, section by section, and gives it its name when it is whole
/// and durable (docs/format/frozen.md).
///
/// For one thread. Nothing refers to the file until its ring commits it.
public final class FrozenWriter {
  /// What is collected before it is written.
  static let bufferByteCount = 1 << 20
  /// What is written before it is synced, so that no single sync has much to do.
  static let unsyncedByteCountMax = 8 << 20

  public let hour: Int64
  private let disk: any Disk
  private let path: String
  private let progress: RingProgress
  private let partition: PartitionID
  private let file: any AppendFile
  private var buffer = OutputBuffer(reserving: FrozenWriter.bufferByteCount)
  private var section = OutputBuffer()
  /// Where `buffer` begins in the file.
  private var start = 0
  private var unsynced = 0
  private var entries: [FrozenEntry] = []
  private var runCount = 0

  private var temporaryPath: String { path + FrozenWriter.temporarySuffix }
  static let temporarySuffix = ".tmp"

  init(
    disk: any Disk,
    path: String,
    partition: PartitionID,
    progress: RingProgress,
    cut: UInt64
  ) throws(SystemError) {
    self.disk = disk
    self.path = path
    self.partition = partition
    self.progress = progress
    hour = progress.hour
    file = try disk.append(to: path + Self.temporarySuffix)
    if file.byteCount > 0 { try file.truncate(to: 0) }
    let header = FrozenLayout.header(partition: partition, hour: hour, cut: cut)
    buffer.writeBytes(header.span)
  }

  /// Bytes written and collected so far.
  public var byteCount: Int { start + buffer.count }

  /// Appends the section of one series, which comes after all earlier ones.
  ///
  /// - Parameters:
  ///   - head: what a reader of any run needs.
  ///   - runs: the bodies of all runs, one after another.
  ///   - ends: where each of them ends.
  /// - Throws: When the disk is full or fails: give up, ``abandon()``.
  public func append(
    series: SeriesID,
    head: Span<UInt8>,
    runs: Span<UInt8>,
    ends: [Int]
  ) throws(SystemError) {
    let headByteCount = FrozenLayout.headStart(runCount: ends.count) + head.count
    let byteCount = headByteCount + runs.count + FrozenLayout.checkByteCount * ends.count
    guard UInt32(exactly: byteCount) != nil else {
      // No section is so long: blocks answer.
      try appendUnknown(series: series)
      return
    }
    section.removeAll()
    section.reserve(byteCount)
    section.writeInteger(UInt32(0))
    var place = headByteCount
    var from = 0
    for end in ends {
      section.writeInteger(UInt32(place))
      place += FrozenLayout.checkByteCount + end - from
      from = end
    }
    section.writeBytes(head)
    let check = section.withBytes {
      FrozenLayout.check(
        $0.extracting(droppingFirst: FrozenLayout.checkByteCount),
        series: series.rawValue,
        run: -1
      )
    }
    section.replaceInteger(check, at: 0)
    from = 0
    for (run, end) in ends.enumerated() {
      let body = runs.extracting(from..<end)
      section.writeInteger(FrozenLayout.check(body, series: series.rawValue, run: run))
      section.writeBytes(body)
      from = end
    }
    try section.withBytes { (bytes) throws(SystemError) in
      try append(bytes, series: series, runCount: ends.count, headByteCount: headByteCount)
    }
  }

  /// Appends a series for which blocks have to answer.
  public func appendUnknown(series: SeriesID) throws(SystemError) {
    note(series, runCount: 0, headByteCount: 0, byteCount: 0)
  }

  /// Appends a section of another frozen file of the hour as it is.
  ///
  /// - Returns: `false` when it is damaged; nothing was appended then.
  public func copy(_ section: FrozenSection) throws(SystemError) -> Bool {
    guard let bytes = section.all() else { return false }
    try append(
      bytes.span,
      series: section.series,
      runCount: section.runCount,
      headByteCount: section.headByteCount
    )
    return true
  }

  private func append(
    _ bytes: Span<UInt8>,
    series: SeriesID,
    runCount: Int,
    headByteCount: Int
  ) throws(SystemError) {
    note(series, runCount: runCount, headByteCount: headByteCount, byteCount: bytes.count)
    buffer.writeBytes(bytes)
    if buffer.count >= Self.bufferByteCount { try flush() }
  }

  private func note(_ series: SeriesID, runCount: Int, headByteCount: Int, byteCount: Int) {
    precondition(entries.last.map { $0.series < series.rawValue } ?? true)
    entries.append(
      FrozenEntry(
        series: series.rawValue,
        runCount: UInt32(runCount),
        offset: UInt64(self.byteCount),
        headByteCount: UInt32(headByteCount),
        byteCount: UInt32(byteCount)
      )
    )
    self.runCount += runCount
  }

  private func flush() throws(SystemError) {
    try file.append(buffer.array())
    start += buffer.count
    unsynced += buffer.count
    buffer.removeAll()
    if unsynced >= Self.unsyncedByteCountMax {
      try file.sync()
      unsynced = 0
    }
  }

  /// Ends the file, makes it durable and gives it its name.
  public func finish() throws(SystemError) -> FrozenHour {
    let indexOffset = byteCount
    var index = OutputBuffer(reserving: entries.count * FrozenLayout.entryByteCount)
    for entry in entries { entry.write(into: &index) }
    let trailer = FrozenTrailer(
      sectionCount: entries.count,
      indexOffset: indexOffset,
      runCount: runCount,
      indexChecksum: index.withBytes { CRC32C.checksum($0) }
    )
    index.withBytes { buffer.writeBytes($0) }
    buffer.writeBytes(trailer.encoded.span)
    try flush()
    try file.sync()
    file.close()
    try disk.rename(temporaryPath, to: path)
    try disk.syncDirectory(Path.directory(of: path))
    var progress = progress
    progress.byteCount = UInt64(start)
    do throws(SlotFault) {
      return try FrozenHour.open(disk: disk, path: path, partition: partition, progress)
    } catch {
      // What was written a moment ago does not read back: the disk's fault, whatever it says.
      throw SystemError(code: SystemError.Code.inputOutput, operation: "read back", path: path)
    }
  }

  /// Gives the file up and removes it.
  public func abandon() {
    file.close()
    // A leftover costs space only, until the next start removes it.
    try? disk.remove(temporaryPath)
  }
}
