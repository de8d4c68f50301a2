/// Looks at eight bytes of text at a time. The first byte is the lowest one of a word.
enum ByteScan {
  static let ones: UInt64 = 0x0101_0101_0101_0101
  static let highs: UInt64 = 0x8080_8080_8080_8080

  static let lineFeed: UInt8 = 0x0a
  static let carriageReturn: UInt8 = 0x0d
  static let space: UInt8 = 0x20
  static let quote: UInt8 = 0x22
  static let hash: UInt8 = 0x23
  static let comma: UInt8 = 0x2c
  static let minus: UInt8 = 0x2d
  static let point: UInt8 = 0x2e
  static let zero: UInt8 = 0x30
  static let equals: UInt8 = 0x3d
  static let backslash: UInt8 = 0x5c

  /// Whether a backslash before this byte of a string is not a part of the string. The official
  /// QuestDB client escapes line ends as well as quotes and backslashes.
  @inline(__always)
  static func isEscapedInStrings(_ byte: UInt8) -> Bool {
    byte == quote || byte == backslash || byte == lineFeed || byte == carriageReturn
  }

  /// Eight bytes from anywhere.
  @inline(__always)
  static func word(_ pointer: UnsafeRawPointer) -> UInt64 {
    unsafe UInt64(littleEndian: pointer.loadUnaligned(as: UInt64.self))
  }

  @inline(__always)
  static func byte(_ pointer: UnsafeRawPointer) -> UInt8 { unsafe pointer.load(as: UInt8.self) }

  /// The high bit of each zero byte of `word`, exact up to and including the first one.
  @inline(__always)
  static func zeroBytes(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highs }

  /// The high bit of each byte that is not 0 ... 9 once `word` is text xor "00000000"; exact up to
  /// and including the first such byte, and beyond it as long as all bytes are ASCII.
  @inline(__always)
  static func nonDigits(_ word: UInt64) -> UInt64 {
    ((word &+ 0x7676_7676_7676_7676) | word) & highs
  }

  /// The number of the byte whose high bit is the lowest one set; 8 when none is.
  @inline(__always)
  static func firstByte(_ mask: UInt64) -> Int { mask.trailingZeroBitCount &>> 3 }

  /// The value of eight digits, each a byte of 0 ... 9.
  @inline(__always)
  static func value(ofDigits digits: UInt64) -> UInt64 {
    let pairs = (digits &* 10) &+ (digits &>> 8)
    let even = (pairs & 0x0000_00ff_0000_00ff) &* 0x000f_4240_0000_0064
    let odd = ((pairs &>> 16) & 0x0000_00ff_0000_00ff) &* 0x0000_2710_0000_0001
    return (even &+ odd) &>> 32
  }

  /// The first of two bytes in `start ..< end`, or `end`.
  static func find(
    _ first: UInt8,
    or second: UInt8,
    from start: UnsafeRawPointer,
    to end: UnsafeRawPointer
  ) -> UnsafeRawPointer {
    let patternA = UInt64(first) &* ones
    let patternB = UInt64(second) &* ones
    var cursor = unsafe start
    while unsafe end - cursor >= 8 {
      let text = unsafe word(cursor)
      let found = zeroBytes(text ^ patternA) | zeroBytes(text ^ patternB)
      if found != 0 { return unsafe cursor + firstByte(found) }
      unsafe cursor += 8
    }
    while unsafe cursor < end {
      let value = unsafe byte(cursor)
      if value == first || value == second { return unsafe cursor }
      unsafe cursor += 1
    }
    return unsafe end
  }

  /// Whether `count` bytes agree.
  @inline(__always)
  static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
    var offset = 0
    while offset &+ 8 <= count {
      if unsafe word(left + offset) != word(right + offset) { return false }
      offset &+= 8
    }
    while offset < count {
      if unsafe byte(left + offset) != byte(right + offset) { return false }
      offset &+= 1
    }
    return true
  }

  /// Spreads the bytes over 64 bits; keyed, because clients choose the bytes.
  @inline(__always)
  static func hash(_ start: UnsafeRawPointer, count: Int, seed: UInt64) -> UInt64 {
    var state = seed ^ (UInt64(truncatingIfNeeded: count) &* 0x9e37_79b9_7f4a_7c15)
    var offset = 0
    while offset &+ 8 <= count {
      state = unsafe fold(state ^ word(start + offset))
      offset &+= 8
    }
    if offset < count {
      var tail: UInt64 = 0
      while offset < count {
        tail = unsafe tail << 8 | UInt64(byte(start + offset))
        offset &+= 1
      }
      state = fold(state ^ tail)
    }
    return state ^ state >> 29
  }

  @inline(__always)
  static func fold(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
    return product.high ^ product.low
  }
}
