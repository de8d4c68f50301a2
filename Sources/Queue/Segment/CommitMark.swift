internal import Bytes
internal import Model

/// A record of the segment that tells what was durable when it was written
/// (docs/format/segment.md):
///
///     | 0 magic u32 | 4 version u8 | 5 zero u8 | 6 partitions u16 | 8 epoch u32 | 12 zero u32 |
///     | 16 sequence u64 | 24 durable bytes u64 | 32 end u64 x partitions |
///     | CRC32C of all before it u32 |
///
/// It precedes the records of the next round, or stands alone after a while of silence. With it a
/// reader tells what a crash tore (beyond the last mark) from what rotted (before it), and knows
/// which offsets a damaged stretch has swallowed.
struct CommitMark: Equatable {
  /// "VRVA".
  static let magic: UInt32 = 0x4156_5256
  static let version: UInt8 = 1
  private static let fixedByteCount = 32

  var epoch: Epoch
  /// The segment that the mark stands in.
  var sequence: UInt64
  /// So many bytes of the segment are durable.
  var durableByteCount: UInt64
  /// Per partition: every offset below is durable, in this segment or an earlier one, or given up.
  var ends: [Offset]

  static func byteCount(partitionCount: Int) -> Int { fixedByteCount + 8 * partitionCount + 4 }
  var byteCount: Int { Self.byteCount(partitionCount: ends.count) }

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: byteCount)
    writer.writeInteger(Self.magic)
    writer.writeByte(Self.version)
    writer.writeByte(0)
    writer.writeInteger(UInt16(ends.count))
    writer.writeInteger(epoch.rawValue)
    writer.writeInteger(UInt32(0))
    writer.writeInteger(sequence)
    writer.writeInteger(durableByteCount)
    for end in ends { writer.writeInteger(end.rawValue) }
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// The mark at the start of `bytes`, or `nil` when there is no sound one of so many partitions.
  init?(_ bytes: Span<UInt8>, partitionCount: Int) {
    var reader = ByteReader(bytes)
    guard
      reader.readInteger(UInt32.self) == Self.magic,
      reader.readByte() == Self.version, reader.readByte() != nil,
      let count = reader.readInteger(UInt16.self), Int(count) == partitionCount,
      let epoch = reader.readInteger(UInt32.self), reader.readInteger(UInt32.self) != nil,
      let sequence = reader.readInteger(UInt64.self),
      let durableByteCount = reader.readInteger(UInt64.self)
    else { return nil }
    var ends: [Offset] = []
    for _ in 0..<partitionCount {
      guard let end = reader.readInteger(UInt64.self), end <= SegmentHeader.offsetMax else {
        return nil
      }
      ends.append(Offset(end))
    }
    let checked = reader.offset
    guard
      let checksum = reader.readInteger(UInt32.self),
      CRC32C.checksum(bytes.extracting(0..<checked)) == checksum
    else { return nil }
    self.init(
      epoch: Epoch(epoch),
      sequence: sequence,
      durableByteCount: durableByteCount,
      ends: ends
    )
  }

  init(epoch: Epoch, sequence: UInt64, durableByteCount: UInt64, ends: [Offset]) {
    self.epoch = epoch
    self.sequence = sequence
    self.durableByteCount = durableByteCount
    self.ends = ends
  }
}
