import Model
import TestSupport
import Testing

@Suite struct BatchHeaderTests {
  static func header(seed: UInt64) -> BatchHeader {
    var random = SeededRandom(seed: seed)
    return BatchHeader(
      kind: random.oneIn(2) ? .rows : .refusals,
      tenant: TenantID(UInt32(truncatingIfNeeded: random.next())),
      epoch: Epoch(UInt32(truncatingIfNeeded: random.next())),
      partition: PartitionID(UInt16(random.next() % UInt64(PartitionID.countMax))),
      rowCount: UInt32(truncatingIfNeeded: random.next()),
      offset: Offset(random.next()),
      registryVersion: random.next(),
      arrival: Int64(bitPattern: random.next()),
      bodyByteCount: UInt32(random.next() % UInt64(BatchHeader.bodyByteCountMax + 1)),
      bodyChecksum: UInt32(truncatingIfNeeded: random.next()),
      pointCount: UInt32(truncatingIfNeeded: random.next())
    )
  }

  @Test(arguments: UInt64(1)...50)
  func roundTripsSeededHeaders(seed: UInt64) throws {
    let header = Self.header(seed: seed)
    let bytes = header.encoded()
    #expect(bytes.count == BatchHeader.byteCount)
    #expect(try BatchHeader(bytes.span) == header)
    #expect(try BatchHeader((bytes + [1, 2, 3]).span) == header)
  }

  @Test(arguments: UInt64(1)...10)
  func everyBitFlipIsRefused(seed: UInt64) {
    let bytes = Self.header(seed: seed).encoded()
    for bit in 0..<bytes.count * 8 {
      #expect(throws: BatchHeader.Fault.self) {
        try BatchHeader(bytes.flipping(bit: bit).span)
      }
    }
  }

  @Test func everyCutIsTruncated() {
    let bytes = Self.header(seed: 1).encoded()
    for cut in bytes.indices {
      #expect(throws: BatchHeader.Fault.truncated) { try BatchHeader(Array(bytes[..<cut]).span) }
    }
  }

  @Test func goldenBytesNeverChange() {
    let header = BatchHeader(
      kind: .rows,
      tenant: TenantID(3),
      epoch: Epoch(2),
      partition: PartitionID(5),
      rowCount: 10,
      offset: Offset(99),
      registryVersion: 11,
      arrival: 1_700_000_000_000_000_001,
      bodyByteCount: 256,
      bodyChecksum: 0x1122_3344,
      pointCount: 20
    )
    let golden = """
      56525642 01 01 00 00 03000000 02000000 0500 0000 0a000000
      6300000000000000 0b00000000000000 01002a36fe9c9717 00010000 44332211 14000000
      """
    let bytes = header.encoded()
    #expect(Hex.text(bytes.prefix(60)) == Hex.text(Hex.bytes(golden)))
  }

  /// Headers whose checksum is right and whose content no writer of this version makes.
  static let faults: [(byte: Int, value: UInt8, fault: BatchHeader.Fault)] = [
    (4, 2, .version(2)),
    (5, 9, .kind(9)),
    (6, 1, .codec(1)),
    (16, 64, .partition(64)),
    (51, 0xff, .bodyByteCount(0xff00_0000)),
  ]

  @Test(arguments: faults)
  func foreignContentIsNamed(byte: Int, value: UInt8, fault: BatchHeader.Fault) {
    var header = Self.header(seed: 9)
    header.partition = PartitionID(0)
    header.bodyByteCount = 0
    var bytes = header.encoded()
    bytes[byte] = value
    seal(&bytes)
    #expect(throws: fault) { try BatchHeader(bytes.span) }
    bytes[0] ^= 1
    #expect(throws: BatchHeader.Fault.magic) { try BatchHeader(bytes.span) }
  }
}
