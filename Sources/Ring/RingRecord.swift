internal import Bytes
internal import Model

/// Bytes of a slot file (docs/format/ring.md).
///
///     slot   := | header, 64 bytes | record or pad ... |
///     header := | magic "VRVS" u32 | version u8 | zero u8 | partition u16 | hour i64 |
///               | zero, 44 bytes | CRC32C of bytes 0 ..< 60 u32 |
///     record := | magic "VRVW" u32 | series u32 | minute i64 | cut u64 | body bytes u32 |
///               | CRC32C of bytes 0 ..< 28 and of the body u32 | body | zeros to 8 bytes |
///     pad    := | magic "VRVP" u32 | bytes from here to the next record u32 |
///
/// A record lies within one mapped extent; a pad leads over the rest of an extent that is too small.
enum SlotLayout {
  static let headerMagic: UInt32 = 0x5356_5256
  static let recordMagic: UInt32 = 0x5756_5256
  static let padMagic: UInt32 = 0x5056_5256
  static let version: UInt8 = 1
  static let headerByteCount = 64
  static let recordHeadByteCount = 32
  static let alignment = 8
  static let pageByteCount = 4096

  /// Bytes of a record in the slot, padding included.
  static func recordByteCount(body: Int) -> Int {
    (recordHeadByteCount + body + alignment - 1) / alignment * alignment
  }

  static func header(partition: PartitionID, hour: Int64) -> [UInt8] {
    var writer = ByteWriter(reserving: headerByteCount)
    writer.writeInteger(headerMagic)
    writer.writeByte(version)
    writer.writeByte(0)
    writer.writeInteger(partition.rawValue)
    writer.writeInteger(hour)
    writer.writeBytes(Array(repeating: 0, count: 44))
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// The hour of a slot header, or `nil` when it is none of this partition.
  static func hour(_ bytes: Span<UInt8>, partition: PartitionID) -> Int64? {
    guard bytes.count >= headerByteCount else { return nil }
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == headerMagic, reader.readByte() == version,
      reader.skip(1) != nil, reader.readInteger(UInt16.self) == partition.rawValue,
      let hour = reader.readInteger(Int64.self), reader.skip(44) != nil,
      reader.readInteger(UInt32.self) == CRC32C.checksum(bytes.extracting(0..<60))
    else { return nil }
    return hour
  }

  /// The length of the body that a record head claims; `nil` when it is cut short.
  static func bodyByteCount(_ head: Span<UInt8>) -> Int? {
    guard head.count == recordHeadByteCount else { return nil }
    return Int(head[24]) | Int(head[25]) << 8 | Int(head[26]) << 16 | Int(head[27]) << 24
  }

  static func pad(byteCount: Int) -> [UInt8] {
    var writer = ByteWriter(reserving: 8)
    writer.writeInteger(padMagic)
    writer.writeInteger(UInt32(byteCount))
    return writer.bytes
  }
}

/// What stands before a record's body.
struct RecordHead {
  var series: SeriesID
  var minute: Int64
  var cut: UInt64
  var bodyByteCount: Int

  /// The 32 bytes, checksum included.
  func encoded(body: Span<UInt8>) -> [UInt8] {
    var writer = ByteWriter(reserving: SlotLayout.recordHeadByteCount)
    writer.writeInteger(SlotLayout.recordMagic)
    writer.writeInteger(series.rawValue)
    writer.writeInteger(minute)
    writer.writeInteger(cut)
    writer.writeInteger(UInt32(body.count))
    let crc = CRC32C.checksum(body, continuing: CRC32C.checksum(writer.bytes))
    writer.writeInteger(crc)
    return writer.bytes
  }

  /// The record at the start of `bytes`, if it is whole and sound.
  init?(_ bytes: Span<UInt8>) {
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == SlotLayout.recordMagic,
      let series = reader.readInteger(UInt32.self), let minute = reader.readInteger(Int64.self),
      let cut = reader.readInteger(UInt64.self), let count = reader.readInteger(UInt32.self),
      let crc = reader.readInteger(UInt32.self), reader.remaining >= Int(count)
    else { return nil }
    let head = SlotLayout.recordHeadByteCount
    let found = CRC32C.checksum(
      bytes.extracting(head..<head + Int(count)),
      continuing: CRC32C.checksum(bytes.extracting(0..<28)))
    guard found == crc else { return nil }
    self.init(
      series: SeriesID(series), minute: minute, cut: cut, bodyByteCount: Int(count))
  }

  init(series: SeriesID, minute: Int64, cut: UInt64, bodyByteCount: Int) {
    self.series = series
    self.minute = minute
    self.cut = cut
    self.bodyByteCount = bodyByteCount
  }
}
