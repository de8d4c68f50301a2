internal import Bytes

/// The residuals of a stream as entropy-coded tokens and open bits (docs/format/chunk.md, "entropy
/// body").
///
///     | shift u8 | centre: zigzag varint | signed u1 | frequencies | padding | states, refills |
///     | open bits |
///
/// - `shift`: only in coarse bodies.
/// - A residual less the centre is a number: zigzagged when signed, else as it is. Its lowest
///   `shift` bits are open, what is above them has a token.
enum EntropyBody {
  /// A number of 64 bits whose upper six are a token of their own.
  static let shiftMax = 58

  static func read(
    _ reader: inout ChunkReader,
    isCoarse: Bool,
    into target: Words
  ) throws(ChunkError) {
    let shift = isCoarse ? Int(try reader.byte()) : 0
    guard shift <= shiftMax, shift > 0 || !isCoarse else { throw .malformed(.width) }
    let centre = UInt64(bitPattern: try reader.signedVarint())
    var bits = BitReader(reader.bytes.extracting(droppingFirst: reader.position))
    let isSigned = bits.read(1) == 1
    let table = try FrequencyTable(&bits)
    guard bits.read(bits.remaining & 7) == 0 else { throw .trailing }
    _ = try reader.take(reader.remaining - bits.remaining / 8)
    let tokens = try Tokens(table, shift: shift)
    if tokens.openBitCountMax == 0 {
      let values = tokens.bases.map { value($0, isSigned, centre) }
      return try RangeCoder.decode(&reader, table, values: values, into: target)
    }
    let indexes = tokens.bases.indices.map { UInt64($0) }
    try RangeCoder.decode(&reader, table, values: indexes, into: target)
    if indexes.count <= TokenCode.exactMax,
      try readOpenFields(&reader, width: shift, isSigned, centre, target)
    {
      return
    }
    try readOpenBits(&reader, tokens, isSigned, centre, target)
  }

  /// Open bits and smallest number of each token of a table.
  private struct Tokens {
    var counts: [UInt8] = []
    var bases: [UInt64] = []
    var openBitCountMax = 0

    init(_ table: FrequencyTable, shift: Int) throws(ChunkError) {
      for token in table.frequencies.indices {
        let count = TokenCode.openBitCount(token) + shift
        if table.frequencies[token] > 0 {
          openBitCountMax = max(openBitCountMax, count)
          // A token from 64 on has three bits above the open ones.
          guard token < TokenCode.exactMax || count <= 61 else { throw .malformed(.width) }
        }
        counts.append(UInt8(count))
        bases.append(TokenCode.base(token) << UInt64(shift))
      }
    }
  }

  @inline(__always)
  private static func value(_ number: UInt64, _ isSigned: Bool, _ centre: UInt64) -> UInt64 {
    let sign: UInt64 = isSigned ? 1 : 0
    return centre &+ (number &>> sign ^ (0 &- (number & sign)))
  }

  /// Reads open bits that are as many for each token.
  ///
  /// - Returns: false, and nothing is read, where the processor has no instructions for it.
  private static func readOpenFields(
    _ reader: inout ChunkReader,
    width: Int,
    _ isSigned: Bool,
    _ centre: UInt64,
    _ target: Words
  ) throws(ChunkError) -> Bool {
    var ahead = reader
    let bytes = try ahead.take(PackedFields.byteCount(target.count, width: width))
    let used = (target.count * width) & 7
    if used != 0, bytes[bytes.count - 1] >> UInt8(used) != 0 { throw .trailing }
    guard target.joinOpenFields(bytes, width: width, isSigned: isSigned, centre: centre) else {
      return false
    }
    reader = ahead
    return true
  }

  private static func readOpenBits(
    _ reader: inout ChunkReader,
    _ tokens: Tokens,
    _ isSigned: Bool,
    _ centre: UInt64,
    _ target: Words
  ) throws(ChunkError) {
    let bytes = reader.bytes.extracting(droppingFirst: reader.position)
    var bits = BitReader(bytes)
    var position = 0
    let start = target.decodeOpenBits(
      bytes,
      bases: tokens.bases,
      widths: tokens.counts,
      widthMax: tokens.openBitCountMax,
      isSigned: isSigned,
      centre: centre,
      position: &position
    )
    bits.skip(position)
    let (countSpan, baseSpan) = (tokens.counts.span, tokens.bases.span)
    // Tokens come from a table of frequencies, which has none beyond the last one.
    if tokens.openBitCountMax > BitWriter.fieldBitCountMax {
      for index in start..<target.count {
        let token = Int(truncatingIfNeeded: target[index])
        let count = Int(unsafe countSpan[unchecked: token])
        let number = unsafe baseSpan[unchecked: token] &+ bits.readWide(count)
        target[index] = value(number, isSigned, centre)
      }
    } else {
      for index in start..<target.count {
        let token = Int(truncatingIfNeeded: target[index])
        let count = Int(unsafe countSpan[unchecked: token])
        let number = unsafe baseSpan[unchecked: token] &+ bits.read(count)
        target[index] = value(number, isSigned, centre)
      }
    }
    guard !bits.isOverrun else { throw .truncated }
    guard bits.read(bits.remaining & 7) == 0 else { throw .trailing }
    _ = try reader.take(reader.remaining - bits.remaining / 8)
  }
}
