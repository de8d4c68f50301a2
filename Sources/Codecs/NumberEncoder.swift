internal import Bytes
internal import Model

/// Looks for the codec that stores a column of numbers in the fewest bytes.
///
/// The column's last choice is tried first and kept while it fits. Otherwise exact decimals (and
/// integers) are decided by 24 samples; what is not decimal is encoded by every codec that may suit
/// it, and the shortest wins.
struct NumberEncoder: ~Copyable {
  /// Exact decimals that cost more bits a value than this may be something else underneath.
  static let decimalBitCountMax = 14

  var streams = StreamEncoder()
  var integers = WordStore()
  var copies = WordStore()
  var units = WordStore()
  var best = OutputBuffer(reserving: 1024)
  var trial = OutputBuffer(reserving: 1024)
  var dictionary = CellDictionary()
  var frames = ZstdEncoder()

  mutating func encode(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength,
    hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    let start = buffer.count
    if ConstantCell.isConstant(cells) {
      return ConstantCell.encode(cells[0], type: type, into: &buffer)
    }
    if hint.isFresh(strength, count: cells.count),
      encodeAgain(cells, type: type, strength, &hint, into: &buffer)
    {
      hint.note(byteCount: buffer.count - start, count: cells.count, strength)
      return
    }
    hint = ColumnHint()
    if type == .float {
      encodeFloats(cells, strength, &hint, into: &buffer)
    } else {
      encodeIntegers(cells, type: type, strength, &hint, into: &buffer)
    }
    if buffer.count - start >= RawCells.byteCount(cells.count) {
      buffer.truncate(to: start)
      RawCells.encode(cells, into: &buffer)
      hint = ColumnHint()
    }
    hint.note(byteCount: buffer.count - start, count: cells.count, strength)
  }

  // MARK: integers

  private mutating func encodeIntegers(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    let start = buffer.count
    let words = integers.words(cells.count)
    for index in cells.indices { words[index] = cells[index] }
    Self.writeScaled(&streams, words, exponent: 0, strength, &hint, into: &buffer)
    let byteCount = buffer.count - start
    guard type != .boolean,
      byteCount * 8 > Self.decimalBitCountMax * cells.count
        || isRepetitive(cells, strength, byteCount: byteCount)
    else { return }
    best.removeAll()
    buffer.withBytes { best.writeBytes($0.extracting(start..<$0.count)) }
    tryDictionary(cells, type: .integer, strength, &hint)
    if strength == .cold { tryFrame(cells, &hint) }
    buffer.truncate(to: start)
    best.withBytes { buffer.writeBytes($0) }
  }

  /// Writes integers over a power of ten.
  static func writeScaled(
    _ streams: inout StreamEncoder,
    _ words: Words,
    exponent: Int,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    let plan = streams.plan(words, strength)
    hint.codec = .scaled
    hint.exponent = UInt8(exponent)
    hint.take(plan)
    buffer.writeByte(FloatChunk.scaledByte(plan, exponent: exponent))
    if !plan.isPlain { buffer.writeByte(plan.form) }
    streams.write(words, plan, strength, calmWidth: &hint.calmWidth, into: &buffer)
  }

  // MARK: floats

  private mutating func encodeFloats(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    best.removeAll()
    let exponent = exactExponent(cells)
    if let exponent {
      let words = integers.words(cells.count)
      Self.writeScaled(&streams, words, exponent: exponent, strength, &hint, into: &best)
      if isGood(cells.count) {
        if isRepetitive(cells, strength, byteCount: best.count) {
          hint.isDecimal = true
          tryDictionary(cells, type: .float, strength, &hint)
        }
        return best.withBytes { buffer.writeBytes($0) }
      }
      hint.isDecimal = true
    }
    var isOfTens = false
    if exponent != 0 {
      let near = tryNearlyDecimal(cells, strength, &hint, below: exponent)
      isOfTens = exponent == nil && CommonDenominator.isPowerOfTen(cells, near)
      if !isOfTens, !Fraction.areDecimals(cells, exponent) { tryFraction(cells, strength, &hint) }
    }
    if !isOfTens { tryQuotient(cells, strength, &hint) }
    tryDictionary(cells, type: .float, strength, &hint)
    // What is found for sixty values may be kept for many chunks.
    if strength == .head || !isGood(cells.count) { tryDoubles(cells, strength, &hint) }
    best.withBytes { buffer.writeBytes($0) }
  }

  /// Whether the best chunk so far is so short that nothing else need be tried.
  private func isGood(_ count: Int) -> Bool {
    best.count > 0 && best.count * 8 <= Self.decimalBitCountMax * count
  }

  /// What suits doubles that nothing simple lies under.
  private mutating func tryDoubles(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    tryBinary(cells, strength, &hint)
    trySplit(cells, strength, &hint)
    tryMagnitudes(cells, strength, &hint)
    tryXor(cells, &hint)
    if strength == .cold { tryFrame(cells, &hint) }
  }

  /// The exponent that every cell belongs to; `integers` then holds the scaled cells.
  mutating func exactExponent(_ cells: Span<Cell>) -> Int? {
    guard var exponent = DecimalScale.exponent(of: cells) else { return nil }
    let words = integers.words(cells.count)
    if DecimalScale.scale(cells, exponent: exponent, into: words) { return exponent }
    // The samples missed longer decimals: widened once over all cells.
    for index in cells.indices {
      let value = Double(bitPattern: cells[index])
      guard let next = DecimalScale.leastExponent(value, from: exponent) else { return nil }
      exponent = next
    }
    return DecimalScale.scale(cells, exponent: exponent, into: words) ? exponent : nil
  }

  /// Keeps `trial` when it is the shortest so far, and what it was made by.
  @discardableResult
  mutating func keepShorter(
    _ codec: ChunkCodec,
    _ plan: IntegerStream,
    _ hint: inout ColumnHint
  ) -> Bool {
    guard best.count == 0 || trial.count < best.count else { return false }
    swap(&best, &trial)
    hint.codec = codec
    hint.take(plan)
    hint.calmWidth = 0
    return true
  }
}
