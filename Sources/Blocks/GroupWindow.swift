internal import Bytes
internal import Platform

/// The parts of one group that were read so far.
struct GroupWindow {
  /// Groups up to so many bytes are read as a whole when they are verified; larger ones, which
  /// merges wrote before they had a limit of bytes, piece by piece.
  static let wholeByteCountMax = 48 << 20
  private static let pieceByteCount = 1 << 20

  let head: ChunkGroupHead
  let directory: ChunkGroupDirectory
  /// Whether the checksum of the whole group was verified here.
  let wasVerified: Bool
  private(set) var bytesRead: Int
  private let file: any ReadableFile
  private let groupOffset: Int
  /// Pieces of the group: where each begins in it, and its bytes.
  private var pieces: [(start: Int, bytes: [UInt8])]

  init(
    _ file: any ReadableFile,
    _ entry: ChunkGroupEntry,
    isVerified: Bool
  ) throws(BlockError) {
    let isLarge = entry.byteCount > Self.wholeByteCountMax
    let count =
      isVerified || isLarge
      ? min(entry.byteCount, BlockReader.headReadByteCount) : entry.byteCount
    var start = try file.bytes(at: entry.offset, count)
    let head: ChunkGroupHead
    let directory: ChunkGroupDirectory
    if isVerified || isLarge {
      head = try ChunkGroupHead(start.span)
      guard head.matches(entry) else { throw .mismatch(.group) }
      if !isVerified { try Self.verify(file, entry, head) }
      if head.headByteCount > start.count {
        let rest = head.headByteCount - start.count
        start += try file.bytes(at: entry.offset + start.count, rest)
      }
      directory = try ChunkGroupDirectory(head, start.span)
    } else {
      let group = try ChunkGroup(start)
      head = group.head
      directory = group.directory
    }
    guard head.matches(entry) else { throw .mismatch(.group) }
    self.head = head
    self.directory = directory
    self.file = file
    groupOffset = entry.offset
    wasVerified = !isVerified
    bytesRead = start.count
    pieces = [(0, start)]
  }

  /// Verifies the checksum of a group piece by piece.
  private static func verify(
    _ file: any ReadableFile,
    _ entry: ChunkGroupEntry,
    _ head: ChunkGroupHead
  ) throws(BlockError) {
    var checksum: UInt32 = 0
    var position = ChunkGroupHead.checkedStart
    while position < entry.byteCount {
      let count = min(pieceByteCount, entry.byteCount - position)
      let bytes = try file.bytes(at: entry.offset + position, count)
      checksum = CRC32C.checksum(bytes.span, continuing: checksum)
      position += count
    }
    guard checksum == head.bodyChecksum else { throw .checksum(.group) }
  }

  /// Bytes of the group, read anew and not kept.
  mutating func bytes(_ range: Range<Int>) throws(BlockError) -> [UInt8] {
    bytesRead += range.count
    return try file.bytes(at: groupOffset + range.lowerBound, range.count)
  }

  /// Reads those of `chunks` that are not there yet, near ones together.
  mutating func load(_ chunks: [Range<Int>]) throws(BlockError) {
    var missing = chunks.filter { !holds($0) }
    missing.sort { $0.lowerBound < $1.lowerBound }
    var index = 0
    while index < missing.count {
      var span = missing[index]
      index += 1
      while index < missing.count,
        missing[index].lowerBound - span.upperBound <= BlockReader.gapByteCountMax
      {
        span = span.lowerBound..<max(span.upperBound, missing[index].upperBound)
        index += 1
      }
      let bytes = try file.bytes(at: groupOffset + span.lowerBound, span.count)
      bytesRead += bytes.count
      pieces.append((span.lowerBound, bytes))
    }
  }

  private func holds(_ chunk: Range<Int>) -> Bool { piece(of: chunk) != nil }

  private func piece(of chunk: Range<Int>) -> Int? {
    pieces.firstIndex { piece in
      chunk.lowerBound >= piece.start && chunk.upperBound <= piece.start + piece.bytes.count
    }
  }

  /// Lends a chunk, reading it when it is not there yet.
  mutating func withChunk<Result>(
    _ chunk: Range<Int>,
    _ body: (Span<UInt8>) throws(BlockError) -> Result
  ) throws(BlockError) -> Result {
    if !holds(chunk) { try load([chunk]) }
    guard let index = piece(of: chunk) else { throw .truncated(.group) }
    let piece = pieces[index]
    let start = chunk.lowerBound - piece.start
    return try body(piece.bytes.span.extracting(start..<start + chunk.count))
  }
}
