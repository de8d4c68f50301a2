internal import Bytes

/// Turns a column of a row group into pages: chooses the encoding that is smallest after
/// compression, by trying each on a sample.
struct ChunkEncoder: ~Copyable {
  private enum Choice {
    case plain, delta, split
    case dictionary(bitWidth: Int)
  }

  /// Values that are tried; of more, eight stretches are.
  private static let sampleCountMax = 1 << 11
  private static let stretchCount = 8
  /// So few values, each so often, are always a dictionary.
  private static let fewCountMax = 256
  private static let fewFrequencyMin = 32

  private var zstd = ZstdPages()
  private var raw = OutputBuffer(reserving: 1 << 20)

  /// Appends the chunk's pages to `out`.
  mutating func encode(_ column: ColumnBuffer, into out: inout OutputBuffer) -> ChunkSummary {
    var summary = ChunkSummary()
    summary.valueCount = column.rows.count
    summary.statistics = ColumnStatistics(column)
    let start = out.count
    let index = dictionary(of: column)
    let choice = choose(column, index)
    if case .dictionary = choice, let index {
      summary.dictionaryOffset = 0
      fillDictionary(column, index, index.values.count)
      writePage(.dictionary, .plain, valueCount: index.values.count, &summary, into: &out)
    }
    summary.dataOffset = out.count - start
    let encoding: ParquetEncoding =
      switch choice {
      case .plain: .plain
      case .delta: .deltaBinaryPacked
      case .split: .byteStreamSplit
      case .dictionary: .dictionary
      }
    var row = 0
    var value = 0
    repeat {
      let (rows, values) = pageEnd(column, row, value, choice)
      raw.removeAll()
      writeLevels(column, row..<rows)
      write(column, index, choice, value..<values)
      writePage(.data, encoding, valueCount: rows - row, &summary, into: &out)
      (row, value) = (rows, values)
    } while row < column.rows.count
    summary.encodings = [.runLength, encoding]
    if case .dictionary = choice { summary.encodings.append(.plain) }
    summary.byteCount = out.count - start
    return summary
  }

  // MARK: Choice

  private func dictionary(of column: ColumnBuffer) -> CellIndex? {
    switch column.type {
    case .boolean: return nil
    case .string:
      // Their numbers are given in order of appearance already.
      guard column.strings.count <= ParquetLimits.dictionaryCountMax,
        column.strings.bytes.count <= ParquetLimits.dictionaryByteCountMax
      else { return nil }
      return CellIndex(column.cells.span, countMax: ParquetLimits.dictionaryCountMax)
    default:
      let countMax = min(ParquetLimits.dictionaryCountMax, max(16, column.cells.count / 2))
      return CellIndex(column.cells.span, countMax: countMax)
    }
  }

  private mutating func choose(_ column: ColumnBuffer, _ index: CellIndex?) -> Choice {
    let count = column.cells.count
    guard count > 0, column.type != .boolean else { return .plain }
    let places = Self.sample(count)
    let sampleCount = places.reduce(0) { $0 + $1.count }
    var candidates: [Choice] = [.plain]
    switch column.type {
    case .double: candidates.append(.split)
    case .microseconds, .nanoseconds, .integer, .unsigned: candidates.append(.delta)
    case .string, .boolean: break
    }
    var best = (choice: Choice.plain, byteCount: Int.max)
    if let index, index.values.count <= Self.fewCountMax,
      index.values.count * Self.fewFrequencyMin <= count
    {
      candidates = []
    }
    for choice in candidates {
      let byteCount = trial(column, index, choice, places) * count / sampleCount
      if byteCount < best.byteCount { best = (choice, byteCount) }
    }
    guard let index else { return best.choice }
    let entryCount = min(index.values.count, Self.sampleCountMax)
    fillDictionary(column, index, entryCount)
    let dictionaryByteCount = zstd.compress(raw).count * index.values.count / entryCount
    let exact = RunLengthHybrid.bitWidth(for: index.values.count)
    // Whole bytes compress better than packed bits when values come in patterns.
    var widths = [exact]
    if exact < 8 { widths.append(8) } else if exact > 8, exact < 16 { widths.append(16) }
    for width in widths {
      let choice = Choice.dictionary(bitWidth: width)
      let byteCount =
        trial(column, index, choice, places) * count / sampleCount + dictionaryByteCount
      if byteCount < best.byteCount { best = (choice, byteCount) }
    }
    return best.choice
  }

  private static func sample(_ count: Int) -> [Range<Int>] {
    guard count > sampleCountMax else { return [0..<count] }
    let length = sampleCountMax / stretchCount
    return (0..<stretchCount).map { number in
      let start = (count - length) / (stretchCount - 1) * number
      return start..<start + length
    }
  }

  private mutating func trial(
    _ column: ColumnBuffer,
    _ index: CellIndex?,
    _ choice: Choice,
    _ places: [Range<Int>]
  ) -> Int {
    raw.removeAll()
    for place in places { write(column, index, choice, place) }
    return zstd.compress(raw).count
  }

  // MARK: Pages

  /// Where the page that begins at a row and its value ends.
  private func pageEnd(
    _ column: ColumnBuffer,
    _ row: Int,
    _ value: Int,
    _ choice: Choice
  ) -> (row: Int, value: Int) {
    let limit = min(column.rows.count, row + ParquetLimits.pageRowCountMax)
    var end = (row: row, value: value)
    guard column.rows.setCount < column.rows.count || column.type == .string else {
      return (limit, value + limit - row)
    }
    var isPlain = false
    if case .plain = choice { isPlain = column.type == .string }
    var byteCount = 0
    while end.row < limit {
      if column.rows[end.row] {
        if isPlain {
          byteCount += 4 + column.strings[Int(column.cells[end.value])].count
          if byteCount > ParquetLimits.pageByteCount, end.row > row { break }
        }
        end.value += 1
      }
      end.row += 1
    }
    return end
  }

  private mutating func writeLevels(_ column: ColumnBuffer, _ rows: Range<Int>) {
    guard column.isOptional else { return }
    let place = raw.count
    raw.writeInteger(UInt32(0))
    if column.rows.setCount == column.rows.count || column.rows.setCount == 0 {
      let level: UInt32 = column.rows.setCount == 0 ? 0 : 1
      if !rows.isEmpty {
        RunLengthHybrid.writeRun(level, count: rows.count, bitWidth: 1, into: &raw)
      }
    } else {
      let levels = rows.map { column.rows[$0] ? UInt32(1) : 0 }
      RunLengthHybrid.encode(levels.span, bitWidth: 1, into: &raw)
    }
    raw.replaceInteger(UInt32(raw.count - place - 4), at: place)
  }

  private mutating func write(
    _ column: ColumnBuffer,
    _ index: CellIndex?,
    _ choice: Choice,
    _ values: Range<Int>
  ) {
    let cells = column.cells.span.extracting(values)
    switch choice {
    case .plain:
      switch column.type {
      case .boolean: ValueCoding.plainBits(cells, into: &raw)
      case .string:
        for place in cells.indices {
          ValueCoding.plainString(column.strings[Int(cells[place])], into: &raw)
        }
      default: raw.writeWords(cells)
      }
    case .delta: DeltaBinaryPacked.encode(cells, into: &raw)
    case .split: ValueCoding.split(cells, into: &raw)
    case .dictionary(let bitWidth):
      guard let index else { return }
      raw.writeByte(UInt8(bitWidth))
      RunLengthHybrid.encode(
        index.indices.span.extracting(values),
        bitWidth: bitWidth,
        into: &raw
      )
    }
  }

  /// Gathers the first `count` entries of a dictionary.
  private mutating func fillDictionary(
    _ column: ColumnBuffer,
    _ index: CellIndex,
    _ count: Int
  ) {
    raw.removeAll()
    if column.type == .string {
      for value in index.values[..<count] {
        ValueCoding.plainString(column.strings[Int(value)], into: &raw)
      }
    } else {
      raw.writeWords(index.values.span.extracting(0..<count))
    }
  }

  /// Appends what was gathered as a page.
  private mutating func writePage(
    _ kind: PageHead.Kind,
    _ encoding: ParquetEncoding,
    valueCount: Int,
    _ summary: inout ChunkSummary,
    into out: inout OutputBuffer
  ) {
    let body = zstd.compress(raw)
    let head = PageHead(
      kind: kind,
      rawByteCount: raw.count,
      byteCount: body.count,
      checksum: CRC32.checksum(body.span),
      valueCount: valueCount,
      encoding: encoding
    ).encoded()
    out.writeBytes(head[...])
    out.writeBytes(body)
    summary.rawByteCount += head.count + raw.count
  }
}
