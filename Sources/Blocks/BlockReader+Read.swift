internal import Bytes
internal import Codecs
public import Model
internal import Platform

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
  ///   - statistics: counted up.
  /// - Throws: ``BlockError``, when the group or a wanted chunk in it is damaged.
  /// - Complexity: the first touch reads the group and verifies its checksum; later ones read the
  ///   head and the wanted chunks. Decoding costs 1 to 10 ns a value.
  public func read(
    _ entry: ChunkGroupEntry,
    fields: [FieldID]?,
    range: TimeRange,
    statistics: inout ReadStatistics
  ) throws(BlockError) -> ColumnBatch {
    guard range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) else {
      return ColumnBatch()
    }
    let deleted = deletedRanges(of: entry.series, before: Offset(.max)).filter {
      $0.meets(first: entry.firstTimestamp, last: entry.lastTimestamp)
    }
    statistics.groupsRead += 1
    var window = try GroupWindow(file, entry, isVerified: isVerified(entry))
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
    try window.load(wanted.map(\.chunk))
    var batch = ColumnBatch(
      timestamps: kept.map { $0.map { timestamps[$0] } } ?? trimmed(timestamps, rows)
    )
    batch.columns.reserveCapacity(wanted.count)
    for column in wanted {
      let cells = try window.withChunk(column.chunk) { chunk throws(BlockError) in
        try ChunkGroup.cells(chunk, column, head.rowCount, &batch.strings)
      }
      batch.columns.append(
        ColumnBatch.Column(
          field: column.field,
          type: column.type,
          cells: kept.map { $0.map { cells[$0] } } ?? trimmed(cells, rows)
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

/// The parts of one group that were read so far.
private struct GroupWindow {
  let head: ChunkGroupHead
  let directory: ChunkGroupDirectory
  /// Whether the checksum of the whole group was verified here.
  let wasVerified: Bool
  private(set) var bytesRead: Int
  private let file: any ReadableFile
  private let groupOffset: Int
  /// Pieces of the group: where each begins in it, and its bytes.
  private var pieces: [(start: Int, bytes: [UInt8])]

  init(
    _ file: any ReadableFile,
    _ entry: ChunkGroupEntry,
    isVerified: Bool
  ) throws(BlockError) {
    let count =
      isVerified ? min(entry.byteCount, BlockReader.headReadByteCount) : entry.byteCount
    var start = try file.bytes(at: entry.offset, count)
    let head: ChunkGroupHead
    let directory: ChunkGroupDirectory
    if isVerified {
      head = try ChunkGroupHead(start.span)
      if head.headByteCount > start.count, head.matches(entry) {
        let rest = head.headByteCount - start.count
        start += try file.bytes(at: entry.offset + start.count, rest)
      }
      directory = try ChunkGroupDirectory(head, start.span)
    } else {
      let group = try ChunkGroup(start)
      head = group.head
      directory = group.directory
    }
    guard head.matches(entry) else { throw .mismatch(.group) }
    self.head = head
    self.directory = directory
    self.file = file
    groupOffset = entry.offset
    wasVerified = !isVerified
    bytesRead = start.count
    pieces = [(0, start)]
  }

  /// Reads those of `chunks` that are not there yet, near ones together.
  mutating func load(_ chunks: [Range<Int>]) throws(BlockError) {
    var missing = chunks.filter { !holds($0) }
    missing.sort { $0.lowerBound < $1.lowerBound }
    var index = 0
    while index < missing.count {
      var span = missing[index]
      index += 1
      while index < missing.count,
        missing[index].lowerBound - span.upperBound <= BlockReader.gapByteCountMax
      {
        span = span.lowerBound..<max(span.upperBound, missing[index].upperBound)
        index += 1
      }
      let bytes = try file.bytes(at: groupOffset + span.lowerBound, span.count)
      bytesRead += bytes.count
      pieces.append((span.lowerBound, bytes))
    }
  }

  private func holds(_ chunk: Range<Int>) -> Bool { piece(of: chunk) != nil }

  private func piece(of chunk: Range<Int>) -> Int? {
    pieces.firstIndex { piece in
      chunk.lowerBound >= piece.start && chunk.upperBound <= piece.start + piece.bytes.count
    }
  }

  /// Lends a chunk, reading it when it is not there yet.
  mutating func withChunk<Result>(
    _ chunk: Range<Int>,
    _ body: (Span<UInt8>) throws(BlockError) -> Result
  ) throws(BlockError) -> Result {
    if !holds(chunk) { try load([chunk]) }
    guard let index = piece(of: chunk) else { throw .truncated(.group) }
    let piece = pieces[index]
    let start = chunk.lowerBound - piece.start
    return try body(piece.bytes.span.extracting(start..<start + chunk.count))
  }
}
