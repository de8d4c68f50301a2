import Bytes
import Model
import TestSupport
import Testing

@Suite struct RefusalCodecTests {
  static let counts = [
    RefusalCount(measurement: nil, reason: .unparsable, lines: 3, points: 0),
    RefusalCount(measurement: MeasurementID(0), reason: .future, lines: 1, points: 2_000),
    RefusalCount(measurement: MeasurementID(.max), reason: .tooWide, lines: .max, points: .max),
  ]

  private func bytes(_ counts: [RefusalCount]) -> [UInt8] {
    var writer = ByteWriter()
    RefusalCodec.encode(counts, into: &writer)
    return writer.bytes
  }

  @Test func aBatchOfRefusalsComesBack() throws {
    let batch = RefusalCodec.batch(
      of: Self.counts,
      tenant: TenantID(3),
      partition: PartitionID(5),
      registryVersion: 11,
      arrival: 17
    )
    #expect(batch.header.kind == .refusals)
    #expect(batch.header.rowCount == 3)
    #expect(batch.header.tenant == TenantID(3))
    #expect(batch.header.registryVersion == 11)
    #expect(RefusalCodec.decode(batch) == Self.counts)
  }

  @Test func goldenBytesNeverChange() {
    let golden =
      "00 01 03 00  01 06 01 d0 0f  8080808010 08 ffffffffffffffffff01 ffffffffffffffffff01"
    #expect(bytes(Self.counts) == Hex.bytes(golden))
  }

  @Test func rowsAreNoRefusals() {
    let batch = RowSamples(seed: 1).batch()
    #expect(RefusalCodec.decode(batch) == nil)
  }

  @Test func nothingButTheEntriesIsAccepted() {
    let whole = bytes(Self.counts)
    #expect(RefusalCodec.decode(whole.span, count: 3) == Self.counts)
    for count in [0, 1, 2, 4, Int.max] {
      #expect(RefusalCodec.decode(whole.span, count: count) == nil)
    }
    for end in whole.indices {
      #expect(RefusalCodec.decode(Array(whole[..<end]).span, count: 3) == nil)
    }
    #expect(RefusalCodec.decode([UInt8]().span, count: 0) == [])
    // A reason that nobody knows, a measurement of 33 bits.
    #expect(RefusalCodec.decode([0, 99, 1, 1].span, count: 1) == nil)
    #expect(RefusalCodec.decode([0x81, 0x80, 0x80, 0x80, 0x10, 1, 1, 1].span, count: 1) == nil)
  }

  @Test func noBitFlipTraps() {
    let whole = bytes(Self.counts)
    for bit in 0..<whole.count * 8 {
      let found = RefusalCodec.decode(whole.flipping(bit: bit).span, count: 3)
      #expect(found == nil || found?.count == 3)
    }
  }
}
