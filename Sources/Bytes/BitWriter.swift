/// Appends bit fields to an ``OutputBuffer``, the first field in the lowest bits of the first byte.
///
/// Each write stores a whole unaligned word and steps by the bytes that it completed: no branch and
/// no loop. The worst case is reserved up front, and fields beyond it would leave the buffer, so a
/// caller states a bound that holds for every input. The writer takes the buffer and gives it back:
///
///     var bits = BitWriter(consume buffer, bitCountMax: 7 * count)
///     ...
///     buffer = bits.finish()
@safe @frozen public struct BitWriter: ~Copyable {
  /// The widest field of one ``write(_:_:)``: 7 bits may still be pending, and a word that is never
  /// filled to its last bit needs no special case.
  public static let fieldBitCountMax = 56

  @usableFromInline var buffer: OutputBuffer
  @usableFromInline var cursor: UnsafeMutableRawPointer
  @usableFromInline var pending: UInt64 = 0
  @usableFromInline var pendingCount: UInt64 = 0

  /// - Parameter bitCountMax: at least as many bits as will be written.
  @inlinable
  public init(_ buffer: consuming OutputBuffer, bitCountMax: Int) {
    buffer.reserve(bitCountMax / 8 + 16)
    unsafe cursor = buffer.base + buffer.end
    self.buffer = buffer
  }

  /// Appends the low `count` bits of `value`; its other bits must be 0.
  ///
  /// - Parameter count: 0 ... ``fieldBitCountMax``.
  @inlinable
  public mutating func write(_ value: UInt64, _ count: Int) {
    assert(count >= 0 && count <= Self.fieldBitCountMax)
    assert(value >> UInt64(count) == 0)
    assert(unsafe cursor + 8 <= buffer.base + buffer.limit)
    let word = pending | value &<< pendingCount
    unsafe cursor.storeBytes(of: word.littleEndian, as: UInt64.self)
    let total = pendingCount &+ UInt64(truncatingIfNeeded: count)
    unsafe cursor += Int(truncatingIfNeeded: total &>> 3)
    pending = word &>> (total & 0x38)
    pendingCount = total & 7
  }

  /// Appends the low `count` bits of `value`, up to all 64; its other bits must be 0.
  @inlinable
  public mutating func writeWide(_ value: UInt64, _ count: Int) {
    if count <= Self.fieldBitCountMax {
      write(value, count)
    } else {
      write(value & 0xffff_ffff, 32)
      write(value &>> 32, count &- 32)
    }
  }

  /// Fills the last byte with zero bits and gives the buffer back.
  @inlinable
  public consuming func finish() -> OutputBuffer {
    if pendingCount > 0 { unsafe cursor += 1 }
    let end = unsafe cursor - buffer.base
    precondition(end <= buffer.limit)
    buffer.end = end
    return buffer
  }
}
