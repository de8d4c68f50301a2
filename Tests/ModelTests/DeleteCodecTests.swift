import Bytes
import Model
import TestSupport
import Testing

/// A delete as the log has it.
struct DeleteCodecTests {
  private static let record = DeleteRecord(
    range: TimeRange(start: 1_000, end: 2_000),
    series: [0, 1, 7, 200, UInt32.max].map { SeriesID($0) }
  )

  private func bytes() -> [UInt8] {
    var writer = ByteWriter()
    DeleteCodec.encode(Self.record, into: &writer)
    return writer.bytes
  }

  private func decode(_ bytes: [UInt8]) -> DeleteRecord? {
    var reader = ByteReader(bytes.span)
    return DeleteCodec.decode(&reader)
  }

  @Test func goldenBytesNeverChange() {
    let golden = "e803000000000000 d007000000000000 05 00 00 05 c001 b6feffff0f"
    #expect(bytes() == Hex.bytes(golden))
    #expect(decode(bytes()) == Self.record)
  }

  @Test func aBatchComesBack() {
    let batch = DeleteCodec.batch(
      of: Self.record,
      tenant: TenantID(3),
      partition: PartitionID(5),
      registryVersion: 11,
      arrival: 17
    )
    #expect(batch.header.kind == .delete)
    #expect(batch.header.tenant == TenantID(3))
    #expect(DeleteCodec.decode(batch) == Self.record)
    #expect(RefusalCodec.decode(batch) == nil)
  }

  @Test func everyCutIsNoticed() {
    let whole = bytes()
    for count in whole.indices { #expect(decode(Array(whole[..<count])) == nil) }
  }

  @Test func itKnowsItsSeries() {
    for series in Self.record.series { #expect(Self.record.contains(series)) }
    for series in [2, 6, 8, 199, 201] as [UInt32] {
      #expect(!Self.record.contains(SeriesID(series)))
    }
  }
}
