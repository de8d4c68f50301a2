internal import Codecs
public import Model
public import Platform

/// What is known of a chunk group's columns without decoding them.
public struct GroupStatistics: Sendable {
  /// Of columns that say what their values come to.
  public var known: [(field: FieldID, type: ColumnType, window: Window)] = []
  /// Columns that only their values tell of.
  public var unknown: [FieldID] = []

  public init() {}
}

extension BlockReader {
  /// Rows below which a group's columns say nothing of themselves, but for constants.
  public static let statisticsRowCountMin = ChunkStatistics.valueCountMin

  /// What the columns of a group say of themselves. They say it of all rows: when some are deleted
  /// every column is unknown.
  ///
  /// - Parameters:
  ///   - fields: those that the group has not are left out.
  ///   - file: the block's file by another way; `nil` for the reader's own.
  /// - Throws: ``BlockError``, when the group is damaged.
  /// - Complexity: as ``read(_:fields:range:through:statistics:)`` without the decoding.
  public func statistics(
    of entry: ChunkGroupEntry,
    fields: [FieldID],
    through file: (any ReadableFile)? = nil
  ) throws(BlockError) -> GroupStatistics {
    var window = try open(entry, through: file)
    let columns = fields.compactMap(window.directory.column)
    var result = GroupStatistics()
    guard deletedRanges(of: entry).isEmpty else {
      result.unknown = columns.map(\.field)
      return result
    }
    try window.load(columns.map(Self.statisticsRange))
    let rowCount = window.head.rowCount
    for column in columns {
      let range = Self.statisticsRange(column)
      let found = try window.withChunk(range) { start throws(BlockError) in
        try ChunkGroup.statistics(start, column, rowCount)
      }
      guard let found else {
        result.unknown.append(column.field)
        continue
      }
      let fold = Window(
        count: UInt64(rowCount),
        sum: found.sum,
        min: found.min,
        max: found.max,
        first: found.first,
        last: found.last,
        firstTimestamp: entry.firstTimestamp,
        lastTimestamp: entry.lastTimestamp
      )
      result.known.append((column.field, column.type, fold))
    }
    return result
  }

  /// The last row of a group; none when that one is deleted.
  ///
  /// - Parameter fields: in the order that the result shall have; those that the group has not are
  ///   left out.
  /// - Throws: ``BlockError``, when the group is damaged.
  /// - Complexity: as ``read(_:fields:range:through:statistics:)``; of columns that say what they
  ///   end with nothing is decoded, of others as little as their codec lets.
  public func lastRow(
    of entry: ChunkGroupEntry,
    fields: [FieldID],
    through file: (any ReadableFile)? = nil
  ) throws(BlockError) -> (row: ColumnBatch, decodedCount: Int) {
    guard !deletedRanges(of: entry).contains(where: { $0.contains(entry.lastTimestamp) }) else {
      return (ColumnBatch(), 0)
    }
    var window = try open(entry, through: file)
    let columns = fields.compactMap(window.directory.column)
    let rowCount = window.head.rowCount
    var row = ColumnBatch(timestamps: [entry.lastTimestamp])
    row.columns.reserveCapacity(columns.count)
    var decodedCount = 0
    for column in columns {
      let known = try window.withChunk(Self.statisticsRange(column)) { start throws(BlockError) in
        try ChunkGroup.statistics(start, column, rowCount)?.last
      }
      let cells: [Cell]
      if let known {
        cells = [known]
      } else {
        decodedCount += 1
        let last = rowCount - 1..<rowCount
        cells = try window.cells(column, rows: last, &row.strings) ?? []
      }
      row.columns.append(
        ColumnBatch.Column(field: column.field, type: column.type, cells: cells)
      )
    }
    return (row, decodedCount)
  }

  /// The bytes of a column's chunk that statistics may take.
  private static func statisticsRange(_ column: ChunkGroupDirectory.Column) -> Range<Int> {
    column.chunk.prefix(1 + ChunkStatistics.byteCountMax)
  }

  private func open(
    _ entry: ChunkGroupEntry,
    through file: (any ReadableFile)?
  ) throws(BlockError) -> GroupWindow {
    let window = try GroupWindow(file ?? self.file, entry, isVerified: isVerified(entry))
    if window.wasVerified { markVerified(entry) }
    return window
  }
}
