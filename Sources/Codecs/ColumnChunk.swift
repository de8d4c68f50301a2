public import Bytes
public import Model

/// One column of one chunk group: a codec byte and a payload (docs/format/chunk.md).
///
/// The number of values is not in the chunk: the group's head has it, once for all its columns. The
/// length is not in it either: the group's head says where each chunk ends. A chunk decodes alone,
/// bit for bit to what was encoded, NaN payloads and the sign of zero included.
public enum ColumnChunk {
  /// Values of one chunk; the group's head counts rows in 16 bits.
  public static let valueCountMax = Int(UInt16.max)

  /// Appends `cells` as one chunk, in the codec that suits them.
  ///
  /// - Parameters:
  ///   - cells: 1 ... ``valueCountMax`` cells of `type`.
  ///   - strings: behind the cells of a string column; each of them must lie in it.
  /// - Complexity: O(n), 1 to 5 ns a value; strings are hashed once.
  public static func encode(
    _ cells: Span<Cell>,
    type: ColumnType,
    strings: StringArena,
    into buffer: inout OutputBuffer
  ) {
    precondition(cells.count >= 1)
    precondition(cells.count <= valueCountMax)
    switch type {
    case .float: FloatChunk.encode(cells, into: &buffer)
    case .integer, .unsigned: IntegerChunk.encode(cells, into: &buffer)
    case .boolean: BooleanChunk.encode(cells, into: &buffer)
    case .string: StringChunk.encode(cells, strings: strings, into: &buffer)
    }
  }

  /// Decodes a whole chunk of `count` values.
  ///
  /// No byte pattern can trap here.
  ///
  /// - Parameters:
  ///   - count: 1 ... ``valueCountMax``, from the group's head.
  ///   - strings: gets the bytes of string cells, each distinct one once when the chunk has a
  ///     dictionary.
  /// - Throws: ``ChunkError`` unless `bytes` holds exactly that many values of `type`.
  public static func decode(
    _ bytes: Span<UInt8>,
    type: ColumnType,
    count: Int,
    strings: inout StringArena
  ) throws(ChunkError) -> [Cell] {
    try [Cell](capacity: count) { (target: inout OutputSpan<Cell>) throws(ChunkError) in
      try decode(bytes, type: type, into: &target, strings: &strings)
    }
  }

  /// Fills `target`, which is empty and has room for exactly the chunk's values.
  ///
  /// - Throws: ``ChunkError``; what `target` then holds is unspecified.
  @_lifetime(target: copy target)
  public static func decode(
    _ bytes: Span<UInt8>,
    type: ColumnType,
    into target: inout OutputSpan<Cell>,
    strings: inout StringArena
  ) throws(ChunkError) {
    precondition(target.isEmpty)
    precondition(target.freeCapacity >= 1 && target.freeCapacity <= valueCountMax)
    guard bytes.count >= 1 else { throw .truncated }
    let payload = bytes.extracting(droppingFirst: 1)
    switch (ChunkCodec(rawValue: bytes[0]), type) {
    case (.constant, .string): try StringChunk.decodeConstant(payload, into: &target, &strings)
    case (.constant, _): try ConstantCell.decode(payload, type: type, into: &target)
    case (.raw, .float), (.raw, .integer), (.raw, .unsigned):
      try RawCells.decode(payload, into: &target)
    case (.xor, .float): try FloatChunk.decode(payload, into: &target)
    case (.packedDelta, .integer), (.packedDelta, .unsigned):
      try IntegerChunk.decodePacked(payload, into: &target)
    case (.varintDelta, .integer), (.varintDelta, .unsigned):
      try IntegerChunk.decodeVarints(payload, into: &target)
    case (.bits, .boolean): try BooleanChunk.decode(payload, into: &target)
    case (.dictionary, .string): try StringChunk.decodeDictionary(payload, into: &target, &strings)
    case (.strings, .string): try StringChunk.decodeAll(payload, into: &target, &strings)
    default: throw .codec(bytes[0])
    }
  }
}
