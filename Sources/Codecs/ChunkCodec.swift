/// The first byte of every chunk: how its payload is laid out (docs/format/chunk.md).
///
/// Codes are never reused. None is 0, so that zeroed bytes name no codec.
public enum ChunkCodec: UInt8, Sendable, CaseIterable {
  /// All values are one value.
  case constant = 1
  /// Float, integer, unsigned: 8 bytes a value, little-endian.
  case raw = 2
  /// Float: XOR with the previous value, meaningful bits only.
  case xor = 3
  /// Integer, unsigned: differences above their minimum, packed at one width.
  case packedDelta = 4
  /// Integer, unsigned: differences as varints.
  case varintDelta = 5
  /// Boolean: one bit a value.
  case bits = 6
  /// String: each distinct string once, and packed indexes.
  case dictionary = 7
  /// String: every length, then every string.
  case strings = 8
  /// Timestamps: one step between all neighbours.
  case steady = 9
  /// Timestamps: differences of differences.
  case deltaOfDelta = 10
}
