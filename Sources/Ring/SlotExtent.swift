internal import Bytes
internal import Model
internal import Platform

/// A mapped part of a slot. The only place in Ring that touches mapped memory.
///
/// Extents of a slot may overlap by less than a page: a record that does not fit into the rest of
/// one lies whole in the next, which begins with the page where the record does.
///
/// One writer, behind everything that readers know of: what a snapshot points to never changes.
struct SlotExtent: Sendable {
  /// Where it begins in the slot; a multiple of a page.
  let start: Int
  let byteCount: Int
  private let region: any MappedRegion

  var end: Int { start + byteCount }

  init(start: Int, region: any MappedRegion) {
    self.start = start
    self.region = region
    byteCount = unsafe region.bytes.count
  }

  /// Makes the stores between two offsets of the slot durable, as far as they lie in this extent.
  func sync(_ range: Range<Int>) throws(SystemError) {
    let part = range.clamped(to: start..<end)
    guard !part.isEmpty else { return }
    try region.sync(part.lowerBound - start..<part.upperBound - start)
  }

  /// Stores a slot's header.
  func write(_ header: SlotHeader) {
    precondition(start == 0)
    let bytes = header.encoded
    precondition(bytes.count <= byteCount)
    unsafe region.bytes.copyBytes(from: bytes)
  }

  /// Stores a record at an offset of the slot, where it must fit.
  ///
  /// - Complexity: O(body): a copy and a checksum.
  func write(series: SeriesID, minute: Int64, cut: UInt64, body: Span<UInt8>, at offset: Int) {
    let count = SlotLayout.recordByteCount(body: body.count)
    precondition(offset >= start)
    precondition(count <= end - offset)
    let from = offset - start
    let record = unsafe UnsafeMutableRawBufferPointer(rebasing: region.bytes[from..<from + count])
    let rest = unsafe UnsafeMutableRawBufferPointer(
      rebasing: record[SlotLayout.recordHeaderByteCount...]
    )
    unsafe body.withUnsafeBytes { unsafe rest.copyMemory(from: $0) }
    for index in body.count..<rest.count { unsafe rest[index] = 0 }
    let bodyChecksum = unsafe CRC32C.checksum(UnsafeRawBufferPointer(rest))
    unsafe record.storeBytes(of: SlotLayout.recordMagic.littleEndian, as: UInt32.self)
    unsafe record.storeBytes(of: series.rawValue.littleEndian, toByteOffset: 4, as: UInt32.self)
    unsafe record.storeBytes(of: cut.littleEndian, toByteOffset: 8, as: UInt64.self)
    unsafe record.storeBytes(
      of: UInt32(minute).littleEndian,
      toByteOffset: 16,
      as: UInt32.self
    )
    unsafe record.storeBytes(
      of: UInt32(body.count).littleEndian,
      toByteOffset: 20,
      as: UInt32.self
    )
    unsafe record.storeBytes(of: bodyChecksum.littleEndian, toByteOffset: 24, as: UInt32.self)
    let checksum = unsafe CRC32C.checksum(UnsafeRawBufferPointer(rebasing: record[..<28]))
    unsafe record.storeBytes(of: checksum.littleEndian, toByteOffset: 28, as: UInt32.self)
  }

  /// The record at an offset of the slot, if it is sound and of this minute of the series.
  ///
  /// - Complexity: O(body): a checksum.
  func record(at offset: Int, series: SeriesID, minute: Int64) -> RingRecord? {
    let from = offset - start
    guard from >= 0, from <= byteCount - SlotLayout.recordHeaderByteCount else { return nil }
    let rest = from + SlotLayout.recordHeaderByteCount
    guard let header = RecordHeader(RingRecord(region, from..<rest).bytes),
      header.series == series, header.minute == minute,
      header.recordByteCount <= byteCount - from,
      header.holds(RingRecord(region, rest..<from + header.recordByteCount).bytes)
    else { return nil }
    return RingRecord(region, rest..<rest + header.bodyByteCount)
  }
}
