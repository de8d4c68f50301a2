internal import Bytes
internal import Platform

extension ReadableFile {
  /// Exactly `count` bytes at `offset`.
  func bytes(at offset: Int, _ count: Int) throws(BlockError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw .tooShort(byteCount: byteCount)
    }
    let bytes: [UInt8]
    do { bytes = try read(at: offset, count: count) } catch { throw .system(error) }
    guard bytes.count == count else { throw .tooShort(byteCount: byteCount) }
    return bytes
  }

  /// The checked payload of the section that fills `range`.
  func readSection(
    _ kind: SectionHeader.Kind,
    in range: Range<Int>
  ) throws(BlockError) -> [UInt8] {
    guard range.count >= SectionHeader.byteCount else { throw .truncated(kind.part) }
    let start = try bytes(at: range.lowerBound, SectionHeader.byteCount)
    let header = try SectionHeader(start.span, part: kind.part)
    guard header.kind == kind,
      header.payloadByteCount == range.count - SectionHeader.byteCount
    else { throw .malformed(kind.part) }
    let payload = try bytes(
      at: range.lowerBound + SectionHeader.byteCount,
      header.payloadByteCount
    )
    guard CRC32C.checksum(payload) == header.payloadChecksum else { throw .checksum(kind.part) }
    return payload
  }

  /// The summary, found by the trailer.
  func readFooter() throws(BlockError) -> BlockFooter {
    let trailerOffset = byteCount - BlockTrailer.byteCount
    let last = try bytes(at: trailerOffset, BlockTrailer.byteCount)
    let trailer = try BlockTrailer(last.span, fileByteCount: byteCount)
    guard trailer.summaryOffset <= trailerOffset else { throw .malformed(.trailer) }
    let payload = try readSection(.summary, in: trailer.summaryOffset..<trailerOffset)
    return try BlockFooter(payload.span, fileByteCount: byteCount)
  }
}
