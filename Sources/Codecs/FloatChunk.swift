internal import Bytes
internal import CBytes
internal import Model

/// Floats as whatever they are underneath: decimals, decimals that arithmetic has bent, fractions
/// of one total, few distinct values, or doubles (docs/format/chunk.md).
///
///     scaled         := codec byte 1 order u2 exponent u5 | stream without its form when the order
///                       is 0, 1 or 2; else | stream |
///     nearly decimal := | exponent u8 | decimals: stream | units in the last place: stream |
///     quotient       := | denominator: varint | numerators: stream | units …: stream |
///     fraction       := | factor u8 | numerators, denominators, units …: streams |
///     value dictionary := | distinct: varint | entry bytes: varint | entries | indexes: stream |
///     split          := | ordered bits: stream |
///     binary         := | exponent u8 | integers over a power of two: stream |
///     magnitudes     := | patterns with the sign in the lowest bit: stream |
///
/// Units in the last place are distances between ordered bit patterns, so that a NaN or −0 among
/// decimals is one large distance, patched.
enum FloatChunk {
  static let scaledFlag: UInt8 = 0x80
  static let formFollows: UInt8 = 3

  /// The codec byte of a scaled chunk.
  static func scaledByte(_ stream: IntegerStream, exponent: Int) -> UInt8 {
    let order = stream.isPlain ? UInt8(stream.order) : formFollows
    return scaledFlag | order << 5 | UInt8(exponent)
  }

  // MARK: decoding

  /// Reads the integers of a scaled chunk.
  static func readScaled(
    _ first: UInt8,
    _ reader: inout ChunkReader,
    _ rows: Range<Int>,
    into words: Words
  ) throws(ChunkError) -> Int {
    let order = first >> 5 & 3
    if order == formFollows {
      try IntegerStream.read(&reader, rows, into: words)
    } else {
      try IntegerStream(order: Int(order)).read(&reader, rows, into: words)
    }
    return Int(first & 0x1f)
  }

  /// Reads a scaled chunk of one block without patches and outliers, the most common one of 60
  /// rows, in one go.
  ///
  /// - Parameter power: the power of ten of floats, or 0.
  /// - Returns: false, and nothing is read, of other chunks and of damaged ones; what `words` then
  ///   hold is unspecified.
  static func readPlain(
    _ first: UInt8,
    _ reader: inout ChunkReader,
    power: Double,
    into words: Words
  ) -> Bool {
    guard words.count <= PackedBlock.valueCountMax else { return false }
    var order = Int(first >> 5 & 3)
    var block = reader
    var (offset, divisor) = (0 as Int64, 1 as Int64)
    do throws(ChunkError) {
      if order == formFollows {
        let form = try block.byte()
        order = Int(form & IntegerStream.orderMask)
        guard form == IntegerStream.dividedFlag | UInt8(order) else { return false }
        offset = try block.signedVarint()
        divisor = Int64(bitPattern: try block.varint())
        guard divisor >= 2 else { return false }
      }
      guard order < min(3, words.count) else { return false }
      let start = order >= 1 ? try block.signedVarint() : 0
      let step = order == 2 ? try block.signedVarint() : 0
      let width = Int(try block.byte())
      guard width <= PackedFields.narrowBitCountMax else { return false }
      let base = try block.signedVarint()
      let bitCount = (words.count - order) * width
      let fields = try block.take((bitCount + 7) / 8)
      if bitCount & 7 != 0, fields[fields.count - 1] >> UInt8(bitCount & 7) != 0 { return false }
      let plain = cbytes_plain(
        width: UInt32(width),
        order: UInt32(order),
        base: base,
        first: start,
        step: step,
        offset: offset,
        divisor: divisor,
        power: power
      )
      guard words.decodePlain(fields, plain) else { return false }
    } catch {
      // Read again, it says what is wrong.
      return false
    }
    reader = block
    return true
  }

  static func decodeScaled(
    _ first: UInt8,
    _ reader: inout ChunkReader,
    _ rows: Range<Int>?,
    into words: Words
  ) throws(ChunkError) {
    let exponent = Int(first & 0x1f)
    if rows == nil, exponent <= DecimalScale.exponentMax,
      readPlain(first, &reader, power: DecimalScale.powers[exponent], into: words)
    {
      return
    }
    let rows = rows ?? 0..<words.count
    _ = try readScaled(first, &reader, rows, into: words)
    guard exponent <= DecimalScale.exponentMax else { throw .malformed(.exponent) }
    DecimalScale.unscale(words.slice(rows), exponent: exponent)
  }

  static func decodeNearlyDecimal(
    _ reader: inout ChunkReader,
    into words: Words
  ) throws(ChunkError) {
    let exponent = Int(try reader.byte())
    guard exponent <= DecimalScale.exponentMax else { throw .malformed(.exponent) }
    try IntegerStream.read(&reader, into: words)
    DecimalScale.unscale(words, exponent: exponent)
    try addUnits(&reader, to: words)
  }

  static func decodeQuotient(
    _ reader: inout ChunkReader,
    into words: Words
  ) throws(ChunkError) {
    let denominator = try reader.varint()
    guard denominator >= 2, denominator <= CommonDenominator.denominatorMax else {
      throw .malformed(.denominator)
    }
    try IntegerStream.read(&reader, into: words)
    words.divide(by: Double(denominator))
    try addUnits(&reader, to: words)
  }

  static func decodeFraction(
    _ reader: inout ChunkReader,
    into words: Words
  ) throws(ChunkError) {
    let factor = Double(try reader.byte())
    guard factor >= 1 else { throw .malformed(.denominator) }
    try IntegerStream.read(&reader, into: words)
    var store = WordStore(capacity: words.count)
    let denominators = store.words(words.count)
    try IntegerStream.read(&reader, into: denominators)
    if words.divideWide(by: denominators, factor: factor) {
      return try addUnits(&reader, to: words)
    }
    for index in 0..<words.count {
      let denominator = denominators.signed(index)
      guard denominator >= 1 else { throw .malformed(.denominator) }
      words[index] =
        Fraction.value(words.signed(index), denominator, factor: factor).bitPattern
    }
    try addUnits(&reader, to: words)
  }

  /// Moves each value by its units in the last place.
  private static func addUnits(
    _ reader: inout ChunkReader,
    to words: Words
  ) throws(ChunkError) {
    if try IntegerStream.isZero(&reader) { return }
    var store = WordStore(capacity: words.count)
    let units = store.words(words.count)
    try IntegerStream.read(&reader, into: units)
    words.addUnits(units)
  }

  static func decodeSplit(
    _ reader: inout ChunkReader,
    into words: Words
  ) throws(ChunkError) {
    try IntegerStream.read(&reader, into: words)
    for index in 0..<words.count { words[index] = OrderedBits.flip(words[index]) }
  }

  static func decodeBinary(
    _ reader: inout ChunkReader,
    into words: Words
  ) throws(ChunkError) {
    let exponent = Int(try reader.byte())
    guard exponent > 0 else { throw .malformed(.exponent) }
    try IntegerStream.read(&reader, into: words)
    BinaryFraction.unscale(words, exponent: exponent)
  }

  static func decodeMagnitudes(
    _ reader: inout ChunkReader,
    into words: Words
  ) throws(ChunkError) {
    try IntegerStream.read(&reader, into: words)
    for index in 0..<words.count { words[index] = OrderedBits.pattern(magnitude: words[index]) }
  }

  static func decodeDictionary(
    _ reader: inout ChunkReader,
    type: ColumnType,
    into words: Words
  ) throws(ChunkError) {
    let distinctCount = try reader.varint()
    guard distinctCount >= 2, distinctCount <= UInt64(words.count) else {
      throw .malformed(.distinctCount)
    }
    let byteCount = try reader.varint()
    guard byteCount <= UInt64(reader.remaining) else { throw .truncated }
    var entries = ChunkReader(try reader.take(Int(byteCount)))
    var store = WordStore(capacity: Int(distinctCount))
    let distinct = store.words(Int(distinctCount))
    let first = try entries.byte()
    // A dictionary of dictionaries would let a few bytes ask for unbounded work.
    guard ChunkCodec(firstByte: first) != .valueDictionary else { throw .codec(first) }
    try ColumnChunk.decodeNumbers(first, &entries, type: type, into: distinct)
    try entries.expectEnd()
    try IntegerStream.read(&reader, into: words)
    for index in 0..<words.count {
      let entry = words[index]
      guard entry < distinctCount else { throw .malformed(.index) }
      words[index] = distinct[Int(entry)]
    }
  }
}
