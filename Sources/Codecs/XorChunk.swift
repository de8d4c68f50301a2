internal import Bytes
internal import Model

/// Floats as differences in their bits: the XOR scheme of Gorilla (Pelkonen and others, VLDB 2015),
/// with fields in the order of ``BitWriter`` (docs/format/chunk.md, "xor").
///
///     | first value u64 | code | code | ...
///     code := | 0 |                                           the previous value again
///             | 1 0 | bits |                                  the bits inside the last window
///             | 1 1 | leading u5 | bit count − 1 u6 | bits |  a new window
///
/// A window says which bits of the XOR are stored: all but `leading` at the high end and what then
/// remains at the low end. The decoder follows whatever window the encoder chose.
enum XorChunk {
  static let leadingMax = 31
  /// Code, leading and bit count of a new window.
  static let windowBitCount = 13
  /// A new window is opened when it saves more than its own header costs over the last one.
  static let windowSlack = windowBitCount - 2
  /// Bits of the longest code: a new window over all 64.
  static let codeBitCountMax = windowBitCount + 64

  static func encode(_ cells: Span<Cell>, into buffer: inout OutputBuffer) {
    buffer.writeByte(ChunkCodec.xor.rawValue)
    buffer.writeInteger(cells[0])
    var bits = BitWriter(consume buffer, bitCountMax: codeBitCountMax * (cells.count - 1))
    writeCodes(cells, into: &bits)
    buffer = bits.finish()
  }

  private static func writeCodes(_ cells: Span<Cell>, into bits: inout BitWriter) {
    var previous = cells[0]
    var trailing = 0
    // No XOR fits a window of no bits.
    var bitCount = 0
    var leading = 64
    for index in 1..<cells.count {
      let cell = unsafe cells[unchecked: index]
      let difference = cell ^ previous
      previous = cell
      if difference == 0 {
        bits.write(0, 1)
        continue
      }
      let newLeading = min(difference.leadingZeroBitCount, leadingMax)
      let newTrailing = difference.trailingZeroBitCount
      let newBitCount = 64 &- newLeading &- newTrailing
      // Which of both comes next cannot be foreseen: chosen by moves, with few branches.
      let room = newBitCount &+ windowSlack &- bitCount
      let reuses = (newLeading &- leading) | (newTrailing &- trailing) | room >= 0
      leading = reuses ? leading : newLeading
      trailing = reuses ? trailing : newTrailing
      bitCount = reuses ? bitCount : newBitCount
      let window = UInt64(truncatingIfNeeded: leading | (bitCount &- 1) &<< 5) &<< 2 | 0b11
      bits.write(reuses ? 0b01 : window, reuses ? 2 : windowBitCount)
      bits.writeWide(difference &>> UInt64(truncatingIfNeeded: trailing), bitCount)
    }
  }

  static func decode(_ payload: Span<UInt8>, into words: Words) throws(ChunkError) {
    guard payload.count >= 8 else { throw .truncated }
    var reader = BitReader(payload)
    let first = reader.readWide(64)
    let isSound = readCodes(&reader, first: first, into: words)
    guard isSound else { throw .malformed(.window) }
    guard !reader.isOverrun else { throw .truncated }
    guard reader.isAtPaddedEnd else { throw .trailing }
  }

  /// Fills `target`; false when a code names a window that cannot be.
  private static func readCodes(
    _ source: inout BitReader,
    first: Cell,
    into target: Words
  ) -> Bool {
    var reader = source
    var previous = first
    var trailing: UInt64 = 0
    var bitCount = 0
    var isSound = true
    target[0] = first
    for index in 1..<target.count {
      let word = reader.peek()
      if word & 1 == 0 {
        reader.skip(1)
      } else {
        var field = word &>> 2
        var used = 2
        if word & 2 != 0 {
          let leading = Int(truncatingIfNeeded: word &>> 2 & 0x1f)
          bitCount = Int(truncatingIfNeeded: word &>> 7 & 0x3f) &+ 1
          let rest = 64 &- leading &- bitCount
          if rest < 0 { isSound = false }
          trailing = UInt64(truncatingIfNeeded: rest & 63)
          field = word &>> UInt64(windowBitCount)
          used = windowBitCount
        } else if bitCount == 0 {
          isSound = false
        }
        if bitCount &+ used <= BitWriter.fieldBitCountMax {
          reader.skip(bitCount &+ used)
          field &= (1 &<< UInt64(truncatingIfNeeded: bitCount)) &- 1
        } else {
          reader.skip(used)
          field = reader.readWide(bitCount)
        }
        previous ^= field &<< trailing
      }
      target[index] = previous
    }
    source = reader
    return isSound
  }
}
