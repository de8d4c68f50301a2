internal import Bytes
public import Model

/// A chunk group as the block's index names it, 40 bytes (docs/format/block.md, "index"):
///
///     | 0 series u32 | 4 field set u32 | 8 first timestamp i64, ns | 16 last timestamp i64, ns |
///     | 24 offset u64 | 32 bytes u32 | 36 rows u16 | 38 flags u8: 1 late | 39 zero u8 |
public struct ChunkGroupEntry: Hashable, Sendable {
  static let byteCount = 40
  static let lateFlag: UInt8 = 1

  /// The group's number in its block, in file order.
  public internal(set) var ordinal: Int
  public var series: SeriesID
  public var fieldSet: FieldSetID
  /// Inclusive, both.
  public var firstTimestamp: Timestamp
  public var lastTimestamp: Timestamp
  /// Where in the file the group is.
  public var offset: Int
  public var byteCount: Int
  public var rowCount: Int
  /// Rows that came behind their series' last sealed timestamp: they may overlap other groups.
  public var isLate: Bool

  func write(into buffer: inout OutputBuffer) {
    buffer.writeInteger(series.rawValue)
    buffer.writeInteger(fieldSet.rawValue)
    buffer.writeInteger(firstTimestamp)
    buffer.writeInteger(lastTimestamp)
    buffer.writeInteger(UInt64(offset))
    buffer.writeInteger(UInt32(byteCount))
    buffer.writeInteger(UInt16(rowCount))
    buffer.writeByte(isLate ? Self.lateFlag : 0)
    buffer.writeByte(0)
  }

  /// Reads an entry of a page whose checksum held; `nil` when it cannot be one.
  init?(_ reader: inout ByteReader, ordinal: Int) {
    guard
      let series = reader.readInteger(UInt32.self), let fieldSet = reader.readInteger(UInt32.self),
      let first = reader.readInteger(Int64.self), let last = reader.readInteger(Int64.self),
      let offset = reader.readInteger(UInt64.self), let byteCount = reader.readInteger(UInt32.self),
      let rowCount = reader.readInteger(UInt16.self), let flags = reader.readByte(),
      reader.readByte() != nil
    else { return nil }
    guard first >= 0, first <= last, rowCount >= 1, offset <= UInt64(Int64.max) / 2 else {
      return nil
    }
    self.init(
      ordinal: ordinal,
      series: SeriesID(series),
      fieldSet: FieldSetID(fieldSet),
      firstTimestamp: first,
      lastTimestamp: last,
      offset: Int(offset),
      byteCount: Int(byteCount),
      rowCount: Int(rowCount),
      isLate: flags & Self.lateFlag != 0
    )
  }

  init(
    ordinal: Int,
    series: SeriesID,
    fieldSet: FieldSetID,
    firstTimestamp: Timestamp,
    lastTimestamp: Timestamp,
    offset: Int,
    byteCount: Int,
    rowCount: Int,
    isLate: Bool
  ) {
    self.ordinal = ordinal
    self.series = series
    self.fieldSet = fieldSet
    self.firstTimestamp = firstTimestamp
    self.lastTimestamp = lastTimestamp
    self.offset = offset
    self.byteCount = byteCount
    self.rowCount = rowCount
    self.isLate = isLate
  }

  /// "series 7 1700000000000000000 ... 1700000059000000000": how damages name what is lost.
  var range: String { "series \(series.rawValue) \(firstTimestamp) ... \(lastTimestamp)" }
}
