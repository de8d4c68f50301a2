internal import Bytes
internal import Model

/// The variable part of a group's head: which columns there are and where their chunks lie.
///
/// Kept as runs of fields and the ends of chunks, for a group of 2,000 columns is often read for
/// two of them.
struct ChunkGroupDirectory {
  struct Column: Equatable {
    var field: FieldID
    var type: ColumnType
    /// Byte range in the group.
    var chunk: Range<Int>
  }

  /// Consecutive field ids of one type.
  private struct Run {
    /// Of the first field.
    var id: UInt64
    var column: Int
    var count: Int
    var type: ColumnType
  }

  private var runs: [Run] = []
  /// Where each chunk ends in the group: that of the timestamps, then that of each column.
  private var ends: [UInt32] = []
  private let chunksStart: Int

  /// Reads the directory of a group.
  ///
  /// - Parameter bytes: from the group's first byte to at least its head's end.
  init(_ head: ChunkGroupHead, _ bytes: Span<UInt8>) throws(BlockError) {
    guard bytes.count >= head.headByteCount else { throw .truncated(.group) }
    chunksStart = head.headByteCount
    var reader = ByteReader(
      bytes.extracting(ChunkGroupHead.fixedByteCount..<head.headByteCount)
    )
    try readRuns(&reader, columnCount: head.columnCount)
    try readEnds(&reader, head)
    guard reader.remaining == 0 else { throw .malformed(.group) }
  }

  private mutating func readRuns(
    _ reader: inout ByteReader,
    columnCount: Int
  ) throws(BlockError) {
    var next: UInt64 = 0
    var column = 0
    while column < columnCount {
      guard let gap = reader.readVarint(), let count = reader.readVarint(),
        let typeCode = reader.readByte()
      else { throw .truncated(.group) }
      guard let type = ColumnType(rawValue: typeCode), count >= 1,
        count <= UInt64(columnCount - column), gap <= UInt64(UInt32.max),
        next + gap + count <= UInt64(UInt32.max) + 1
      else { throw .malformed(.group) }
      runs.append(Run(id: next + gap, column: column, count: Int(count), type: type))
      next += gap + count
      column += Int(count)
    }
  }

  private mutating func readEnds(
    _ reader: inout ByteReader,
    _ head: ChunkGroupHead
  ) throws(BlockError) {
    ends.reserveCapacity(1 + head.columnCount)
    var end = UInt64(head.headByteCount)
    let limit = UInt64(head.byteCount)
    for _ in 0...head.columnCount {
      guard let byteCount = reader.readVarint() else { throw .truncated(.group) }
      guard byteCount >= 1, byteCount <= limit - end else { throw .malformed(.group) }
      end += byteCount
      // A group has less than 4 GiB.
      ends.append(UInt32(truncatingIfNeeded: end))
    }
    guard end == limit else { throw .malformed(.group) }
  }

  /// Appends the field runs of `fields`, ascending by id and distinct.
  static func writeRuns(
    of fields: [(field: FieldID, type: ColumnType)],
    into buffer: inout OutputBuffer
  ) {
    var index = 0
    var end: UInt64 = 0
    while index < fields.count {
      let first = fields[index]
      let id = UInt64(first.field.rawValue)
      precondition(id >= end, "fields must ascend and be distinct")
      var count: UInt64 = 1
      while index + Int(count) < fields.count,
        UInt64(fields[index + Int(count)].field.rawValue) == id + count,
        fields[index + Int(count)].type == first.type
      {
        count += 1
      }
      buffer.writeVarint(id - end)
      buffer.writeVarint(count)
      buffer.writeByte(first.type.rawValue)
      end = id + count
      index += Int(count)
    }
  }

  /// Byte range of the timestamps chunk in the group.
  var timestamps: Range<Int> { chunksStart..<Int(ends[0]) }

  /// All columns, ascending by field id.
  var columns: [Column] {
    var columns: [Column] = []
    columns.reserveCapacity(ends.count - 1)
    for run in runs {
      for index in 0..<run.count { columns.append(column(at: index, of: run)) }
    }
    return columns
  }

  /// The column of `field`, by binary search.
  func column(of field: FieldID) -> Column? {
    let id = UInt64(field.rawValue)
    let next = runs.lowerBound { $0.id <= id }
    guard next > 0 else { return nil }
    let run = runs[next - 1]
    let index = Int(id - run.id)
    return index < run.count ? column(at: index, of: run) : nil
  }

  private func column(at index: Int, of run: Run) -> Column {
    let column = run.column + index
    return Column(
      field: FieldID(UInt32(truncatingIfNeeded: run.id + UInt64(index))),
      type: run.type,
      chunk: Int(ends[column])..<Int(ends[column + 1])
    )
  }
}
