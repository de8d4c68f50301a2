/// A forward-only cursor over borrowed bytes; multi-byte integers are little-endian.
///
/// Reads return `nil` once the bytes run out: they come from a disk or a socket, so a short buffer
/// is a data error for the caller to name, never a trap. After a `nil` the position is unspecified.
@frozen
public struct ByteReader: ~Escapable {
  @usableFromInline let bytes: Span<UInt8>
  /// Bytes consumed so far.
  @inlinable public var offset: Int { position }
  @usableFromInline var position = 0

  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  /// Bytes not yet consumed.
  @inlinable public var remaining: Int { bytes.count - position }

  /// Reads one byte.
  @inlinable
  public mutating func readByte() -> UInt8? {
    guard remaining > 0 else { return nil }
    position += 1
    return bytes[position - 1]
  }

  /// Reads a fixed-width little-endian integer.
  @inlinable
  public mutating func readInteger<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) -> Value? {
    let width = Value.bitWidth / 8
    guard remaining >= width else { return nil }
    let value = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: position, as: Value.self)
    position += width
    return Value(littleEndian: value)
  }

  /// Reads an LEB128 unsigned integer of 1 to 10 bytes.
  @inlinable
  public mutating func readVarint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard remaining > 0 else { return nil }
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { return nil }  // The tenth byte has one bit left.
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  /// Reads a zigzag varint: small magnitudes of either sign stay short.
  @inlinable
  public mutating func readSignedVarint() -> Int64? {
    guard let raw = readVarint() else { return nil }
    return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
  }

  /// Reads `count` bytes as a new array; `nil` when fewer are left or `count` is negative.
  @inlinable
  public mutating func readBytes(_ count: Int) -> [UInt8]? {
    guard count >= 0, remaining >= count else { return nil }
    let range = position..<position + count
    position += count
    return unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
  }

  /// Reads a varint length and that many bytes, at most `byteCountMax` of them.
  @inlinable
  public mutating func readLengthPrefixed(byteCountMax: Int) -> [UInt8]? {
    guard let count = readVarint(), count <= UInt64(byteCountMax) else { return nil }
    return readBytes(Int(count))
  }

  /// Steps over `count` bytes; `nil` when fewer are left.
  @inlinable
  public mutating func skip(_ count: Int) -> Void? {
    guard count >= 0, remaining >= count else { return nil }
    position += count
    return ()
  }
}
