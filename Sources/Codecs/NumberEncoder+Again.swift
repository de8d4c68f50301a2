internal import Bytes
internal import Model

/// Chunks by the choice of the column's last one, which saves the search.
extension NumberEncoder {
  /// Encodes by the choice of the column's last chunk; false when that does not fit these cells.
  mutating func encodeAgain(
    _ cells: Span<Cell>,
    type: ColumnType,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    into buffer: inout OutputBuffer
  ) -> Bool {
    guard let codec = hint.codec else { return false }
    if codec == .zstd { return encodeFrameAgain(cells, into: &buffer) }
    if type == .float { return encodeFloatsAgain(codec, cells, strength, &hint, into: &buffer) }
    if codec == .valueDictionary, type != .boolean {
      trial.removeAll()
      guard writeDictionary(cells, type: type, strength) else { return false }
      trial.withBytes { buffer.writeBytes($0) }
      return true
    }
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
      streams.write(units, form: hint.unitsForm(units, strength), strength, into: &buffer)
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
}
