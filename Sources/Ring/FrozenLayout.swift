internal import Bytes
internal import Model

/// Bytes of a frozen file (docs/format/frozen.md): all windows of one closed hour of one partition,
/// column by column.
///
///     file    := | header, 64 bytes | section | ... | index | trailer, 48 bytes |
///     header  := | magic "VRVF" u32 | version u8 | zero u8 | partition u16 | hour i64 | cut u64 |
///                | zero, 36 bytes | CRC32C of bytes 0 ..< 60 u32 |
///     section := | check u32 | place of each run u32 | head | run | run | ... |
///     run     := | check u32 | body |
///     index   := | entry, 24 bytes | ...             ascending by series
///     entry   := | series u32 | runs u32 | offset u64 | bytes before the runs u32 | bytes u32 |
///     trailer := | magic "VRVX" u32 | sections u32 | index offset u64 | runs u64 | zero, 16 bytes
///                | CRC32C of the index u32 | CRC32C of bytes 0 ..< 44 u32 |
///
/// Little-endian. A section is one series; heads and bodies are whatever the caller encoded.
enum FrozenLayout {
  static let headerMagic: UInt32 = 0x4656_5256
  static let trailerMagic: UInt32 = 0x5856_5256
  static let version: UInt8 = 1
  static let headerByteCount = 64
  static let trailerByteCount = 48
  static let entryByteCount = 24
  static let checkByteCount = 4
  static let placeByteCount = 4

  /// Bytes before the head of a section.
  static func headStart(runCount: Int) -> Int { checkByteCount + placeByteCount * runCount }

  /// The check of a run's body, or with `run` −1 that of everything of a section between its check
  /// and its runs: a CRC32C that the series and the run's number went into, so that sound bytes of
  /// another place are not taken.
  static func check(_ bytes: Span<UInt8>, series: UInt32, run: Int) -> UInt32 {
    CRC32C.checksum(bytes) ^ series &* 0x9e37_79b1
      ^ UInt32(truncatingIfNeeded: run) &* 0x85eb_ca77
  }

  static func header(partition: PartitionID, hour: Int64, cut: UInt64) -> [UInt8] {
    var writer = ByteWriter(reserving: headerByteCount)
    writer.writeInteger(headerMagic)
    writer.writeByte(version)
    writer.writeByte(0)
    writer.writeInteger(partition.rawValue)
    writer.writeInteger(hour)
    writer.writeInteger(cut)
    writer.writeBytes(repeatElement(0, count: headerByteCount - 4 - writer.count))
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// Reads a header; `nil` when the bytes are none of this version or damaged.
  static func header(
    _ bytes: Span<UInt8>
  ) -> (partition: PartitionID, hour: Int64, cut: UInt64)? {
    guard bytes.count >= headerByteCount else { return nil }
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == headerMagic, reader.readByte() == version,
      reader.readByte() == 0, let partition = reader.readInteger(UInt16.self),
      let hour = reader.readInteger(Int64.self), let cut = reader.readInteger(UInt64.self),
      reader.skip(headerByteCount - 4 - reader.offset) != nil,
      let found = reader.readInteger(UInt32.self),
      CRC32C.checksum(bytes.extracting(0..<headerByteCount - 4)) == found
    else { return nil }
    return (PartitionID(partition), hour, cut)
  }
}

/// The end of a frozen file: where its index is.
struct FrozenTrailer: Equatable {
  var sectionCount: Int
  var indexOffset: Int
  var runCount: Int
  var indexChecksum: UInt32

  var encoded: [UInt8] {
    var writer = ByteWriter(reserving: FrozenLayout.trailerByteCount)
    writer.writeInteger(FrozenLayout.trailerMagic)
    writer.writeInteger(UInt32(sectionCount))
    writer.writeInteger(UInt64(indexOffset))
    writer.writeInteger(UInt64(runCount))
    writer.writeBytes(repeatElement(0, count: 16))
    writer.writeInteger(indexChecksum)
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  init(sectionCount: Int, indexOffset: Int, runCount: Int, indexChecksum: UInt32) {
    self.sectionCount = sectionCount
    self.indexOffset = indexOffset
    self.runCount = runCount
    self.indexChecksum = indexChecksum
  }

  /// Reads a trailer; `nil` when it is damaged or does not belong to a file of `fileByteCount`.
  init?(_ bytes: Span<UInt8>, fileByteCount: Int) {
    guard bytes.count == FrozenLayout.trailerByteCount else { return nil }
    var reader = ByteReader(bytes)
    guard reader.readInteger(UInt32.self) == FrozenLayout.trailerMagic,
      let sectionCount = reader.readInteger(UInt32.self),
      let indexOffset = reader.readInteger(UInt64.self),
      let runCount = reader.readInteger(UInt64.self), reader.skip(16) != nil,
      let indexChecksum = reader.readInteger(UInt32.self),
      let found = reader.readInteger(UInt32.self),
      CRC32C.checksum(bytes.extracting(0..<FrozenLayout.trailerByteCount - 4)) == found,
      indexOffset >= FrozenLayout.headerByteCount, indexOffset <= fileByteCount,
      Int(indexOffset) + Int(sectionCount) * FrozenLayout.entryByteCount
        + FrozenLayout.trailerByteCount == fileByteCount
    else { return nil }
    self.sectionCount = Int(sectionCount)
    self.indexOffset = Int(indexOffset)
    self.runCount = Int(clamping: runCount)
    self.indexChecksum = indexChecksum
  }
}

/// Where the section of one series lies.
struct FrozenEntry: Equatable, Sendable {
  var series: UInt32
  var runCount: UInt32
  var offset: UInt64
  /// Bytes before the runs: check, places and head. 0 when blocks answer for the series.
  var headByteCount: UInt32
  var byteCount: UInt32

  func write(into target: inout OutputBuffer) {
    target.writeInteger(series)
    target.writeInteger(runCount)
    target.writeInteger(offset)
    target.writeInteger(headByteCount)
    target.writeInteger(byteCount)
  }

  init(series: UInt32, runCount: UInt32, offset: UInt64, headByteCount: UInt32, byteCount: UInt32) {
    self.series = series
    self.runCount = runCount
    self.offset = offset
    self.headByteCount = headByteCount
    self.byteCount = byteCount
  }

  init?(_ reader: inout ByteReader) {
    guard let series = reader.readInteger(UInt32.self),
      let runCount = reader.readInteger(UInt32.self),
      let offset = reader.readInteger(UInt64.self),
      let headByteCount = reader.readInteger(UInt32.self),
      let byteCount = reader.readInteger(UInt32.self)
    else { return nil }
    self.init(
      series: series,
      runCount: runCount,
      offset: offset,
      headByteCount: headByteCount,
      byteCount: byteCount
    )
  }

  /// Whether a section can lie so in the bytes before an index.
  func isSound(indexOffset: Int) -> Bool {
    if headByteCount == 0 { return runCount == 0 && byteCount == 0 }
    return offset >= FrozenLayout.headerByteCount && offset <= indexOffset
      && Int(byteCount) <= indexOffset - Int(offset) && headByteCount <= byteCount
      && Int(headByteCount) >= FrozenLayout.headStart(runCount: Int(runCount))
  }
}
