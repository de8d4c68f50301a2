internal import Bytes
internal import Codecs
public import Model
internal import Platform

/// One chunk of a group, for people who look into a block.
public struct ChunkDescription: Hashable, Sendable {
  /// `nil` for the timestamps.
  public var field: FieldID?
  public var type: ColumnType?
  /// The codec's name; its code when no codec has it.
  public var codec: String
  /// Bytes in the file, the codec's own byte included.
  public var byteCount: Int
}

extension BlockReader {
  /// The chunks of a group, timestamps first, in file order. Nothing is decoded.
  ///
  /// - Throws: ``BlockError`` when the group is damaged.
  /// - Complexity: reads the group and verifies its checksum.
  public func chunks(of entry: ChunkGroupEntry) throws(BlockError) -> [ChunkDescription] {
    let bytes = try file.bytes(at: entry.offset, entry.byteCount)
    let group = try ChunkGroup(bytes)
    guard group.head.matches(entry) else { throw .mismatch(.group) }
    var chunks = [
      ChunkDescription(
        field: nil,
        type: nil,
        codec: Self.codecName(bytes[group.directory.timestamps.lowerBound]),
        byteCount: group.directory.timestamps.count
      )
    ]
    for column in group.directory.columns {
      chunks.append(
        ChunkDescription(
          field: column.field,
          type: column.type,
          codec: Self.codecName(bytes[column.chunk.lowerBound]),
          byteCount: column.chunk.count
        )
      )
    }
    return chunks
  }

  private static func codecName(_ code: UInt8) -> String {
    ChunkCodec(rawValue: code).map { "\($0)" } ?? "code \(code)"
  }
}
