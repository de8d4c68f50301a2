/// Why stored chunk bytes could not be decoded.
///
/// Always a fault of the bytes, so callers report the chunk and carry on. A fault of the caller
/// (too many values, unsorted timestamps) breaks a precondition and traps instead.
public enum ChunkError: Error, Equatable, Sendable {
  /// The payload ended before all values were read.
  case truncated
  /// All values were read and bytes, or bits that are not 0, are left over.
  case trailing
  /// The first byte names no codec, or none that the column's type can have.
  case codec(UInt8)
  /// A field holds what the writer never produces.
  case malformed(Field)
  /// The strings of the columns read together pass what a string cell can address.
  case stringsTooLong

  /// Field names as docs/format/chunk.md spells them.
  public enum Field: Equatable, Sendable {
    case constant, window, width, unit, step, timestamp, distinctCount, index, length
    case form, divisor, patch, frequency, state, exponent, denominator, value, frame, statistics
  }
}
