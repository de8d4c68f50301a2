public import Platform

extension BlockReader {
  /// Verifies the checksum of every group: a block that is damaged is not moved, for what its
  /// pages' checksums cover is believed from then on.
  ///
  /// - Parameter pause: called after each group.
  public func verifyGroups(
    _ pause: () throws(CompactionError) -> Void
  ) throws(CompactionError) {
    let entries: [ChunkGroupEntry]
    do throws(BlockError) { entries = try self.entries() } catch {
      throw .input(error, path: path, 0, file.byteCount)
    }
    for entry in entries {
      do throws(BlockError) {
        let group = try ChunkGroup(try file.bytes(at: entry.offset, entry.byteCount))
        guard group.head.matches(entry) else { throw BlockError.mismatch(.group) }
      } catch {
        throw .input(error, path: path, entry.offset, entry.byteCount)
      }
      try pause()
    }
  }

  /// Lends the bytes of the file a piece at a time.
  package func forEachPiece(
    _ byteCount: Int,
    _ body: ([UInt8]) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    var position = 0
    while position < file.byteCount {
      let bytes: [UInt8]
      do throws(BlockError) {
        bytes = try file.bytes(at: position, min(byteCount, file.byteCount - position))
      } catch {
        throw .input(error, path: path, position, byteCount)
      }
      position += bytes.count
      try body(bytes)
    }
  }

  /// Exactly these bytes of the file.
  package func bytes(_ range: Range<Int>) throws(CompactionError) -> [UInt8] {
    do throws(BlockError) { return try file.bytes(at: range.lowerBound, range.count) } catch {
      throw .input(error, path: path, range.lowerBound, range.count)
    }
  }

  /// What an object store takes the block from.
  public var readableFile: any ReadableFile { file }

  /// The first 64 bytes of every block.
  package static var startRange: Range<Int> { 0..<BlockIdentity.byteCount }
}
