internal import Bytes
internal import Model

extension NumberEncoder {
  /// The codec other than `codec` that takes the fewest bytes for `cells`, and how many; `nil` when
  /// no other one can have them.
  ///
  /// - Parameter exponent: of a scaled chunk; decimals that are nearly the same, or fractions over
  ///   powers of ten, are no other codec.
  mutating func runnerUp(
    to codec: ChunkCodec,
    exponent: Int?,
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength
  ) -> (codec: ChunkCodec, byteCount: Int)? {
    var hint = ColumnHint()
    best.removeAll()
    if codec != .scaled { tryScaled(cells, type: type, strength, &hint) }
    if codec != .valueDictionary { tryDictionary(cells, type: type, strength, &hint) }
    if codec != .zstd, strength == .cold { tryFrame(cells, &hint) }
    if type == .float {
      if codec != .nearlyDecimal, exponent == nil || Approximation.exponent(of: cells) != exponent {
        tryNearlyDecimal(cells, strength, &hint)
      }
      if codec != .fraction, !Fraction.areDecimals(cells, exponent) {
        tryFraction(cells, strength, &hint)
      }
      if codec != .quotient, !CommonDenominator.isOfDecimals(cells, exponent) {
        tryQuotient(cells, strength, &hint)
      }
      if codec != .binary { tryBinary(cells, strength, &hint) }
      if codec != .split { trySplit(cells, strength, &hint) }
      if codec != .magnitudes { tryMagnitudes(cells, strength, &hint) }
      if codec != .xor { tryXor(cells, &hint) }
    }
    if codec != .raw {
      trial.removeAll()
      RawCells.encode(cells, into: &trial)
      keepShorter(.raw, IntegerStream(), &hint)
    }
    return hint.codec.map { ($0, best.count) }
  }

  private mutating func tryScaled(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    var exponent = 0
    if type == .float {
      guard let found = exactExponent(cells) else { return }
      exponent = found
    } else {
      let words = integers.words(cells.count)
      for index in cells.indices { words[index] = cells[index] }
    }
    var plan = ColumnHint()
    trial.removeAll()
    let words = integers.words(cells.count)
    Self.writeScaled(&streams, words, exponent: exponent, strength, &plan, into: &trial)
    keepShorter(.scaled, IntegerStream(), &hint)
  }
}
