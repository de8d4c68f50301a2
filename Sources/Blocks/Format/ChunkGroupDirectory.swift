internal import Bytes
internal import Model

/// The variable part of a group's head: which columns there are and where their chunks lie.
struct ChunkGroupDirectory {
  struct Column: Equatable {
    var field: FieldID
    var type: ColumnType
    /// Byte range in the group.
    var chunk: Range<Int>
  }

  /// Byte range in the group.
  var timestamps: Range<Int>
  /// Ascending by field id.
  var columns: [Column]

  /// Reads the directory of a group.
  ///
  /// - Parameter bytes: from the group's first byte to at least its head's end.
  init(_ head: ChunkGroupHead, _ bytes: Span<UInt8>) throws(BlockError) {
    guard bytes.count >= head.headByteCount else { throw .truncated(.group) }
    var reader = ByteReader(
      bytes.extracting(ChunkGroupHead.fixedByteCount..<head.headByteCount)
    )
    var fields: [(field: FieldID, type: ColumnType)] = []
    fields.reserveCapacity(head.columnCount)
    var next: UInt64 = 0
    while fields.count < head.columnCount {
      guard let gap = reader.readVarint(), let count = reader.readVarint(),
        let typeCode = reader.readByte()
      else { throw .truncated(.group) }
      guard let type = ColumnType(rawValue: typeCode), count >= 1,
        count <= UInt64(head.columnCount - fields.count), gap <= UInt64(UInt32.max)
      else { throw .malformed(.group) }
      next += gap
      guard next + count <= UInt64(UInt32.max) + 1 else { throw .malformed(.group) }
      for id in next..<next + count { fields.append((FieldID(UInt32(id)), type)) }
      next += count
    }

    var offset = head.headByteCount
    func range(of byteCount: UInt64?) throws(BlockError) -> Range<Int> {
      guard let byteCount else { throw .truncated(.group) }
      guard byteCount >= 1, byteCount <= UInt64(head.byteCount - offset) else {
        throw .malformed(.group)
      }
      defer { offset += Int(byteCount) }
      return offset..<offset + Int(byteCount)
    }
    timestamps = try range(of: reader.readVarint())
    columns = []
    columns.reserveCapacity(fields.count)
    for (field, type) in fields {
      let chunk = try range(of: reader.readVarint())
      columns.append(Column(field: field, type: type, chunk: chunk))
    }
    guard reader.remaining == 0, offset == head.byteCount else { throw .malformed(.group) }
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

  /// The column of `field`, by binary search.
  func column(of field: FieldID) -> Column? {
    var low = 0
    var high = columns.count
    while low < high {
      let middle = (low + high) / 2
      if columns[middle].field < field { low = middle + 1 } else { high = middle }
    }
    return low < columns.count && columns[low].field == field ? columns[low] : nil
  }
}
