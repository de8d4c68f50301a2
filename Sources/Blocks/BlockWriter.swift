internal import Bytes
public import Codecs
public import Model
public import Platform

/// Writes one block: groups as they come, then definitions, index, summary and trailer
/// (docs/format/block.md).
///
/// The file grows under a temporary name; ``finish(definitions:ledger:)`` syncs it, gives it its
/// name and syncs the folder, so that a crash leaves either the whole block or a temporary file to
/// ignore. Holds one group, ``writeBufferByteCount`` bytes of finished ones and 40 bytes a group in
/// memory, never the block.
///
/// Groups come in ascending order of their series. Where two groups of a block hold the same
/// series, field and timestamp, the later group wins: within a series the order is the caller's
/// statement of what replaces what.
///
/// One thread. After a thrown error only ``abandon()`` makes sense.
public struct BlockWriter: ~Copyable {
  /// Bytes of finished groups that wait for one write.
  public static let writeBufferByteCount = 1 << 20
  /// Cells of one group, timestamps among them: bounds the memory of writing and of reading one.
  public static let cellCountMax = 4 << 20

  /// Bytes of strings of one group, beyond its first row: the callers see to it, and long strings
  /// make small groups. Bounds the memory of writing, of merging and of reading one.
  public static let textByteCountMax = 16 << 20

  /// The most rows that a group of so many columns may have; the caller starts another one.
  public static func rowCountMax(columnCount: Int) -> Int {
    min(Int(UInt16.max), cellCountMax / (columnCount + 1))
  }

  public let identity: BlockIdentity
  private let disk: any Disk
  private let directory: String
  private let file: any AppendFile
  private let temporaryPath: String
  /// Bytes that are in the file or in `pending`.
  private var byteCount: Int
  private var pending: OutputBuffer
  private var index: BlockIndexWriter
  private var group: GroupWriter
  private var lastSeries: SeriesID?

  /// Creates the temporary file, over one that a crash left behind.
  ///
  /// - Parameters:
  ///   - directory: the partition's folder of blocks, which exists.
  ///   - strength: of its chunks: `head` at a cut, others when blocks are merged.
  public init(
    disk: any Disk,
    directory: String,
    identity: BlockIdentity,
    strength: ChunkStrength = .head
  ) throws(SystemError) {
    let temporaryPath = Path.join(directory, identity.fileName) + Self.temporarySuffix
    let file = try disk.append(to: temporaryPath)
    if file.byteCount > 0 { try file.truncate(to: 0) }
    self.disk = disk
    self.directory = directory
    self.identity = identity
    self.temporaryPath = temporaryPath
    self.file = file
    index = BlockIndexWriter()
    group = GroupWriter(strength: strength)
    pending = OutputBuffer(reserving: Self.writeBufferByteCount)
    byteCount = BlockIdentity.byteCount
    identity.write(into: &pending)
  }

  static let temporarySuffix = ".tmp"

  /// Starts a group: rows of one series and field set.
  ///
  /// - Parameters:
  ///   - series: not before the series of the last group.
  ///   - fields: the columns in the order in which they will be appended: ascending ids, 1 or more.
  ///     Must be the same each time that `fieldSet` is named.
  ///   - timestamps: strictly ascending, 1 ... ``rowCountMax(columnCount:)``.
  ///   - isLate: whether the rows came behind their series' last sealed timestamp.
  public mutating func beginGroup(
    series: SeriesID,
    fieldSet: FieldSetID,
    fields: [(field: FieldID, type: ColumnType)],
    timestamps: Span<Timestamp>,
    isLate: Bool
  ) {
    precondition(timestamps.count <= Self.rowCountMax(columnCount: fields.count))
    if let lastSeries { precondition(lastSeries <= series, "groups must ascend by series") }
    lastSeries = series
    group.begin(series, fieldSet, fields, timestamps, isLate: isLate)
  }

  /// Encodes the next column of the open group.
  ///
  /// - Parameters:
  ///   - cells: as many as the group has timestamps.
  ///   - type: that of the next field.
  ///   - strings: behind the cells of a string column.
  public mutating func appendColumn(
    _ cells: Span<Cell>,
    type: ColumnType,
    strings: StringArena = StringArena()
  ) {
    group.append(cells, type: type, strings: strings)
  }

  /// Encodes the next column of the open group, a held one of a tile with the group's rows.
  public mutating func appendColumn(
    _ tile: borrowing IntegerTile,
    column: Int,
    type: ColumnType
  ) {
    group.append(tile, column: column, type: type)
  }

  /// Completes the group; all its columns have been appended.
  public mutating func endGroup() throws(SystemError) {
    let entry = group.end(ordinal: index.entryCount, offset: byteCount)
    index.append(entry, columnCount: group.columnCount)
    byteCount += entry.byteCount
    if pending.count + entry.byteCount > Self.writeBufferByteCount { try flush() }
    if entry.byteCount > Self.writeBufferByteCount {
      try group.write(to: file)
    } else {
      group.write(into: &pending)
    }
  }

  /// Appends a group as it lies in another block: between groups, like ``beginGroup`` to
  /// ``endGroup()``.
  ///
  /// - Parameters:
  ///   - group: read and checked.
  ///   - entry: of it, in its block's index.
  mutating func copy(_ group: ChunkGroup, _ entry: ChunkGroupEntry) throws(SystemError) {
    precondition(group.head.matches(entry))
    if let lastSeries { precondition(lastSeries <= entry.series, "groups must ascend by series") }
    lastSeries = entry.series
    var entry = entry
    entry.ordinal = index.entryCount
    entry.offset = byteCount
    index.append(entry, columnCount: group.head.columnCount)
    byteCount += entry.byteCount
    if pending.count + entry.byteCount > Self.writeBufferByteCount { try flush() }
    if entry.byteCount > Self.writeBufferByteCount {
      try group.write(to: file)
    } else {
      group.write(into: &pending)
    }
  }

  /// Completes the file and makes it durable under its name.
  ///
  /// - Parameters:
  ///   - definitions: of every series, field and field set in the block.
  ///   - ledger: the partition's totals as of this cut, all tenants.
  public consuming func finish(
    definitions: BlockDefinitions,
    ledger: [LedgerEntry]
  ) throws(SystemError) -> BlockSummary {
    precondition(definitions.tenant == identity.tenant)
    let definitionsOffset = byteCount
    append(.definitions, DefinitionsWriter.payload(of: definitions))
    let indexOffset = byteCount
    append(.index, index.finish())
    let summaryOffset = byteCount

    var footer = BlockFooter(
      summary: BlockSummary(
        identity: identity,
        byteCount: 0,
        groupCount: index.entryCount,
        rowCount: index.rowCount,
        pointCount: index.pointCount,
        firstTimestamp: index.firstTimestamp,
        lastTimestamp: index.lastTimestamp
      ),
      definitions: definitionsOffset..<indexOffset,
      indexOffset: indexOffset,
      pageFirstSeries: index.pageFirstSeries,
      ledger: ledger
    )
    // Every field before the ledger is of fixed width: the payload's size is known beforehand.
    footer.summary.byteCount =
      summaryOffset + SectionHeader.byteCount + footer.payload().count + BlockTrailer.byteCount
    append(.summary, footer.payload())
    BlockTrailer(fileByteCount: footer.summary.byteCount, summaryOffset: summaryOffset)
      .write(into: &pending)

    try flush()
    try file.sync()
    file.close()
    try disk.rename(temporaryPath, to: Path.join(directory, identity.fileName))
    try disk.syncDirectory(directory)
    return footer.summary
  }

  /// Closes and removes the temporary file, as far as the disk lets it.
  public consuming func abandon() {
    file.close()
    // What stays is ignored at the next start, like after a crash.
    _ = try? disk.remove(temporaryPath)
  }

  private mutating func append(_ kind: SectionHeader.Kind, _ payload: [UInt8]) {
    SectionHeader(kind: kind, payload: payload.span).write(into: &pending)
    pending.writeBytes(payload.span)
    byteCount += SectionHeader.byteCount + payload.count
  }

  private mutating func flush() throws(SystemError) {
    guard pending.count > 0 else { return }
    try unsafe pending.withUnsafeBytes { bytes throws(SystemError) in
      unsafe try file.append([bytes])
    }
    pending.removeAll()
  }
}
