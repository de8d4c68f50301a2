import Bytes
import TestSupport
import Testing

/// Goal: fields of any width, in any order, come back; what a reader does past the end is defined.
@Suite struct BitTests {
  @Test func goldenBytesNeverChange() {
    // 1, then 0b10 in 3 bits, then 0xab in 8: the first field lies in the lowest bits.
    let bytes = packed([(1, 1), (0b010, 3), (0xab, 8)])
    #expect(bytes == [0b1011_0101, 0b0000_1010])
  }

  @Test(arguments: UInt64(1)...200)
  func seededFieldsRoundTrip(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let fields = (0..<Int.random(in: 0...200, using: &random)).map { _ -> (UInt64, Int) in
      let count = Int.random(in: 0...64, using: &random)
      return (count == 0 ? 0 : random.next() >> UInt64(64 - count), count)
    }
    let bytes = packed(fields)
    #expect(bytes.count == (fields.map(\.1).reduce(0, +) + 7) / 8)
    var reader = BitReader(bytes.span)
    for (index, field) in fields.enumerated() {
      #expect(reader.readWide(field.1) == field.0, "field \(index)")
    }
    #expect(reader.isOverrun == false)
    #expect(reader.isAtPaddedEnd == true)
  }

  @Test func writerKeepsWhatTheBufferHeld() {
    var buffer = OutputBuffer()
    buffer.writeBytes([7, 8, 9][...])
    var bits = BitWriter(consume buffer, bitCountMax: 3)
    bits.write(0b101, 3)
    buffer = bits.finish()
    buffer.writeByte(1)
    #expect(buffer.array() == [7, 8, 9, 5, 1])
  }

  @Test func readerGivesZerosPastTheEndAndSaysSo() {
    let bytes: [UInt8] = [0xff]
    var reader = BitReader(bytes.span)
    #expect(reader.read(8) == 0xff)
    #expect(reader.isOverrun == false)
    #expect(reader.isAtPaddedEnd == true)
    #expect(reader.readWide(64) == 0)
    #expect(reader.isOverrun == true)
    #expect(reader.isAtPaddedEnd == false)
    for _ in 0..<1_000 { _ = reader.readWide(64) }
    #expect(reader.remaining == -64 * 1_001)
  }

  @Test func bitsThatAreLeftOverAreNoPadding() {
    let bytes: [UInt8] = [0b1000_0001]
    var reader = BitReader(bytes.span)
    _ = reader.read(1)
    #expect(reader.isAtPaddedEnd == false)
    _ = reader.read(7)
    #expect(reader.isAtPaddedEnd == true)
  }

  private func packed(_ fields: [(UInt64, Int)]) -> [UInt8] {
    var bits = BitWriter(OutputBuffer(), bitCountMax: fields.map(\.1).reduce(0, +))
    for (value, count) in fields { bits.writeWide(value, count) }
    return bits.finish().array()
  }
}
