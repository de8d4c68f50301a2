/// The first byte of every chunk: how its payload is laid out (docs/format/chunk.md).
///
/// Codes are never reused. None is 0, so that zeroed bytes name no codec. Codes from 128 on are one
/// codec, ``scaled``, whose order and exponent ride in the byte.
public enum ChunkCodec: UInt8, Sendable, CaseIterable {
  /// All values are one value.
  case constant = 1
  /// 8 bytes a value, little-endian.
  case raw = 2
  /// Float: XOR with the previous value, meaningful bits only.
  case xor = 3
  /// Float: a stream of the high bits, and the low bits as they are.
  case split = 4
  /// Float: decimals and what their last bits are off by.
  case nearlyDecimal = 5
  /// Float: fractions of one denominator and what their last bits are off by.
  case quotient = 6
  /// Float: each distinct value once, and a stream of indexes.
  case valueDictionary = 7
  /// The cells in one zstd frame.
  case zstd = 8
  /// String: each distinct string once, and a stream of indexes.
  case dictionary = 9
  /// String: every length, then every string.
  case strings = 10
  /// String: every length, then all text in one zstd frame.
  case compressedStrings = 12
  /// Timestamps: slots of a steady grid, and the distance from them.
  case grid = 11
  /// Float: fractions, each with its own denominator, and what their last bits are off by.
  case fraction = 13
  /// Float, integer, unsigned, boolean: what the values come to, and then a chunk of them.
  case statistics = 14
  /// Float: integers over a power of two.
  case binary = 15
  /// Float: bit patterns with the sign in the lowest bit.
  case magnitudes = 16
  /// Float, integer, unsigned, boolean: an integer stream, divided by a power of ten.
  case scaled = 128

  /// The codec of a chunk's first byte.
  public init?(firstByte: UInt8) {
    self.init(rawValue: firstByte >= 128 ? 128 : firstByte)
  }
}
