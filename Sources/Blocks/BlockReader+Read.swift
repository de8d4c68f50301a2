internal import Bytes
internal import Codecs
public import Model
public import Platform

/// What reading groups cost: for the statistics of a query's answer.
public struct ReadStatistics: Hashable, Sendable {
  /// Column chunks decoded; timestamps apart.
  public var chunksDecoded = 0
  public var groupsRead = 0
  public var bytesRead = 0

  public init() {}
}

extension BlockReader {
  /// Bytes read ahead at the start of a group: the head of all but the widest ones, timestamps and
  /// columns of narrow ones.
  static let headReadByteCount = 8 << 10
  /// Wanted columns that lie so close together are read in one piece with what is between them.
  static let gapByteCountMax = 16 << 10

  /// Reads rows of one group in `range`, decoding the wanted columns and no others.
  ///
  /// - Parameters:
  ///   - entry: from this reader.
  ///   - fields: in the order that the result shall have; those that the group has not are left
  ///     out. `nil` is all of them.
  ///   - range: rows outside it are cut off; when none is left, no column is decoded.
  ///   - file: the block's file by another way; `nil` for the reader's own.
  ///   - statistics: counted up.
  ///   - claim: told how many bytes of strings a column adds before they are decoded; when it says
  ///     no, the result is empty.
  /// - Throws: ``BlockError``, when the group or a wanted chunk in it is damaged.
  /// - Complexity: the first touch reads the group and verifies its checksum; later ones read the
  ///   head and the wanted chunks. Decoding costs 1 to 10 ns a value. Of strings only those of the
  ///   rows are copied, and of a group beyond ``GroupWindow/wholeByteCountMax`` read.
  public func read(
    _ entry: ChunkGroupEntry,
    fields: [FieldID]?,
    range: TimeRange,
    through file: (any ReadableFile)? = nil,
    statistics: inout ReadStatistics,
    claim: (Int) -> Bool = { _ in true }
  ) throws(BlockError) -> ColumnBatch {
    guard range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) else {
      return ColumnBatch()
    }
    let deleted = deletedRanges(of: entry)
    if Self.isWholly(entry, in: deleted) { return ColumnBatch() }
    statistics.groupsRead += 1
    var window = try GroupWindow(file ?? self.file, entry, isVerified: isVerified(entry))
    if window.wasVerified { markVerified(entry) }

    let head = window.head
    let directory = window.directory
    let timestamps = try window.withChunk(directory.timestamps) { chunk throws(BlockError) in
      try ChunkGroup.timestamps(chunk, count: head.rowCount)
    }
    guard timestamps[0] == entry.firstTimestamp,
      timestamps[timestamps.count - 1] == entry.lastTimestamp
    else { throw .mismatch(.group) }
    let rows =
      timestamps.lowerBound { $0 < range.start }..<timestamps.lowerBound { $0 < range.end }
    guard !rows.isEmpty else {
      statistics.bytesRead += window.bytesRead
      return ColumnBatch()
    }

    let kept =
      deleted.isEmpty
      ? nil
      : rows.filter { row in
        !deleted.contains { $0.contains(timestamps[row]) }
      }
    if let kept, kept.isEmpty {
      statistics.bytesRead += window.bytesRead
      return ColumnBatch()
    }

    let wanted = fields.map { $0.compactMap(directory.column) } ?? directory.columns
    let whole = wanted.filter { !GroupWindow.isReadInPart($0) }
    try window.load(whole.map(\.chunk))
    var batch = ColumnBatch(
      timestamps: kept.map { $0.map { timestamps[$0] } } ?? trimmed(timestamps, rows)
    )
    batch.columns.reserveCapacity(wanted.count)
    for column in wanted {
      guard let cells = try window.cells(column, rows: rows, &batch.strings, claim) else {
        statistics.bytesRead += window.bytesRead
        return ColumnBatch()
      }
      batch.columns.append(
        ColumnBatch.Column(
          field: column.field,
          type: column.type,
          cells: kept.map { $0.map { cells[$0 - rows.lowerBound] } } ?? cells
        )
      )
    }
    statistics.chunksDecoded += wanted.count
    statistics.bytesRead += window.bytesRead
    return batch
  }

  /// The same for a caller that does not count.
  public func read(
    _ entry: ChunkGroupEntry,
    fields: [FieldID]?,
    range: TimeRange
  ) throws(BlockError) -> ColumnBatch {
    var statistics = ReadStatistics()
    return try read(entry, fields: fields, range: range, statistics: &statistics)
  }

  private func trimmed<Element>(_ elements: [Element], _ rows: Range<Int>) -> [Element] {
    rows.count == elements.count ? elements : Array(elements[rows])
  }
}
