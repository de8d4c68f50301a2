import Server
import Testing

/// What clients leave unparsed makes reads smaller, so that no number of them takes much memory.
@Suite struct ReadSizeTests {
  @Test func readsShareARound() {
    let size = ReadSize()
    #expect(size.byteCount == ReadSize.byteCountMax)
    size.adapt(readCount: 16)
    #expect(size.byteCount == 256 << 10)
    size.adapt(readCount: 100_000)
    #expect(size.byteCount == ReadSize.byteCountMin)
    size.adapt(readCount: 1)
    #expect(size.byteCount == ReadSize.byteCountMax)
  }

  @Test func tenThousandWhoReadNothingHoldLittle() {
    let size = ReadSize()
    var held: [Int] = []
    for _ in 0..<10_000 {
      size.adapt(readCount: 1)
      held.append(size.byteCount)
      size.hold(size.byteCount)
    }
    let beyond = 10_000 * ReadSize.heldReadByteCount
    #expect(size.heldByteCount <= ReadSize.heldByteCountMax + beyond)
    #expect(held[0] == ReadSize.byteCountMax)
    #expect(held.last == ReadSize.heldReadByteCount)
    for count in held { size.hold(-count) }
    #expect(size.heldByteCount == 0)
    #expect(size.byteCount == ReadSize.byteCountMax)
  }
}
