internal import Model
internal import Platform

/// The segment that takes records: its file, and how far it is durable.
///
/// The one place of the module that touches raw memory: records go to the disk from where the
/// receivers built them.
@safe final class SegmentWriter {
  let path: String
  let header: SegmentHeader
  private let file: any AppendFile
  /// Bytes that are durable.
  private(set) var durableByteCount: Int
  /// Bytes that were acknowledged, or would be if they had been asked for: those that stay when the
  /// rest is given up.
  private(set) var settledByteCount: Int
  /// Whether durable records stand behind the last mark.
  private(set) var needsMark = false
  private var recordsSinceMark = 0
  // Reused from round to round.
  private var parts: [UnsafeRawBufferPointer] = unsafe []

  /// Makes a segment. Its header and its name are durable when this returns.
  ///
  /// Cost: two syncs. After an error no segment is there, as far as the disk lets it go.
  init(disk: any Disk, directory: String, header: SegmentHeader) throws(SystemError) {
    self.header = header
    path = SegmentName.path(in: directory, sequence: header.sequence)
    let file = try disk.append(to: path)
    do throws(SystemError) {
      // Sequences are never used twice, so a file here is a leftover that could not be removed.
      if file.byteCount > 0 { try file.truncate(to: 0) }
      try file.append(header.encoded())
      try file.sync()
      try disk.syncDirectory(directory)
    } catch {
      file.close()
      try? disk.remove(path)
      throw error
    }
    self.file = file
    durableByteCount = header.byteCount
    settledByteCount = header.byteCount
  }

  var byteCount: Int { file.byteCount }
  /// Whether no record has been settled here.
  var isEmpty: Bool { settledByteCount == header.byteCount }

  /// The mark for what is durable now.
  func mark(ends: [Offset]) -> CommitMark {
    CommitMark(
      epoch: header.epoch,
      sequence: header.sequence,
      durableByteCount: UInt64(durableByteCount),
      ends: ends
    )
  }

  /// Appends stamped batches, one gathering write per 1,024 of them.
  func append(
    _ batches: [RowBatch],
    _ range: Range<Int>,
    mark: CommitMark?
  ) throws(SystemError) {
    let markBytes = mark?.encoded() ?? []
    var failure: SystemError?
    // The pointers are good as long as the batches are.
    withExtendedLifetime(batches) {
      unsafe markBytes.withUnsafeBytes { bytes in
        unsafe parts.append(bytes)
        for index in range { unsafe parts.append(batches[index].record) }
        do throws(SystemError) { unsafe try file.append(parts) } catch { failure = error }
      }
    }
    unsafe parts.removeAll(keepingCapacity: true)
    if let failure { throw failure }
    if mark != nil { (needsMark, recordsSinceMark) = (false, 0) }
    recordsSinceMark += range.count
  }

  func sync() throws(SystemError) {
    try file.sync()
    durableByteCount = file.byteCount
    settledByteCount = durableByteCount
    needsMark = recordsSinceMark > 0
  }

  /// Counts what was appended as acknowledged without a sync.
  func settle() { settledByteCount = file.byteCount }

  /// Forgets what was appended and not settled; `false` when it may still be in the file.
  func truncateToSettled() -> Bool {
    guard file.byteCount > settledByteCount else { return true }
    return (try? file.truncate(to: settledByteCount)) != nil
  }

  /// Gives up on marking what is durable: the next record brings its own mark.
  func skipMark() { needsMark = false }

  func close() { file.close() }
}
