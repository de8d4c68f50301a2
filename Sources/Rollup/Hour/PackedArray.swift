internal import Bytes

/// Up to sixty 64-bit integers, packed (docs/format/hour.md, "array").
///
///     | code u8 | base, zigzag varint | step, zigzag varint, of differences only | bits |
///
/// `code` is the bits of a number, and 128 more when differences are packed. Whichever is shorter:
/// what each number lies above the least one, or what each difference lies above the least
/// difference. All modulo 2^64, so that any numbers go through.
enum PackedArray {
  static let holdsDifferences: UInt8 = 0x80

  /// Appends an array; nothing for an empty one.
  static func encode(_ values: [Int64], into target: inout OutputBuffer) {
    guard var previous = values.first else { return }
    var least = previous
    var greatest = previous
    var leastStep = Int64.max
    var greatestStep = Int64.min
    for value in values {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    for value in values.dropFirst() {
      let step = value &- previous
      leastStep = min(leastStep, step)
      greatestStep = max(greatestStep, step)
      previous = value
    }
    let width = bitCount(greatest, above: least)
    let stepWidth = values.count > 1 ? bitCount(greatestStep, above: leastStep) : width
    if stepWidth < width,
      (values.count - 1) * stepWidth + 8 * varintByteCount(values[0])
        + 8 * varintByteCount(leastStep)
        < values.count * width + 8 * varintByteCount(least)
    {
      target.writeByte(UInt8(stepWidth) | holdsDifferences)
      target.writeSignedVarint(values[0])
      target.writeSignedVarint(leastStep)
      write(values.count - 1, stepWidth, into: &target) {
        UInt64(bitPattern: values[$0 &+ 1] &- values[$0] &- leastStep)
      }
    } else {
      target.writeByte(UInt8(width))
      target.writeSignedVarint(least)
      write(values.count, width, into: &target) { UInt64(bitPattern: values[$0] &- least) }
    }
  }

  private static func bitCount(_ value: Int64, above least: Int64) -> Int {
    64 - UInt64(bitPattern: value &- least).leadingZeroBitCount
  }

  private static func varintByteCount(_ value: Int64) -> Int {
    max(1, (70 - ZigZag.encode(value).leadingZeroBitCount) / 7)
  }

  @inline(__always)
  private static func write(
    _ count: Int,
    _ width: Int,
    into target: inout OutputBuffer,
    _ number: (Int) -> UInt64
  ) {
    guard width > 0 else { return }
    var taken = OutputBuffer()
    swap(&taken, &target)
    var bits = BitWriter(consume taken, bitCountMax: count * width)
    if width <= BitWriter.fieldBitCountMax {
      for index in 0..<count { bits.write(number(index), width) }
    } else {
      for index in 0..<count { bits.writeWide(number(index), width) }
    }
    target = bits.finish()
  }
}

/// Steps through the arrays of a run.
struct PackedArrayReader: ~Escapable {
  private let bytes: Span<UInt8>
  private(set) var position: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, _ position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  /// A code, a base and where the bits are.
  private struct Head {
    var width: Int
    var holdsDifferences: Bool
    var base: Int64
    var step: Int64
    var bits: Range<Int>
  }

  private mutating func readHead(_ count: Int) -> Head? {
    guard position < bytes.count else { return nil }
    var reader = ByteReader(bytes.extracting(position..<bytes.count))
    guard let code = reader.readByte(), let base = reader.readSignedVarint() else { return nil }
    let holdsDifferences = code & PackedArray.holdsDifferences != 0
    let width = Int(code & ~PackedArray.holdsDifferences)
    guard width <= 64 else { return nil }
    var step: Int64 = 0
    if holdsDifferences {
      guard let found = reader.readSignedVarint() else { return nil }
      step = found
    }
    let byteCount = ((holdsDifferences ? count - 1 : count) * width + 7) / 8
    guard reader.remaining >= byteCount else { return nil }
    let start = position + reader.offset
    position = start + byteCount
    return Head(
      width: width,
      holdsDifferences: holdsDifferences,
      base: base,
      step: step,
      bits: start..<start + byteCount
    )
  }

  /// Steps over an array of `count` numbers; `nil` when the bytes run out.
  mutating func skip(_ count: Int) -> Void? {
    guard count > 0 else { return () }
    return readHead(count) == nil ? nil : ()
  }

  /// Reads an array into the first `count` elements of `values`; `nil` when the bytes run out.
  ///
  /// - Complexity: about 1 ns a number.
  mutating func read(_ count: Int, into values: inout [Int64]) -> Void? {
    guard count > 0 else { return () }
    guard let head = readHead(count) else { return nil }
    var reader = BitReader(bytes.extracting(head.bits))
    if head.width == 0, !head.holdsDifferences {
      for index in 0..<count { values[index] = head.base }
    } else if head.holdsDifferences {
      var value = head.base
      values[0] = value
      for index in 1..<count {
        value &+= Int64(bitPattern: reader.readWide(head.width)) &+ head.step
        values[index] = value
      }
    } else if head.width <= BitWriter.fieldBitCountMax {
      for index in 0..<count {
        values[index] = Int64(bitPattern: reader.read(head.width)) &+ head.base
      }
    } else {
      for index in 0..<count {
        values[index] = Int64(bitPattern: reader.readWide(head.width)) &+ head.base
      }
    }
    return ()
  }

  /// Steps over `byteCount` bytes and gives their range; `nil` when they run out.
  mutating func take(_ byteCount: Int) -> Range<Int>? {
    guard byteCount >= 0, byteCount <= bytes.count - position else { return nil }
    defer { position += byteCount }
    return position..<position + byteCount
  }

  mutating func readByte() -> UInt8? {
    guard position < bytes.count else { return nil }
    position += 1
    return bytes[position - 1]
  }

  mutating func readWord() -> UInt64? {
    guard let range = take(8) else { return nil }
    var reader = ByteReader(bytes.extracting(range))
    return reader.readInteger(UInt64.self)
  }

  mutating func readVarint() -> UInt64? {
    guard position < bytes.count else { return nil }
    var reader = ByteReader(bytes.extracting(position..<bytes.count))
    guard let value = reader.readVarint() else { return nil }
    position += reader.offset
    return value
  }
}
