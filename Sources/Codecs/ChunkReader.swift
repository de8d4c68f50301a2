internal import Bytes

/// A forward cursor over one chunk. Nothing it is asked for reaches outside the bytes; what is not
/// there is ``ChunkError/truncated``.
struct ChunkReader: ~Escapable {
  let bytes: Span<UInt8>
  private(set) var position = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  mutating func byte() throws(ChunkError) -> UInt8 {
    guard position < bytes.count else { throw .truncated }
    position += 1
    return bytes[position - 1]
  }

  mutating func varint() throws(ChunkError) -> UInt64 {
    if position < bytes.count, bytes[position] < 0x80 {
      position += 1
      return UInt64(bytes[position - 1])
    }
    if position <= bytes.count &- 8 {
      // Up to eight bytes without a loop; from five on sevens of bits to fourteens, to 28, to 56.
      let word = UInt64(
        littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position,
          as: UInt64.self
        )
      )
      let bitCount = (~word & 0x8080_8080_8080_8080).trailingZeroBitCount
      if bitCount < 64 {
        var low = word & ((2 &<< UInt64(truncatingIfNeeded: bitCount)) &- 1)
        position &+= (bitCount &+ 1) &>> 3
        if bitCount < 32 {
          return low & 0x7f | low &>> 1 & 0x3f80 | low &>> 2 & 0x1f_c000 | low &>> 3 & 0xfe0_0000
        }
        low = low & 0x007f_007f_007f_007f | low &>> 1 & 0x3f80_3f80_3f80_3f80
        low = low & 0x0000_3fff_0000_3fff | low &>> 2 & 0x0fff_c000_0fff_c000
        return low & 0x0000_0000_0fff_ffff | low &>> 4 & 0x00ff_ffff_f000_0000
      }
    }
    var reader = ByteReader(bytes.extracting(droppingFirst: position))
    guard let value = reader.readVarint() else { throw .truncated }
    position += reader.offset
    return value
  }

  mutating func signedVarint() throws(ChunkError) -> Int64 { ZigZag.decode(try varint()) }

  mutating func word() throws(ChunkError) -> UInt64 {
    var reader = ByteReader(bytes.extracting(droppingFirst: position))
    guard let value = reader.readInteger(UInt64.self) else { throw .truncated }
    position += 8
    return value
  }

  /// Steps over `count` bytes and lends them.
  @_lifetime(copy self)
  mutating func take(_ count: Int) throws(ChunkError) -> Span<UInt8> {
    guard count >= 0, count <= bytes.count - position else { throw .truncated }
    let start = position
    position += count
    return bytes.extracting(start..<start + count)
  }

  /// Everything that is left.
  @_lifetime(copy self)
  mutating func rest() -> Span<UInt8> {
    let start = position
    position = bytes.count
    return bytes.extracting(droppingFirst: start)
  }

  func expectEnd() throws(ChunkError) {
    guard position == bytes.count else { throw .trailing }
  }
}
