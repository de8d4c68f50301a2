public import Bytes
public import Model

/// Encodes columns, one after another, in the codecs that suit them. Keeps its scratch from column
/// to column, so that nothing is allocated for each.
///
/// One thread. What it writes depends on the cells, the strength and the hint alone.
public struct ColumnEncoder: ~Copyable {
  public let strength: ChunkStrength
  private var numbers = NumberEncoder()
  private var text = StringEncoder()
  /// A chunk that statistics will stand in front of.
  private var chunk = OutputBuffer()
  private var words = WordStore()
  /// Cells of a tile's column that need all codecs.
  private var cells: [Cell] = []

  public init(strength: ChunkStrength) { self.strength = strength }

  /// Appends `cells` as one chunk.
  ///
  /// - Parameters:
  ///   - cells: 1 ... ``ColumnChunk/valueCountMax`` cells of `type`.
  ///   - strings: behind the cells of a string column; each of them must lie in it.
  ///   - hint: what the column's last chunk left, or a new one; brought up to date.
  /// - Complexity: O(n). Head chunks 0.3 ns a value when constant, 3 to 8 when decimals that the
  ///   hint foresees, 100 when nothing is known; merged ones 4 to 125.
  public mutating func encode(
    _ cells: Span<Cell>,
    type: ColumnType,
    strings: StringArena,
    hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    precondition(cells.count >= 1)
    precondition(cells.count <= ColumnChunk.valueCountMax)
    if type == .string {
      text.encode(cells, strings: strings, strength, into: &buffer)
    } else {
      if type == .boolean {
        for index in cells.indices { precondition(cells[index] <= 1, "a boolean is 0 or 1") }
      }
      encodeNumbers(cells, type: type, hint: &hint, into: &buffer)
    }
  }

  /// Appends a held column of a tile as one chunk: the bytes that its cells become.
  ///
  /// - Complexity: O(n). Head chunks 0.1 ns a value when constant, 1 when the hint foresees them.
  public mutating func encode(
    _ tile: borrowing IntegerTile,
    column: Int,
    type: ColumnType,
    hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    precondition(tile.holds(column))
    precondition(type != .string)
    if strength == .head, numbers.encode(tile, column, type: type, hint: &hint, into: &buffer) {
      return
    }
    var cells: [Cell] = []
    swap(&cells, &self.cells)
    cells.removeAll(keepingCapacity: true)
    let integers = tile.integers(column)
    for index in integers.indices {
      cells.append(tile.cell(integers[index], column, isFloat: type == .float))
    }
    encodeNumbers(cells.span, type: type, hint: &hint, into: &buffer)
    swap(&cells, &self.cells)
  }

  private mutating func encodeNumbers(
    _ cells: Span<Cell>,
    type: ColumnType,
    hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    // A constant says it all.
    if cells.count < ChunkStatistics.valueCountMin || ConstantCell.isConstant(cells) {
      return numbers.encode(cells, type: type, strength, hint: &hint, into: &buffer)
    }
    chunk.removeAll()
    numbers.encode(cells, type: type, strength, hint: &hint, into: &chunk)
    buffer.writeByte(ChunkCodec.statistics.rawValue)
    StatisticsCoding.write(
      cells,
      type: type,
      exponent: type == .float ? exponent(of: cells) : nil,
      scratch: &words,
      into: &buffer
    )
    chunk.withBytes { buffer.writeBytes($0) }
  }

  /// The power of ten that the chunk is over, or that samples of the cells suggest.
  private func exponent(of cells: Span<Cell>) -> Int? {
    let first = chunk.withBytes { $0[0] }
    return ChunkCodec(firstByte: first) == .scaled
      ? Int(first & 0x1f) : DecimalScale.exponent(of: cells)
  }
}
