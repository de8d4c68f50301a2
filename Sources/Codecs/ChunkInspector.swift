internal import Bytes
public import Model

/// What a chunk's values are like and what they would have cost otherwise, for people who ask why a
/// column is as large as it is.
public struct ChunkInspection: Sendable {
  public var codec: ChunkCodec
  /// The codec that would have come next, and the chunk's bytes with it; `nil` for strings and for
  /// constants, which nothing else could store.
  public var runnerUp: (codec: ChunkCodec, byteCount: Int)?
  public var valueCount: Int
  /// Values that are the one before.
  public var repeatCount = 0
  /// Whether every value is a whole number.
  public var isWhole = false
  /// Whether no value is below the one before, and some are above.
  public var isRising = false
  /// What all differences of values are multiples of, as far as these are decimals; `nil` when
  /// there is nothing of the kind, or just a number of decimals.
  public var step: Double?
}

/// Decodes chunks and tries what else they could have been. Slow: every codec is tried.
public struct ChunkInspector: ~Copyable {
  private var numbers = NumberEncoder()
  private var integers = WordStore()

  public init() {}

  /// - Parameters:
  ///   - bytes: the chunk.
  ///   - count: its values.
  ///   - strength: what it was written with.
  public mutating func inspect(
    _ bytes: Span<UInt8>,
    type: ColumnType,
    count: Int,
    strength: ChunkStrength
  ) throws(ChunkError) -> ChunkInspection {
    guard let description = ChunkDescription(bytes) else {
      throw .codec(bytes.isEmpty ? 0 : bytes[0])
    }
    var strings = StringArena()
    let cells = try ColumnChunk.decode(bytes, type: type, count: count, strings: &strings)
    var inspection = ChunkInspection(codec: description.codec, valueCount: count)
    if type == .string {
      for index in 1..<max(1, count)
      where strings.slice(cells[index]) == strings.slice(cells[index - 1]) {
        inspection.repeatCount += 1
      }
      return inspection
    }
    for index in 1..<max(1, count) where cells[index] == cells[index - 1] {
      inspection.repeatCount += 1
    }
    if type != .boolean { look(at: cells.span, type: type, &inspection) }
    guard description.codec != .constant, type != .boolean else { return inspection }
    let other = numbers.runnerUp(
      to: description.codec,
      exponent: description.codec == .scaled ? description.exponent : nil,
      cells.span,
      type: type,
      strength
    )
    if let other {
      let statistics = description.statisticsByteCount
      inspection.runnerUp = (other.codec, other.byteCount + statistics)
    }
    return inspection
  }

  private mutating func look(
    at cells: Span<Cell>,
    type: ColumnType,
    _ inspection: inout ChunkInspection
  ) {
    let words = integers.words(cells.count)
    var exponent = 0
    if type == .float {
      guard let found = DecimalScale.exponent(of: cells),
        DecimalScale.scale(cells, exponent: found, into: words)
      else { return }
      exponent = found
    } else {
      for index in cells.indices { words[index] = cells[index] }
    }
    inspection.isWhole = exponent == 0
    var divisor: UInt64 = 0
    var isRising = true
    for index in 1..<max(1, cells.count) {
      let difference = words.signed(index).subtractingReportingOverflow(words.signed(index - 1))
      if difference.overflow { return }
      if difference.partialValue < 0 { isRising = false }
      divisor = Self.commonDivisor(divisor, difference.partialValue.magnitude)
    }
    inspection.isRising = isRising && divisor > 0
    if divisor > 1 { inspection.step = Double(divisor) / DecimalScale.powers[exponent] }
  }

  private static func commonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var (left, right) = (left, right)
    while right > 0 { (left, right) = (right, left % right) }
    return left
  }
}
