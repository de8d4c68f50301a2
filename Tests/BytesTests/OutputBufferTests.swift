import Bytes
import TestSupport
import Testing

@Suite struct OutputBufferTests {
  @Test(arguments: UInt64(1)...50)
  func writesWhatAnArrayWriterWrites(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var buffer = OutputBuffer(reserving: 0)
    var writer = ByteWriter()
    for _ in 0..<300 {
      let value = random.next() >> (random.next() % 64)
      switch random.next() % 6 {
      case 0:
        buffer.writeByte(UInt8(truncatingIfNeeded: value))
        writer.writeByte(UInt8(truncatingIfNeeded: value))
      case 1:
        buffer.writeInteger(value)
        writer.writeInteger(value)
      case 2:
        buffer.writeInteger(UInt16(truncatingIfNeeded: value))
        writer.writeInteger(UInt16(truncatingIfNeeded: value))
      case 3:
        buffer.writeVarint(value)
        writer.writeVarint(value)
      case 4:
        buffer.writeSignedVarint(Int64(bitPattern: value))
        writer.writeSignedVarint(Int64(bitPattern: value))
      default:
        let bytes = random.bytes(Int(value % 40))
        buffer.writeBytes(bytes.span)
        writer.writeBytes(bytes)
      }
    }
    #expect(buffer.array() == writer.bytes)
    #expect(buffer.count == writer.count)
    #expect(buffer.withBytes { CRC32C.checksum($0) } == CRC32C.checksum(writer.bytes))
  }

  @Test func wordsAreLittleEndian() {
    var buffer = OutputBuffer()
    buffer.writeWords([0x0102_0304_0506_0708].span)
    #expect(buffer.array() == [8, 7, 6, 5, 4, 3, 2, 1])
  }

  @Test func truncatedAndReplacedBytesAreGone() {
    var buffer = OutputBuffer()
    buffer.writeInteger(UInt32(0))
    buffer.writeByte(9)
    buffer.truncate(to: 4)
    buffer.replaceInteger(UInt32(0xaabb_ccdd), at: 0)
    #expect(buffer.array() == [0xdd, 0xcc, 0xbb, 0xaa])
    buffer.removeAll()
    #expect(buffer.array() == [])
  }

  @Test func zigZagPutsSmallMagnitudesFirst() {
    #expect([0, -1, 1, -2, 2].map(ZigZag.encode) == [0, 1, 2, 3, 4])
    for value in [Int64.min, .max, -1, 0, 77] {
      #expect(ZigZag.decode(ZigZag.encode(value)) == value)
    }
  }
}
