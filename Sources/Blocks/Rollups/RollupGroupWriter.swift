internal import Bytes
internal import Codecs
internal import Model

/// Encodes the windows of some columns of one series: a group of a rollup file
/// (docs/format/rollup.md, "group").
///
///     | 0 magic u32 | 4 body bytes u32 | 8 series u32 | 12 CRC32C of the body u32 |
///     | 16 CRC32C of bytes 0 ..< 16 u32 | body |
///     body := | timings: varint | windows, bytes of four chunks: varints | ... |
///             | columns: varint | field gap, type u8, timing, bytes of six chunks | ... | chunks |
///
/// Columns of one row share when their windows are and how many values they have: a timing holds
/// that once. A chunk of 0 bytes is left out: it says nothing.
struct RollupGroupWriter: ~Copyable {
  static let headByteCount = 20
  /// "VRVW".
  static let magic: UInt32 = 0x5756_5256
  /// Columns of one group: what a query of one of them reads is bounded.
  static let columnCountMax = 16

  /// When the windows of a column are, and of how many values.
  private struct Timing: Hashable {
    var numbers: [Cell]
    var counts: [Cell]
    var firsts: [Cell]
    var lasts: [Cell]

    init(_ column: RollupColumn, _ identity: RollupIdentity) {
      let unit = identity.unit.nanoseconds
      numbers = column.numbers.map { Cell($0 - identity.firstWindow) }
      counts = column.windows.map(\.count)
      firsts = zip(column.numbers, column.windows).map { Cell($1.firstTimestamp - $0 * unit) }
      lasts = zip(column.numbers, column.windows).map { Cell($1.lastTimestamp - $0 * unit) }
    }
  }

  private var encoder = ColumnEncoder(strength: .cold)
  private var chunks = OutputBuffer(reserving: 1 << 16)
  private var head = OutputBuffer(reserving: 1 << 10)

  /// Appends a group.
  ///
  /// - Parameter columns: 1 ... ``columnCountMax``, ascending by field, each with a window.
  mutating func write(
    _ columns: ArraySlice<RollupColumn>,
    of series: SeriesID,
    _ identity: RollupIdentity,
    into buffer: inout OutputBuffer
  ) {
    chunks.removeAll()
    head.removeAll()
    var timings: [Timing] = []
    let places = columns.map { column in
      let timing = Timing(column, identity)
      if let place = timings.firstIndex(of: timing) { return place }
      timings.append(timing)
      return timings.count - 1
    }
    head.writeVarint(UInt64(timings.count))
    for timing in timings {
      head.writeVarint(UInt64(timing.numbers.count))
      for cells in [timing.numbers, timing.counts, timing.firsts, timing.lasts] {
        encode(cells, .unsigned)
      }
    }
    head.writeVarint(UInt64(columns.count))
    var next: UInt32 = 0
    for (column, place) in zip(columns, places) {
      precondition(column.field.rawValue >= next, "fields must ascend")
      head.writeVarint(UInt64(column.field.rawValue - next))
      next = column.field.rawValue + 1
      head.writeByte(column.type.rawValue)
      head.writeVarint(UInt64(place))
      encode(column)
    }
    let start = buffer.count
    buffer.writeInteger(Self.magic)
    buffer.writeInteger(UInt32(head.count + chunks.count))
    buffer.writeInteger(series.rawValue)
    buffer.writeInteger(UInt32(0))
    buffer.writeInteger(UInt32(0))
    let body = buffer.count
    head.withBytes { buffer.writeBytes($0) }
    chunks.withBytes { buffer.writeBytes($0) }
    buffer.replaceInteger(buffer.checksum(from: body), at: start + 12)
    let checksum = buffer.withBytes { CRC32C.checksum($0.extracting(start..<start + 16)) }
    buffer.replaceInteger(checksum, at: start + 16)
  }

  private mutating func encode(_ column: RollupColumn) {
    let windows = column.windows
    guard column.type != .string else {
      for _ in 0..<4 { head.writeVarint(0) }
      encode(windows.map(\.first), .string, column.strings)
      encode(windows.map(\.last), .string, column.strings)
      return
    }
    let low = windows.map(\.sum.low)
    encode(low, column.type == .float ? .float : .integer)
    let high = windows.map(\.sum.high)
    let isNarrow =
      column.type == .float
      || zip(low, high).allSatisfy { $1 == Cell(bitPattern: Int64(bitPattern: $0) >> 63) }
    if isNarrow { head.writeVarint(0) } else { encode(high, .integer) }
    encode(windows.map(\.min), column.type)
    encode(windows.map(\.max), column.type)
    encode(windows.map(\.first), column.type)
    encode(windows.map(\.last), column.type)
  }

  private mutating func encode(
    _ cells: [Cell],
    _ type: ColumnType,
    _ strings: StringArena = StringArena()
  ) {
    var hint = ColumnHint()
    let start = chunks.count
    encoder.encode(cells.span, type: type, strings: strings, hint: &hint, into: &chunks)
    head.writeVarint(UInt64(chunks.count - start))
  }
}
