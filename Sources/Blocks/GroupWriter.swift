internal import Bytes
internal import Codecs
internal import Model
internal import Platform

/// Builds one chunk group in memory, reusing its buffers from group to group.
struct GroupWriter: ~Copyable {
  /// The fixed head.
  private var head = OutputBuffer(reserving: ChunkGroupHead.fixedByteCount)
  /// Field runs and chunk lengths.
  private var directory = OutputBuffer()
  /// Timestamps chunk and column chunks.
  private var chunks = OutputBuffer(reserving: 256 << 10)
  private var chunkByteCounts: [Int] = []
  private var timestampEncoder: TimestampEncoder
  private var columnEncoder: ColumnEncoder
  /// What the columns of a field set were last encoded as: the series of a block are much alike.
  private var hints: [FieldSetID: [ColumnHint]] = [:]
  private var openHints: [ColumnHint] = []
  /// Encoded field runs of the field sets seen so far, for a set of 2,000 fields comes again with
  /// every series.
  private var runs: [FieldSetID: [UInt8]] = [:]

  private var series = SeriesID(0)
  private var fieldSet = FieldSetID(0)
  private var timestamps: (first: Timestamp, last: Timestamp) = (0, 0)
  private var rowCount = 0
  private var fields: [(field: FieldID, type: ColumnType)] = []
  private var isLate = false
  private var isOpen = false

  /// Hints that are kept; beyond it all are forgotten.
  private static let hintCountMax = 1 << 18
  private var hintCount = 0

  init(strength: ChunkStrength) {
    timestampEncoder = TimestampEncoder(strength: strength)
    columnEncoder = ColumnEncoder(strength: strength)
  }

  var columnCount: Int { fields.count }

  mutating func begin(
    _ series: SeriesID,
    _ fieldSet: FieldSetID,
    _ fields: [(field: FieldID, type: ColumnType)],
    _ timestamps: Span<Timestamp>,
    isLate: Bool
  ) {
    precondition(!isOpen, "the last group was not ended")
    precondition(fields.count >= 1)
    precondition(fields.count <= Limits.fieldsPerRowMax)
    precondition(timestamps.count >= 1)
    isOpen = true
    self.series = series
    self.fieldSet = fieldSet
    self.timestamps = (timestamps[0], timestamps[timestamps.count - 1])
    self.isLate = isLate
    rowCount = timestamps.count
    self.fields = fields
    if runs[fieldSet] == nil {
      var buffer = OutputBuffer()
      ChunkGroupDirectory.writeRuns(of: fields, into: &buffer)
      runs[fieldSet] = buffer.array()
    }
    openHints = hints.removeValue(forKey: fieldSet) ?? []
    if openHints.count != fields.count {
      openHints = Array(repeating: ColumnHint(), count: fields.count)
    } else {
      hintCount -= fields.count
    }
    chunks.removeAll()
    chunkByteCounts.removeAll(keepingCapacity: true)
    timestampEncoder.encode(timestamps, into: &chunks)
    chunkByteCounts.append(chunks.count)
  }

  mutating func append(_ cells: Span<Cell>, type: ColumnType, strings: StringArena) {
    precondition(isOpen)
    precondition(cells.count == rowCount)
    precondition(chunkByteCounts.count <= columnCount, "more columns than fields")
    precondition(type == fields[chunkByteCounts.count - 1].type)
    let start = chunks.count
    columnEncoder.encode(
      cells,
      type: type,
      strings: strings,
      hint: &openHints[chunkByteCounts.count - 1],
      into: &chunks
    )
    chunkByteCounts.append(chunks.count - start)
  }

  /// The same for a held column of a tile.
  mutating func append(_ tile: borrowing IntegerTile, column: Int, type: ColumnType) {
    precondition(isOpen)
    precondition(tile.rowCount == rowCount)
    precondition(chunkByteCounts.count <= columnCount, "more columns than fields")
    precondition(type == fields[chunkByteCounts.count - 1].type)
    let start = chunks.count
    columnEncoder.encode(
      tile,
      column: column,
      type: type,
      hint: &openHints[chunkByteCounts.count - 1],
      into: &chunks
    )
    chunkByteCounts.append(chunks.count - start)
  }

  /// Completes the group.
  mutating func end(ordinal: Int, offset: Int) -> ChunkGroupEntry {
    precondition(isOpen)
    precondition(chunkByteCounts.count == 1 + columnCount, "a column is missing")
    isOpen = false
    if hintCount + openHints.count > Self.hintCountMax {
      hints.removeAll()
      hintCount = 0
    }
    hintCount += openHints.count
    hints[fieldSet] = openHints
    openHints = []
    directory.removeAll()
    directory.writeBytes((runs[fieldSet] ?? [])[...])
    for byteCount in chunkByteCounts { directory.writeVarint(UInt64(byteCount)) }
    let headByteCount = ChunkGroupHead.fixedByteCount + directory.count
    let byteCount = headByteCount + chunks.count
    precondition(byteCount <= Int(UInt32.max), "a group of 4 GiB")
    let checksum = directory.checksum(from: 0)
    head.removeAll()
    ChunkGroupHead(
      series: series,
      fieldSet: fieldSet,
      rowCount: rowCount,
      columnCount: columnCount,
      isLate: isLate,
      headByteCount: headByteCount,
      byteCount: byteCount,
      bodyChecksum: chunks.withBytes { CRC32C.checksum($0, continuing: checksum) }
    ).write(into: &head)
    return ChunkGroupEntry(
      ordinal: ordinal,
      series: series,
      fieldSet: fieldSet,
      firstTimestamp: timestamps.first,
      lastTimestamp: timestamps.last,
      offset: offset,
      byteCount: byteCount,
      rowCount: rowCount,
      isLate: isLate
    )
  }

  /// Appends the completed group.
  func write(into buffer: inout OutputBuffer) {
    head.withBytes { buffer.writeBytes($0) }
    directory.withBytes { buffer.writeBytes($0) }
    chunks.withBytes { buffer.writeBytes($0) }
  }

  /// Appends the completed group to a file without copying it.
  func write(to file: any AppendFile) throws(SystemError) {
    try unsafe head.withUnsafeBytes { head throws(SystemError) in
      try unsafe directory.withUnsafeBytes { directory throws(SystemError) in
        try unsafe chunks.withUnsafeBytes { chunks throws(SystemError) in
          unsafe try file.append([head, directory, chunks])
        }
      }
    }
  }
}
