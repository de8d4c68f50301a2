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
      // Up to four bytes without a loop.
      let word = UInt64(
        littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position,
          as: UInt64.self
        )
      )
      let bitCount = (~word & 0x8080_8080).trailingZeroBitCount
      if bitCount < 32 {
        let low = word & ((2 &<< UInt64(truncatingIfNeeded: bitCount)) &- 1)
        position &+= (bitCount &+ 1) &>> 3
        return low & 0x7f | low &>> 1 & 0x3f80 | low &>> 2 & 0x1f_c000 | low &>> 3 & 0xfe0_0000
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
