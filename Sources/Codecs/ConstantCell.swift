internal import Bytes
internal import Model

/// A chunk of one value, 1 to 9 bytes (docs/format/chunk.md, "constant"): the most common column of
/// a host's metrics.
///
/// The payload is the value's significant bytes, as many as the chunk is long. A float drops the
/// zero bytes at its low end (0 is no byte, 100 is two); an integer of either kind is zigzagged as
/// if it were signed and drops those at its high end, and so does a boolean. So the last byte is
/// never 0, and each value has one form.
enum ConstantCell {
  static func encode(_ cell: Cell, type: ColumnType, into buffer: inout OutputBuffer) {
    buffer.writeByte(ChunkCodec.constant.rawValue)
    var rest = lowEndFirst(cell, type)
    while rest != 0 {
      buffer.writeByte(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  static func decode(
    _ payload: Span<UInt8>,
    type: ColumnType,
    into words: Words
  ) throws(ChunkError) {
    guard payload.count <= 8 else { throw .trailing }
    var value: UInt64 = 0
    for index in payload.indices { value |= UInt64(payload[index]) << UInt64(8 * index) }
    if payload.count > 0, payload[payload.count - 1] == 0 { throw .malformed(.constant) }
    if type == .boolean, value > 1 { throw .malformed(.constant) }
    let cell: Cell
    switch type {
    case .float: cell = value.byteSwapped
    case .integer, .unsigned: cell = UInt64(bitPattern: ZigZag.decode(value))
    case .boolean, .string: cell = value
    }
    words.fill(cell)
  }

  /// The cell with the bytes that are most often 0 moved to its high end.
  private static func lowEndFirst(_ cell: Cell, _ type: ColumnType) -> UInt64 {
    switch type {
    case .float: cell.byteSwapped
    case .integer, .unsigned: ZigZag.encode(Int64(bitPattern: cell))
    case .boolean, .string: cell
    }
  }

  /// Whether all of `cells`, one or more, are the same bits.
  static func isConstant(_ cells: Span<Cell>) -> Bool {
    let first = cells[0]
    // Most columns that change do so soon.
    var index = 1
    let near = min(8, cells.count)
    while index < near {
      if unsafe cells[unchecked: index] != first { return false }
      index &+= 1
    }
    var difference: UInt64 = 0
    while index < cells.count {
      difference |= unsafe cells[unchecked: index] ^ first
      index &+= 1
    }
    return difference == 0
  }
}
