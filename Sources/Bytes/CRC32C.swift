internal import CBytes

/// CRC32C (Castagnoli; RFC 3720 appendix B.4): the check value of "123456789" is `0xe3069283`.
///
/// The checksum of every record, chunk group and footer. 8 bytes an instruction, about 9 GB/s.
public enum CRC32C {
  /// The checksum of `bytes`, continuing from `crc` (0 for a start).
  public static func checksum(_ bytes: Span<UInt8>, continuing crc: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return crc }
      return unsafe cbytes_crc32c(crc, base, buffer.count)
    }
  }

  /// The checksum of an array.
  public static func checksum(_ bytes: [UInt8]) -> UInt32 { checksum(bytes.span) }

  /// The checksum of raw memory.
  public static func checksum(_ bytes: UnsafeRawBufferPointer, continuing crc: UInt32 = 0) -> UInt32
  {
    guard let base = bytes.baseAddress else { return crc }
    return unsafe cbytes_crc32c(crc, base, bytes.count)
  }

  /// The same checksum from the table that stands in where the processor has no instruction for it.
  package static func checksumByTable(_ bytes: [UInt8], continuing crc: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return crc }
      return unsafe cbytes_crc32c_table(crc, base, buffer.count)
    }
  }
}
