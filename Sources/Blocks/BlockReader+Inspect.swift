public import Codecs
public import Model

extension BlockReader {
  /// Looks closely at columns of a group: decodes them and tries what else they could have been.
  ///
  /// - Parameters:
  ///   - isWanted: which columns.
  ///   - body: gets the field, its type and what was found.
  /// - Throws: ``BlockError`` when the group is damaged.
  /// - Complexity: about a microsecond a value.
  public func inspect(
    _ entry: ChunkGroupEntry,
    with inspector: inout ChunkInspector,
    isWanted: (FieldID) -> Bool,
    _ body: (FieldID, ColumnType, ChunkInspection) -> Void
  ) throws(BlockError) {
    let bytes = try file.bytes(at: entry.offset, entry.byteCount)
    let group = try ChunkGroup(bytes)
    guard group.head.matches(entry) else { throw .mismatch(.group) }
    for column in group.directory.columns where isWanted(column.field) {
      let inspection: ChunkInspection
      do throws(ChunkError) {
        inspection = try inspector.inspect(
          bytes.span.extracting(column.chunk),
          type: column.type,
          count: entry.rowCount,
          strength: summary.identity.strength
        )
      } catch {
        throw .chunk(column.field, error)
      }
      body(column.field, column.type, inspection)
    }
  }
}
