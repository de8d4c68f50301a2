internal import Bytes
internal import Model

/// Bytes of a slot file (docs/format/ring.md): the windows of one hour of one partition.
///
///     slot   := | header, 64 bytes | record | record | ... | whatever |
///     header := | magic "VRVS" u32 | version u8 | flags u8 | partition u16 | hour i64 | cut u64 |
///               | zero, 36 bytes | CRC32C of bytes 0 ..< 60 u32 |
///     record := | header, 32 bytes | body | zeros up to a multiple of 8 bytes |
///
/// Little-endian. The manifest says how many bytes hold committed records; what stands behind them
/// is what a cut wrote that did not commit.
enum SlotLayout {
  static let headerMagic: UInt32 = 0x5356_5256
  static let recordMagic: UInt32 = 0x5756_5256
  static let version: UInt8 = 1
  static let headerByteCount = 64
  static let recordHeaderByteCount = 32
  static let alignment = 8
  static let pageByteCount = 4_096
  /// What an index entry can point to: 32 bits of multiples of ``alignment``.
  static let slotByteCountMax = Int(UInt32.max) * alignment
  static let bodyByteCountMax = 1 << 30
  static let minutesPerHour: Int64 = 60

  /// Bytes of a record in the slot, its header and fill included.
  static func recordByteCount(body: Int) -> Int {
    roundedUp(recordHeaderByteCount + body, to: alignment)
  }

  static func roundedUp(_ value: Int, to step: Int) -> Int { (value + step - 1) / step * step }

  static func hour(ofMinute minute: Int64) -> Int64 { minute / minutesPerHour }
}

/// The first bytes of a slot.
struct SlotHeader: Equatable {
  var partition: PartitionID
  var hour: Int64
  /// The cut that began the slot.
  var cut: UInt64
  /// Whether no row of the hour was sealed before the slot was there.
  var isComplete: Bool
  /// Whether it lies on top of other files of the hour.
  var isPatch = false

  private enum Flags {
    static let isComplete: UInt8 = 1 << 0
    static let isPatch: UInt8 = 1 << 1
    static let known: UInt8 = 0b11
  }

  var encoded: [UInt8] {
    var writer = ByteWriter(reserving: SlotLayout.headerByteCount)
    writer.writeInteger(SlotLayout.headerMagic)
    writer.writeByte(SlotLayout.version)
    writer.writeByte((isComplete ? Flags.isComplete : 0) | (isPatch ? Flags.isPatch : 0))
    writer.writeInteger(partition.rawValue)
    writer.writeInteger(hour)
    writer.writeInteger(cut)
    writer.writeBytes(repeatElement(0, count: SlotLayout.headerByteCount - 4 - writer.count))
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  init(
    partition: PartitionID,
    hour: Int64,
    cut: UInt64,
    isComplete: Bool,
    isPatch: Bool = false
  ) {
    self.partition = partition
    self.hour = hour
    self.cut = cut
    self.isComplete = isComplete
    self.isPatch = isPatch
  }

  /// Reads a header; `nil` when the bytes are none of this version or damaged.
  init?(_ bytes: Span<UInt8>) {
    guard bytes.count >= SlotLayout.headerByteCount else { return nil }
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == SlotLayout.headerMagic,
      reader.readByte() == SlotLayout.version, let flags = reader.readByte(),
      flags & ~Flags.known == 0,
      let partition = reader.readInteger(UInt16.self), let hour = reader.readInteger(Int64.self),
      let cut = reader.readInteger(UInt64.self),
      reader.skip(SlotLayout.headerByteCount - 4 - reader.offset) != nil,
      let found = reader.readInteger(UInt32.self)
    else { return nil }
    let covered = bytes.extracting(0..<SlotLayout.headerByteCount - 4)
    guard CRC32C.checksum(covered) == found else { return nil }
    self.init(
      partition: PartitionID(partition),
      hour: hour,
      cut: cut,
      isComplete: flags & Flags.isComplete != 0,
      isPatch: flags & Flags.isPatch != 0
    )
  }
}

/// What stands before a record's body.
///
///     | magic "VRVW" u32 | series u32 | cut u64 | minute u32 | body bytes u32 |
///     | CRC32C of body and fill u32 | CRC32C of bytes 0 ..< 28 u32 |
///
/// Two checksums, so that a damaged body still tells whose it was.
struct RecordHeader: Equatable {
  var series: SeriesID
  var cut: UInt64
  /// Since the epoch.
  var minute: Int64
  var bodyByteCount: Int
  var bodyChecksum: UInt32

  /// Bytes of the whole record.
  var recordByteCount: Int { SlotLayout.recordByteCount(body: bodyByteCount) }

  init(
    series: SeriesID,
    cut: UInt64,
    minute: Int64,
    bodyByteCount: Int,
    bodyChecksum: UInt32
  ) {
    self.series = series
    self.cut = cut
    self.minute = minute
    self.bodyByteCount = bodyByteCount
    self.bodyChecksum = bodyChecksum
  }

  /// Reads a header; `nil` when the bytes are none or damaged. The body may still be anything.
  init?(_ bytes: Span<UInt8>) {
    guard bytes.count >= SlotLayout.recordHeaderByteCount else { return nil }
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == SlotLayout.recordMagic,
      let series = reader.readInteger(UInt32.self), let cut = reader.readInteger(UInt64.self),
      let minute = reader.readInteger(UInt32.self),
      let bodyByteCount = reader.readInteger(UInt32.self),
      bodyByteCount <= UInt32(SlotLayout.bodyByteCountMax),
      let bodyChecksum = reader.readInteger(UInt32.self),
      let found = reader.readInteger(UInt32.self)
    else { return nil }
    let covered = bytes.extracting(0..<SlotLayout.recordHeaderByteCount - 4)
    guard CRC32C.checksum(covered) == found else { return nil }
    self.init(
      series: SeriesID(series),
      cut: cut,
      minute: Int64(minute),
      bodyByteCount: Int(bodyByteCount),
      bodyChecksum: bodyChecksum
    )
  }

  /// Whether `rest`, all bytes of the record behind its header, is what was written.
  func holds(_ rest: Span<UInt8>) -> Bool { CRC32C.checksum(rest) == bodyChecksum }
}
