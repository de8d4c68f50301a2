extension BlockReader {
  /// Whether every section and every group is there and passes its checksum. Nothing is decoded.
  ///
  /// - Throws: ``BlockError`` `.system` when the disk does not answer, which says nothing of the
  ///   block.
  /// - Complexity: reads the block.
  public func isSound() throws(BlockError) -> Bool {
    guard damages.isEmpty else { return false }
    do throws(BlockError) {
      for entry in try entries() {
        let group = try ChunkGroup(try file.bytes(at: entry.offset, entry.byteCount))
        guard group.head.matches(entry) else { return false }
      }
      _ = try definitions()
      try checkIndexFrame()
    } catch {
      if case .system = error { throw error }
      return false
    }
    return damages.isEmpty
  }
}
