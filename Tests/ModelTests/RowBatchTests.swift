import Bytes
import Model
import TestSupport
import Testing

/// Renews the checksum of a header whose bytes a test has changed.
func seal(_ header: inout [UInt8]) {
  let checksum = CRC32C.checksum(header.span.extracting(0..<60))
  for index in 0..<4 { header[60 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
}

@Suite struct RowBatchTests {
  @Test(arguments: UInt64(1)...20)
  func theRecordInMemoryIsTheRecordInTheLog(seed: UInt64) throws {
    let samples = RowSamples(seed: seed)
    let batch = samples.batch()
    let record = unsafe Array(batch.record)
    let header = try BatchHeader(record.span)
    #expect(header == batch.header)
    #expect(header.epoch == Epoch(2))
    #expect(header.offset == Offset(99))
    #expect(Int(header.rowCount) == samples.rows.count)
    #expect(record.count == BatchHeader.byteCount + Int(header.bodyByteCount))
    let body = Array(record[BatchHeader.byteCount...])
    #expect(CRC32C.checksum(body) == header.bodyChecksum)

    let again = RowBatch(header: header, body: body.span)
    #expect(unsafe Array(again.record) == record)
    let slack = unsafe UnsafeRawBufferPointer(
      start: again.body + again.bodyByteCount,
      count: RowBatch.paddingByteCount
    )
    #expect(unsafe slack.allSatisfy { $0 == 0 })
  }

  @Test func anEmptyBodyIsABatch() throws {
    let batch = RowBatch(
      capacity: 1,
      tenant: .default,
      partition: PartitionID(0),
      kind: .refusals
    )
    batch.seal(bodyByteCount: 0, rowCount: 0, pointCount: 0, registryVersion: 0, arrival: 0)
    batch.stamp(epoch: Epoch(1), offset: .zero)
    let header = try BatchHeader(unsafe Array(batch.record).span)
    #expect(header.kind == .refusals)
    let again = RowBatch(header: header, body: [UInt8]().span)
    #expect(again.record.count == BatchHeader.byteCount)
    var reader = unsafe RowReader(again)
    #expect(unsafe reader.next() == nil)
    #expect(unsafe !reader.isDamaged)
  }
}
