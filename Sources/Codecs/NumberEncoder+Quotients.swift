internal import Bytes
internal import Model

/// Columns of quotients: decimals that arithmetic has bent, numerators over one total or over
/// totals that change.
extension NumberEncoder {
  /// - Parameter exact: the exponent that all cells belong to; only a smaller one is tried.
  /// - Returns: the exponent of decimals that the cells are nearly; `nil` for none.
  @discardableResult
  mutating func tryNearlyDecimal(
    _ cells: Span<Cell>,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint,
    below exact: Int? = nil
  ) -> Int? {
    let exponent = Approximation.exponent(of: cells)
    let drifted = Approximation.driftedExponent(of: cells)
    if let exponent, exponent < exact ?? .max {
      tryNearlyDecimal(cells, exponent: exponent, strength, &hint)
    }
    guard let drifted, drifted < min(exponent ?? .max, exact ?? .max) else { return exponent }
    tryNearlyDecimal(cells, exponent: drifted, strength, &hint)
    return drifted
  }

  private mutating func tryNearlyDecimal(
    _ cells: Span<Cell>,
    exponent: Int,
    _ strength: ChunkStrength,
    _ hint: inout ColumnHint
  ) {
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

  /// Appends a chunk of nearly decimal cells.
  mutating func appendNearlyDecimal(
    _ cells: Span<Cell>,
    exponent: Int,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    let decimals = integers.words(cells.count)
    let units = units.words(cells.count)
    Approximation.split(cells, by: DecimalScale.powers[exponent], decimals, units)
    buffer.writeByte(ChunkCodec.nearlyDecimal.rawValue)
    buffer.writeByte(UInt8(exponent))
    streams.write(decimals, strength, into: &buffer)
    streams.write(units, strength, into: &buffer)
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
  mutating func appendFraction(
    _ cells: Span<Cell>,
    again hint: inout ColumnHint,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    let factor = UInt8(truncatingIfNeeded: hint.denominator)
    let numerators = integers.words(cells.count)
    let denominators = copies.words(cells.count)
    let units = units.words(cells.count)
    Fraction.split(cells, factor: factor, numerators, denominators, units)
    buffer.writeByte(ChunkCodec.fraction.rawValue)
    buffer.writeByte(factor)
    streams.write(numerators, again: &hint, strength, into: &buffer)
    let form = strength == .head ? 0 : hint.denominatorsForm
    streams.write(denominators, form: form, strength, into: &buffer)
    streams.write(units, form: hint.unitsForm(units, strength), strength, into: &buffer)
  }

  /// Appends a chunk of fractions.
  ///
  /// - Returns: what was chosen for its streams.
  @discardableResult
  mutating func appendFraction(
    _ cells: Span<Cell>,
    factor: UInt8,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) -> (numerators: IntegerStream, denominators: IntegerStream, units: IntegerStream) {
    let numerators = integers.words(cells.count)
    let denominators = copies.words(cells.count)
    let units = units.words(cells.count)
    Fraction.split(cells, factor: factor, numerators, denominators, units)
    buffer.writeByte(ChunkCodec.fraction.rawValue)
    buffer.writeByte(factor)
    return (
      streams.write(numerators, strength, into: &buffer),
      streams.write(denominators, strength, into: &buffer),
      streams.write(units, strength, into: &buffer)
    )
  }
}
