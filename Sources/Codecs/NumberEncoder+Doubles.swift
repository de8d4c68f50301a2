internal import Bytes
internal import Model

/// Columns of doubles that no decimals and no fractions lie under.
extension NumberEncoder {
  /// Integers over a power of two: what random number generators and converters give.
  mutating func tryBinary(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    guard let exponent = BinaryFraction.exponent(of: cells) else { return }
    let words = integers.words(cells.count)
    guard BinaryFraction.scale(cells, exponent: exponent, into: words) else { return }
    trial.removeAll()
    trial.writeByte(ChunkCodec.binary.rawValue)
    trial.writeByte(UInt8(exponent))
    let plan = streams.write(words, strength, into: &trial)
    if keepShorter(.binary, plan, &hint) { hint.exponent = UInt8(exponent) }
  }

  mutating func trySplit(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    let words = integers.words(cells.count)
    for index in cells.indices { words[index] = OrderedBits.flip(cells[index]) }
    tryStream(words, as: .split, strength, &hint)
  }

  /// Doubles around 0, whose magnitudes are alike and whose signs are not.
  mutating func tryMagnitudes(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    var signs: UInt64 = 0
    var same: UInt64 = .max
    for index in cells.indices {
      signs |= cells[index]
      same &= cells[index]
    }
    guard (signs & ~same) >> 63 == 1 else { return }
    let words = integers.words(cells.count)
    for index in cells.indices { words[index] = OrderedBits.magnitude(cells[index]) }
    tryStream(words, as: .magnitudes, strength, &hint)
  }

  /// A codec that is its byte and one stream.
  private mutating func tryStream(
    _ words: Words,
    as codec: ChunkCodec,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    trial.removeAll()
    trial.writeByte(codec.rawValue)
    let plan = streams.write(words, strength, into: &trial)
    keepShorter(codec, plan, &hint)
  }

  mutating func tryXor(_ cells: Span<Cell>, _ hint: inout ColumnHint) {
    trial.removeAll()
    XorChunk.encode(cells, into: &trial)
    keepShorter(.xor, IntegerStream(), &hint)
  }
}
