internal import Bytes

/// The residuals of a stream as entropy-coded tokens and open bits (docs/format/chunk.md, "entropy
/// body").
///
///     | centre: zigzag varint | signed u1 | frequencies | padding | states, refills | open bits |
///
/// A residual less the centre is a number: zigzagged when signed, else as it is.
enum EntropyBody {
  static func read(_ reader: inout ChunkReader, into target: Words) throws(ChunkError) {
    let centre = UInt64(bitPattern: try reader.signedVarint())
    var bits = BitReader(reader.bytes.extracting(droppingFirst: reader.position))
    let isSigned = bits.read(1) == 1
    let table = try FrequencyTable(&bits)
    guard bits.read(bits.remaining & 7) == 0 else { throw .trailing }
    _ = try reader.take(reader.remaining - bits.remaining / 8)

    let tokens = try [UInt16](capacity: target.count) {
      (tokens: inout OutputSpan<UInt16>) throws(ChunkError) in
      try RangeCoder.decode(&reader, table, into: &tokens)
    }
    var openBitCountMax = 0
    for token in table.frequencies.indices where table.frequencies[token] > 0 {
      openBitCountMax = max(openBitCountMax, TokenCode.openBitCount(token))
    }
    if openBitCountMax == 0 {
      for index in 0..<target.count { target[index] = UInt64(unsafe tokens.span[unchecked: index]) }
    } else {
      let isWide = openBitCountMax > BitWriter.fieldBitCountMax
      try readOpenBits(&reader, tokens, isWide: isWide, target)
    }
    if isSigned {
      for index in 0..<target.count {
        let value = target[index]
        target[index] = centre &+ (value &>> 1 ^ (0 &- (value & 1)))
      }
    } else {
      for index in 0..<target.count { target[index] = centre &+ target[index] }
    }
  }

  private static func readOpenBits(
    _ reader: inout ChunkReader,
    _ tokens: [UInt16],
    isWide: Bool,
    _ target: Words
  ) throws(ChunkError) {
    var bits = BitReader(reader.bytes.extracting(droppingFirst: reader.position))
    let span = tokens.span
    let counts = TokenCode.openBitCounts
    let bases = TokenCode.bases
    let (countSpan, baseSpan) = (counts.span, bases.span)
    // Tokens come from a table of frequencies, which has none beyond the last one.
    if isWide {
      for index in 0..<target.count {
        let token = Int(unsafe span[unchecked: index])
        let count = Int(unsafe countSpan[unchecked: token])
        target[index] = unsafe baseSpan[unchecked: token] &+ bits.readWide(count)
      }
    } else {
      for index in 0..<target.count {
        let token = Int(unsafe span[unchecked: index])
        let count = Int(unsafe countSpan[unchecked: token])
        target[index] = unsafe baseSpan[unchecked: token] &+ bits.read(count)
      }
    }
    guard !bits.isOverrun else { throw .truncated }
    guard bits.read(bits.remaining & 7) == 0 else { throw .trailing }
    _ = try reader.take(reader.remaining - bits.remaining / 8)
  }
}

/// Writes entropy bodies; keeps its scratch.
struct EntropyEncoder {
  /// About what a table and the states take.
  static let headBitCount = 160.0

  private var tokens: [UInt16] = []
  private var refills: [UInt16] = []

  /// Where the numbers begin and whether they have a sign.
  struct Placement {
    var centre: UInt64
    var isSigned: Bool
    var bitCount: Double

    @inline(__always)
    func number(_ residual: UInt64) -> UInt64 {
      let distance = residual &- centre
      if !isSigned { return distance }
      return ZigZag.encode(Int64(bitPattern: distance))
    }
  }

  /// The cheaper placement of `residuals` (or of a part of them), and what it costs in bits, the
  /// head not counted.
  ///
  /// - Parameter scratch: room for 256 words.
  static func placement(of residuals: Words, scratch: Words) -> Placement {
    let sample = scratch.slice(0..<min(residuals.count, 255))
    for index in 0..<sample.count {
      sample[index] = residuals[index * residuals.count / sample.count]
    }
    sample.sort()
    var smallest = Int64.max
    for index in 0..<residuals.count { smallest = min(smallest, residuals.signed(index)) }
    var signed = Placement(centre: sample[sample.count / 2], isSigned: true, bitCount: 0)
    signed.bitCount = bitCount(of: residuals, signed)
    var plain = Placement(centre: UInt64(bitPattern: smallest), isSigned: false, bitCount: 0)
    plain.bitCount = bitCount(of: residuals, plain)
    return plain.bitCount <= signed.bitCount ? plain : signed
  }

  private static func bitCount(of residuals: Words, _ placement: Placement) -> Double {
    var counts = [UInt32](repeating: 0, count: TokenCode.tokenCountMax)
    for index in 0..<residuals.count {
      counts[TokenCode.token(placement.number(residuals[index]))] &+= 1
    }
    return TokenCode.bitCount(of: counts, total: residuals.count)
  }

  mutating func write(
    _ residuals: Words,
    _ placement: Placement,
    into buffer: inout OutputBuffer
  ) {
    var counts = [UInt32](repeating: 0, count: TokenCode.tokenCountMax)
    tokens.removeAll(keepingCapacity: true)
    tokens.reserveCapacity(residuals.count)
    var openBitCount = 0
    for index in 0..<residuals.count {
      let token = TokenCode.token(placement.number(residuals[index]))
      counts[token] &+= 1
      openBitCount &+= TokenCode.openBitCount(token)
      tokens.append(UInt16(truncatingIfNeeded: token))
    }
    while counts.last == 0 { counts.removeLast() }
    let table = FrequencyTable(counts: counts, total: residuals.count)
    buffer.writeSignedVarint(Int64(bitPattern: placement.centre))
    var bits = BitWriter(consume buffer, bitCountMax: 1 + FrequencyTable.bitCountMax)
    bits.write(placement.isSigned ? 1 : 0, 1)
    table.write(into: &bits)
    buffer = bits.finish()
    RangeCoder.encode(tokens, table, refills: &refills, into: &buffer)
    guard openBitCount > 0 else { return }
    var open = BitWriter(consume buffer, bitCountMax: openBitCount)
    for index in 0..<residuals.count {
      let count = TokenCode.openBitCount(Int(tokens[index]))
      let mask = (1 as UInt64) &<< UInt64(truncatingIfNeeded: count) &- 1
      open.writeWide(placement.number(residuals[index]) & mask, count)
    }
    buffer = open.finish()
  }
}
