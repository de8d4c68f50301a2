internal import Bytes
public import Model
public import Platform

/// Writes one rollup file: groups as they come, then definitions, index, summary and trailer
/// (docs/format/rollup.md).
///
/// The file grows under a temporary name; ``finish(definitions:)`` makes it durable and gives it
/// its own. One thread. After a thrown error only ``abandon()`` makes sense.
public final class RollupWriter {
  // One thread at a time, like its file.

  /// Bytes of finished groups that wait for one write.
  static let writeBufferByteCount = 1 << 18

  public let identity: RollupIdentity
  private let disk: any Disk
  private let directory: String
  private let temporaryPath: String
  private let file: any AppendFile
  private var pending = OutputBuffer(reserving: 1 << 16)
  private var groups = RollupGroupWriter()
  private var byteCount = RollupIdentity.byteCount
  private var entries: [RollupEntry] = []
  public private(set) var windowCount: UInt64 = 0
  /// The series that have windows here, ascending.
  public private(set) var series: [SeriesID] = []
  public private(set) var fields: Set<FieldID> = []

  /// - Parameter directory: the partition's folder of rollups, which exists.
  public init(
    disk: any Disk,
    directory: String,
    identity: RollupIdentity
  ) throws(SystemError) {
    self.disk = disk
    self.directory = directory
    self.identity = identity
    temporaryPath = Path.join(directory, identity.fileName) + BlockWriter.temporarySuffix
    file = try disk.append(to: temporaryPath)
    if file.byteCount > 0 { try file.truncate(to: 0) }
    identity.write(into: &pending)
  }

  /// Appends the windows of a series.
  ///
  /// - Parameters:
  ///   - series: greater than the last one, or the same with greater fields.
  ///   - columns: ascending by field; those without windows are left out.
  public func append(_ columns: [RollupColumn], of series: SeriesID) throws(SystemError) {
    if let last = entries.last { precondition(last.series <= series, "series must ascend") }
    let columns = columns.filter { !$0.windows.isEmpty }
    var start = 0
    while start < columns.count {
      let end = min(columns.count, start + RollupGroupWriter.columnCountMax)
      let before = pending.count
      groups.write(columns[start..<end], of: series, identity, into: &pending)
      let count = pending.count - before
      entries.append(
        RollupEntry(
          series: series,
          firstField: columns[start].field,
          lastField: columns[end - 1].field,
          byteCount: count,
          offset: byteCount
        )
      )
      byteCount += count
      start = end
      if pending.count > Self.writeBufferByteCount { try flush() }
    }
    for column in columns {
      windowCount += UInt64(column.windows.count)
      fields.insert(column.field)
    }
    if !columns.isEmpty, self.series.last != series { self.series.append(series) }
  }

  /// Completes the file and makes it durable under its name.
  ///
  /// - Parameter definitions: of every series and field in it.
  public func finish(definitions: BlockDefinitions) throws(SystemError) -> RollupFile {
    let definitionsOffset = byteCount
    append(.definitions, definitions.encoded())
    let indexOffset = byteCount
    append(.index, RollupIndex.payload(of: entries))
    let summaryOffset = byteCount
    let firsts = stride(from: 0, to: entries.count, by: RollupIndex.entriesPerPage).map {
      RollupPageFirst(series: entries[$0].series, field: entries[$0].firstField)
    }
    let summary = RollupSummary(
      definitionsOffset: definitionsOffset,
      indexOffset: indexOffset,
      entryCount: entries.count,
      windowCount: windowCount,
      pageFirsts: firsts
    )
    append(.summary, summary.payload())
    byteCount += BlockTrailer.byteCount
    BlockTrailer(fileByteCount: byteCount, summaryOffset: summaryOffset).write(into: &pending)
    try flush()
    try file.sync()
    file.close()
    try disk.rename(temporaryPath, to: Path.join(directory, identity.fileName))
    try disk.syncDirectory(directory)
    return RollupFile(identity: identity, byteCount: byteCount, windowCount: windowCount)
  }

  /// Closes and removes the temporary file, as far as the disk lets it.
  public func abandon() {
    file.close()
    try? disk.remove(temporaryPath)
  }

  private func append(_ kind: SectionHeader.Kind, _ payload: [UInt8]) {
    SectionHeader(kind: kind, payload: payload.span).write(into: &pending)
    pending.writeBytes(payload.span)
    byteCount += SectionHeader.byteCount + payload.count
  }

  private func flush() throws(SystemError) {
    guard pending.count > 0 else { return }
    try unsafe pending.withUnsafeBytes { bytes throws(SystemError) in
      unsafe try file.append([bytes])
    }
    pending.removeAll()
  }
}
