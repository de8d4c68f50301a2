internal import Bytes

/// Fields of one width, packed without gaps, the first in the lowest bits of the first byte.
///
/// Each field is taken by a load of its own from a byte position that its index gives, so that
/// neighbours do not wait for each other.
enum PackedFields {
  /// Up to this width one 8-byte load holds a whole field whatever its bit position.
  static let narrowBitCountMax = 57

  static func byteCount(_ count: Int, width: Int) -> Int { (count * width + 7) / 8 }

  /// Fills `target` with fields of `width` bits plus `base`.
  ///
  /// - Parameter bytes: exactly ``byteCount(_:width:)`` of them.
  /// - Throws: `.trailing` when the bits behind the last field are not 0.
  static func unpack(
    _ bytes: Span<UInt8>,
    width: Int,
    base: UInt64,
    into target: Words
  ) throws(ChunkError) {
    precondition(width >= 0 && width <= 64)
    precondition(bytes.count == byteCount(target.count, width: width))
    if width == 0 { return target.fill(base) }
    let used = (target.count * width) & 7
    if used != 0, bytes[bytes.count - 1] >> UInt8(used) != 0 { throw .trailing }
    if target.unpackWide(bytes, width: width, base: base) { return }
    if width > narrowBitCountMax {
      unpackWide(bytes, width: width, base: base, into: target)
    } else {
      unpackNarrow(bytes, width: width, base: base, into: target)
    }
  }

  private static func unpackNarrow(
    _ bytes: Span<UInt8>,
    width: Int,
    base: UInt64,
    into target: Words
  ) {
    let raw = unsafe bytes.bytes
    let count = target.count
    let mask: UInt64 = (1 &<< UInt64(truncatingIfNeeded: width)) &- 1
    var index = unpackEights(bytes, width: width, base: base, into: target)
    var position = index &* width
    let lastWord = bytes.count &- 8
    if lastWord >= 0 {
      // Fields that begin at or before the last whole word's first byte.
      let direct = min(count, (lastWord &* 8 &+ 7) / width &+ 1)
      while index < direct {
        let word = unsafe raw.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position &>> 3,
          as: UInt64.self
        )
        let field = (UInt64(littleEndian: word) &>> UInt64(truncatingIfNeeded: position & 7)) & mask
        target[index] = base &+ field
        position &+= width
        index &+= 1
      }
    }
    guard index < count else { return }
    var tail: UInt64 = 0
    let tailStart = max(0, lastWord)
    for offset in tailStart..<bytes.count {
      tail |= UInt64(bytes[offset]) &<< UInt64(8 &* (offset &- tailStart))
    }
    position &-= tailStart &* 8
    while index < count {
      let field = (tail &>> UInt64(truncatingIfNeeded: position)) & mask
      target[index] = base &+ field
      position &+= width
      index &+= 1
    }
  }

  /// Unpacks eight fields at a time, whose places in `width` bytes the compiler knows; the last
  /// ones are left, because no load may reach behind the bytes.
  ///
  /// - Returns: how many fields were unpacked.
  private static func unpackEights(
    _ bytes: Span<UInt8>,
    width: Int,
    base: UInt64,
    into target: Words
  ) -> Int {
    let lastLoad = bytes.count &- 8 &- (7 &* width) &>> 3
    guard lastLoad >= 0 else { return 0 }
    let groups = min(target.count &>> 3, lastLoad / width &+ 1)
    let raw = unsafe bytes.bytes
    /// Inlined for each width, so that all shifts are constants.
    @inline(__always)
    func unpack(_ width: Int) {
      let mask: UInt64 = (1 &<< UInt64(truncatingIfNeeded: width)) &- 1
      @inline(__always)
      func load(_ place: Int) -> UInt64 {
        UInt64(
          littleEndian: unsafe raw.unsafeLoadUnaligned(
            fromUncheckedByteOffset: place,
            as: UInt64.self
          )
        )
      }
      for group in 0..<groups {
        let start = group &* width
        let first = load(start)
        @inline(__always)
        func put(_ field: Int) {
          let bit = field &* width
          let word = width <= 8 ? first : load(start &+ bit &>> 3)
          let shift = UInt64(truncatingIfNeeded: width <= 8 ? bit : bit & 7)
          target[group &* 8 &+ field] = base &+ (word &>> shift & mask)
        }
        put(0)
        put(1)
        put(2)
        put(3)
        put(4)
        put(5)
        put(6)
        put(7)
      }
    }
    switch width {
    case 1: unpack(1)
    case 2: unpack(2)
    case 3: unpack(3)
    case 4: unpack(4)
    case 5: unpack(5)
    case 6: unpack(6)
    case 7: unpack(7)
    case 8: unpack(8)
    case 9: unpack(9)
    case 10: unpack(10)
    case 11: unpack(11)
    case 12: unpack(12)
    case 13: unpack(13)
    case 14: unpack(14)
    case 15: unpack(15)
    case 16: unpack(16)
    case 17: unpack(17)
    case 18: unpack(18)
    case 19: unpack(19)
    case 20: unpack(20)
    case 21: unpack(21)
    case 22: unpack(22)
    case 23: unpack(23)
    case 24: unpack(24)
    default: return 0
    }
    return groups &* 8
  }

  private static func unpackWide(
    _ bytes: Span<UInt8>,
    width: Int,
    base: UInt64,
    into target: Words
  ) {
    var reader = BitReader(bytes)
    for index in 0..<target.count { target[index] = base &+ reader.readWide(width) }
  }

  /// Appends the low `width` bits of each word less `base`.
  static func pack(
    _ words: Words,
    width: Int,
    base: UInt64,
    into buffer: inout OutputBuffer
  ) {
    guard width > 0 else { return }
    let mask = UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- width)
    var bits = BitWriter(consume buffer, bitCountMax: width * words.count)
    if width <= BitWriter.fieldBitCountMax {
      for index in 0..<words.count { bits.write((words[index] &- base) & mask, width) }
    } else {
      for index in 0..<words.count { bits.writeWide((words[index] &- base) & mask, width) }
    }
    buffer = bits.finish()
  }
}
