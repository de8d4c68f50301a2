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
  private var copies = WordStore()
  private var units = WordStore()
  var best = OutputBuffer(reserving: 1024)
  var trial = OutputBuffer(reserving: 1024)
  private var dictionary = CellDictionary()
  private var frames = ZstdEncoder()

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
      encodeIntegers(cells, strength, &hint, into: &buffer)
    }
    if buffer.count - start >= RawCells.byteCount(cells.count) {
      buffer.truncate(to: start)
      RawCells.encode(cells, into: &buffer)
      hint = ColumnHint()
    }
    hint.note(byteCount: buffer.count - start, count: cells.count, strength)
  }

  /// Encodes by the choice of the column's last chunk; false when that does not fit these cells.
  private mutating func encodeAgain(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) -> Bool {
    guard let codec = hint.codec else { return false }
    if codec == .zstd { return encodeFrameAgain(cells, into: &buffer) }
    if type == .float { return encodeFloatsAgain(codec, cells, strength, &hint, into: &buffer) }
    guard codec == .scaled else { return false }
    let words = integers.words(cells.count)
    for index in cells.indices { words[index] = unsafe cells[unchecked: index] }
    writeScaledAgain(words, strength, &hint, into: &buffer)
    return true
  }

  private mutating func encodeFloatsAgain(
    _ codec: ChunkCodec,
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) -> Bool {
    // A column of bent decimals or ratios that has become one of decimals.
    let isDecimal = hint.isDecimal && strength != .head
    if codec != .scaled, !isDecimal, DecimalScale.exponent(of: cells) != nil { return false }
    let words = integers.words(cells.count)
    switch codec {
    case .scaled:
      guard DecimalScale.scale(cells, exponent: Int(hint.exponent), into: words) else {
        return false
      }
      writeScaledAgain(words, strength, &hint, into: &buffer)
    case .nearlyDecimal, .quotient:
      let units = units.words(cells.count)
      let isQuotient = codec == .quotient
      let divisor =
        isQuotient ? Double(hint.denominator) : DecimalScale.powers[Int(hint.exponent)]
      Approximation.split(cells, by: divisor, words, units)
      buffer.writeByte(codec.rawValue)
      if isQuotient {
        buffer.writeVarint(hint.denominator)
      } else {
        buffer.writeByte(hint.exponent)
      }
      streams.write(words, again: &hint, strength, into: &buffer)
      streams.write(units, form: hint.unitsForm(strength), strength, into: &buffer)
    case .fraction:
      appendFraction(cells, again: &hint, strength, into: &buffer)
    case .split:
      for index in cells.indices { words[index] = OrderedBits.flip(cells[index]) }
      buffer.writeByte(codec.rawValue)
      streams.write(words, again: &hint, strength, into: &buffer)
    case .magnitudes:
      for index in cells.indices { words[index] = OrderedBits.magnitude(cells[index]) }
      buffer.writeByte(codec.rawValue)
      streams.write(words, again: &hint, strength, into: &buffer)
    case .binary:
      guard BinaryFraction.scale(cells, exponent: Int(hint.exponent), into: words) else {
        return false
      }
      buffer.writeByte(codec.rawValue)
      buffer.writeByte(hint.exponent)
      streams.write(words, again: &hint, strength, into: &buffer)
    case .xor: XorChunk.encode(cells, into: &buffer)
    case .valueDictionary:
      trial.removeAll()
      guard writeDictionary(cells, type: .float, strength) else { return false }
      trial.withBytes { buffer.writeBytes($0) }
    default: return false
    }
    return true
  }

  mutating func writeScaledAgain(
    _ words: Words,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    let plan = streams.plan(words, again: hint)
    buffer.writeByte(FloatChunk.scaledByte(plan, exponent: Int(hint.exponent)))
    if !plan.isPlain { buffer.writeByte(plan.form) }
    streams.write(words, plan, strength, calmWidth: &hint.calmWidth, into: &buffer)
  }

  private mutating func encodeFrameAgain(
    _ cells: Span<Cell>,
    into buffer: inout OutputBuffer
  ) -> Bool {
    trial.removeAll()
    guard writeFrame(cells) else { return false }
    trial.withBytes { buffer.writeBytes($0) }
    return true
  }

  // MARK: integers

  private mutating func encodeIntegers(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) {
    let start = buffer.count
    let words = integers.words(cells.count)
    for index in cells.indices { words[index] = cells[index] }
    Self.writeScaled(&streams, words, exponent: 0, strength, &hint, into: &buffer)
    guard (buffer.count - start) * 8 > Self.decimalBitCountMax * cells.count else { return }
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
      if isGood(cells.count) { return best.withBytes { buffer.writeBytes($0) } }
      hint.isDecimal = true
    }
    if exponent != 0 {
      tryNearlyDecimal(cells, strength, &hint, below: exponent)
      if !Fraction.areDecimals(cells, exponent) { tryFraction(cells, strength, &hint) }
    }
    tryQuotient(cells, strength, &hint)
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

  /// - Parameter exact: the exponent that all cells belong to; only a smaller one is tried.
  mutating func tryNearlyDecimal(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    below exact: Int? = nil
  ) {
    guard let exponent = Approximation.exponent(of: cells), exponent < exact ?? .max else {
      return
    }
    let decimals = integers.words(cells.count)
    let units = units.words(cells.count)
    let power = DecimalScale.powers[exponent]
    Approximation.split(cells, by: power, decimals, units)
    trial.removeAll()
    trial.writeByte(ChunkCodec.nearlyDecimal.rawValue)
    trial.writeByte(UInt8(exponent))
    let plan = streams.write(decimals, strength, into: &trial)
    let unitsPlan = streams.write(units, strength, into: &trial)
    guard keepShorter(.nearlyDecimal, plan, &hint) else { return }
    hint.exponent = UInt8(exponent)
    hint.unitsForm = unitsPlan.againForm
  }

  mutating func tryQuotient(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    guard let denominator = CommonDenominator.find(cells) else { return }
    let numerators = integers.words(cells.count)
    let units = units.words(cells.count)
    Approximation.split(cells, by: Double(denominator), numerators, units)
    trial.removeAll()
    trial.writeByte(ChunkCodec.quotient.rawValue)
    trial.writeVarint(denominator)
    let plan = streams.write(numerators, strength, into: &trial)
    let unitsPlan = streams.write(units, strength, into: &trial)
    guard keepShorter(.quotient, plan, &hint) else { return }
    hint.denominator = denominator
    hint.unitsForm = unitsPlan.againForm
  }

  mutating func tryFraction(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
    guard let factor = Fraction.factor(of: cells) else { return }
    var chunk = OutputBuffer(reserving: cells.count * 4 + 64)
    let plans = appendFraction(cells, factor: factor, strength, into: &chunk)
    trial.removeAll()
    chunk.withBytes { trial.writeBytes($0) }
    guard keepShorter(.fraction, plans.numerators, &hint) else { return }
    hint.denominator = UInt64(factor)
    hint.denominatorsForm = plans.denominators.againForm
    hint.unitsForm = plans.units.againForm
  }

  /// Appends a chunk of fractions by what the column's last one chose. At a cut their denominators
  /// are taken to be close together and in no order.
  private mutating func appendFraction(
    _ cells: Span<Cell>,
    again hint: inout ColumnHint,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    let factor = UInt8(truncatingIfNeeded: hint.denominator)
    let numerators = integers.words(cells.count)
    let denominators = copies.words(cells.count)
    let units = units.words(cells.count)
    let isQuick = strength != .head
    Fraction.split(cells, factor: factor, isQuick: isQuick, numerators, denominators, units)
    buffer.writeByte(ChunkCodec.fraction.rawValue)
    buffer.writeByte(factor)
    streams.write(numerators, again: &hint, strength, into: &buffer)
    let form = strength == .head ? 0 : hint.denominatorsForm
    streams.write(denominators, form: form, strength, into: &buffer)
    streams.write(units, form: hint.unitsForm(strength), strength, into: &buffer)
  }

  /// Appends a chunk of fractions.
  ///
  /// - Returns: what was chosen for its streams.
  @discardableResult
  private mutating func appendFraction(
    _ cells: Span<Cell>,
    factor: UInt8,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) -> (numerators: IntegerStream, denominators: IntegerStream, units: IntegerStream) {
    let numerators = integers.words(cells.count)
    let denominators = copies.words(cells.count)
    let units = units.words(cells.count)
    let isQuick = strength != .head
    Fraction.split(cells, factor: factor, isQuick: isQuick, numerators, denominators, units)
    buffer.writeByte(ChunkCodec.fraction.rawValue)
    buffer.writeByte(factor)
    return (
      streams.write(numerators, strength, into: &buffer),
      streams.write(denominators, strength, into: &buffer),
      streams.write(units, strength, into: &buffer)
    )
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
  private mutating func writeDictionary(
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
    if let factor = Fraction.factor(of: cells) {
      appendFraction(cells, factor: factor, strength, into: &buffer)
      return
    }
    let words = integers.words(cells.count)
    for index in cells.indices { words[index] = OrderedBits.flip(cells[index]) }
    buffer.writeByte(ChunkCodec.split.rawValue)
    streams.write(words, strength, into: &buffer)
  }

  mutating func tryFrame(_ cells: Span<Cell>, _ hint: inout ColumnHint) {
    trial.removeAll()
    if writeFrame(cells) { keepShorter(.zstd, IntegerStream(), &hint) }
  }

  /// Appends a zstd frame to `trial`; false when there is no memory for it.
  private mutating func writeFrame(_ cells: Span<Cell>) -> Bool {
    var words = OutputBuffer(reserving: cells.count * 8)
    words.writeWords(cells)
    trial.writeByte(ChunkCodec.zstd.rawValue)
    return frames.encode(words, into: &trial)
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
