/// Reads bit fields that ``BitWriter`` wrote, from borrowed bytes.
///
/// Past the end it reads zeros and goes on counting, so that a decoder's loop has no check a field:
/// the decoder asks ``isOverrun`` once at its end. No byte pattern and no call order can make it
/// read outside the bytes.
@frozen public struct BitReader: ~Escapable {
  @usableFromInline let bytes: RawSpan
  /// Bits consumed so far, those beyond the end included.
  @usableFromInline var position = 0
  /// The last position at which a whole word can be loaded; negative when there is none.
  @usableFromInline let wordPositionMax: Int
  /// The last word, or all of fewer bytes: what is read from behind ``wordPositionMax``. Chunks are
  /// short, many end within it.
  @usableFromInline let tail: UInt64

  @inlinable
  @_lifetime(copy source)
  public init(_ source: Span<UInt8>) {
    bytes = unsafe source.bytes
    wordPositionMax = source.count &* 8 &- 64
    if source.count >= 8 {
      let word = unsafe source.bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: source.count &- 8,
        as: UInt64.self
      )
      tail = UInt64(littleEndian: word)
    } else {
      var word: UInt64 = 0
      for index in source.indices { word |= UInt64(source[index]) &<< UInt64(8 &* index) }
      tail = word
    }
  }

  /// Whether more bits were consumed than there are.
  @inlinable public var isOverrun: Bool { position > bytes.byteCount &* 8 }

  /// Bits not consumed yet; negative after an overrun.
  @inlinable public var remaining: Int { bytes.byteCount &* 8 &- position }

  /// The next 57 bits or more, lowest first, without consuming them.
  @inlinable
  public func peek() -> UInt64 {
    guard position <= wordPositionMax else {
      // A shift of 64 or more leaves 0.
      return tail >> (position &- max(0, wordPositionMax))
    }
    let word = unsafe bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: position &>> 3,
      as: UInt64.self
    )
    return UInt64(littleEndian: word) &>> UInt64(truncatingIfNeeded: position & 7)
  }

  /// Consumes `count` bits, 0 ... 64.
  @inlinable
  public mutating func skip(_ count: Int) { position &+= count }

  /// Reads a field of 0 ... ``BitWriter/fieldBitCountMax`` bits.
  @inlinable
  public mutating func read(_ count: Int) -> UInt64 {
    assert(count >= 0 && count <= BitWriter.fieldBitCountMax)
    let word = peek()
    position &+= count
    return word & ((1 &<< UInt64(truncatingIfNeeded: count)) &- 1)
  }

  /// Reads a field of 0 ... 64 bits.
  @inlinable
  public mutating func readWide(_ count: Int) -> UInt64 {
    if count <= BitWriter.fieldBitCountMax { return read(count) }
    let low = read(32)
    return low | read(count &- 32) &<< 32
  }

  /// Whether what is left is less than a byte of zero bits: how ``BitWriter/finish()`` ends.
  @inlinable public var isAtPaddedEnd: Bool {
    let rest = remaining
    return rest >= 0 && rest < 8 && peek() == 0
  }
}
