internal import Bytes
internal import Model

/// Columns whose values come again: dictionaries of the distinct ones, zstd frames.
extension NumberEncoder {
  /// Distinct values among 32 samples of a column of states, codes or steps of a clock.
  private static let stateCountMax = 12

  /// Whether few values come again in no order, so that a chunk of so many bytes costs more than
  /// the indexes of a dictionary would. At a cut nothing is looked for that the next one must look
  /// for again.
  func isRepetitive(_ cells: Span<Cell>, _ strength: ChunkStrength, byteCount: Int) -> Bool {
    guard strength != .head, byteCount * 4 > cells.count else { return false }
    var states: [Cell] = []
    for sample in 0..<min(32, cells.count) {
      let cell = cells[sample * cells.count / min(32, cells.count)]
      if !states.contains(cell) { states.append(cell) }
      if states.count > Self.stateCountMax { return false }
    }
    let indexBitCount = Int.bitWidth - states.count.leadingZeroBitCount
    return byteCount * 8 > indexBitCount * cells.count
  }

  mutating func tryDictionary(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    trial.removeAll()
    guard writeDictionary(cells, type: type, strength) else { return }
    keepShorter(.valueDictionary, IntegerStream(), &hint)
  }

  /// Appends a dictionary to `trial`; false when there are too many distinct values.
  mutating func writeDictionary(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength
  ) -> Bool {
    guard dictionary.collect(cells, isFloat: type == .float) else { return false }
    let distinct = dictionary.distinct
    trial.writeByte(ChunkCodec.valueDictionary.rawValue)
    trial.writeVarint(UInt64(distinct.count))
    var entries = OutputBuffer(reserving: 8 * distinct.count + 16)
    writeEntries(distinct.span, type: type, strength, into: &entries)
    trial.writeVarint(UInt64(entries.count))
    entries.withBytes { trial.writeBytes($0) }
    let indexes = integers.words(cells.count)
    for index in cells.indices { indexes[index] = UInt64(dictionary.indexes[index]) }
    streams.write(indexes, strength, into: &trial)
    return true
  }

  /// The distinct values of a dictionary, ascending, as a chunk of their own.
  private mutating func writeEntries(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    var ignored = ColumnHint()
    if type != .float {
      let words = integers.words(cells.count)
      for index in cells.indices { words[index] = cells[index] }
      return Self.writeScaled(&streams, words, exponent: 0, strength, &ignored, into: &buffer)
    }
    if let exponent = exactExponent(cells) {
      return Self.writeScaled(
        &streams,
        integers.words(cells.count),
        exponent: exponent,
        strength,
        &ignored,
        into: &buffer
      )
    }
    let start = buffer.count
    if let factor = Fraction.factor(of: cells) {
      appendFraction(cells, factor: factor, strength, into: &buffer)
    } else {
      let words = integers.words(cells.count)
      for index in cells.indices { words[index] = OrderedBits.flip(cells[index]) }
      buffer.writeByte(ChunkCodec.split.rawValue)
      streams.write(words, strength, into: &buffer)
    }
    guard strength != .head, let exponent = Approximation.exponent(of: cells) else { return }
    var other = OutputBuffer(reserving: 8 * cells.count + 64)
    appendNearlyDecimal(cells, exponent: exponent, strength, into: &other)
    if other.count < buffer.count - start {
      buffer.truncate(to: start)
      other.withBytes { buffer.writeBytes($0) }
    }
  }

  mutating func tryFrame(_ cells: Span<Cell>, _ hint: inout ColumnHint) {
    trial.removeAll()
    if writeFrame(cells) { keepShorter(.zstd, IntegerStream(), &hint) }
  }

  /// Appends a zstd frame to `trial`; false when there is no memory for it.
  mutating func writeFrame(_ cells: Span<Cell>) -> Bool {
    var words = OutputBuffer(reserving: cells.count * 8)
    words.writeWords(cells)
    trial.writeByte(ChunkCodec.zstd.rawValue)
    return frames.encode(words, into: &trial)
  }
}
