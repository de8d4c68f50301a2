import Bytes
import Model
import TestSupport
import Testing

/// Fixtures/format-v1/batch.bin opens for ever, and the same rows still make the same bytes.
@Suite struct BatchFormatTests {
  static let fixture = "format-v1/batch.bin"

  /// Two rows of five columns: float (one decimal), integer, unsigned, boolean, string.
  static func rows() -> RowBatch {
    let batch = RowBatch(
      capacity: 512,
      tenant: TenantID(1),
      partition: PartitionID(3),
      kind: .rows
    )
    let heads = [
      RowHead(
        layout: LayoutID(7),
        timestamp: 1_795_373_340_000_000_000,
        scaleTable: ScaleTableID(2)
      ),
      RowHead(
        layout: LayoutID(8),
        timestamp: 1_795_373_340_000_000_000,
        scaleTable: ScaleTableID(2)
      ),
    ]
    var end = batch.body
    unsafe end = encode(heads[0], after: nil, at: end) { row in
      _ = unsafe row.append(scaled: 125)
      unsafe row.append(integer: -2)
      unsafe row.append(integer: 70_000)
      unsafe row.append(integer: 1)
      unsafe append("up", to: &row)
    }
    unsafe end = encode(heads[1], after: heads[0], at: end) { row in
      unsafe row.append(exception: (0.1 + 0.2).bitPattern)
      unsafe row.append(integer: 0)
      unsafe row.append(exception: UInt64.max)
      unsafe row.append(integer: 0)
      unsafe append("", to: &row)
    }
    batch.seal(
      bodyByteCount: unsafe end - batch.body,
      rowCount: 2,
      pointCount: 10,
      registryVersion: 11,
      arrival: 1_795_373_341_000_000_000
    )
    batch.stamp(epoch: Epoch(2), offset: Offset(40))
    return batch
  }

  @unsafe private static func encode(
    _ head: RowHead,
    after previous: RowHead?,
    at start: UnsafeMutableRawPointer,
    _ body: (inout RowEncoder) -> Void
  ) -> UnsafeMutableRawPointer {
    var row = unsafe RowEncoder(
      at: start,
      layout: head.layout,
      timestamp: head.timestamp,
      scaleTable: head.scaleTable,
      previous: previous,
      columnCount: 5,
      hasStrings: true
    )
    unsafe body(&row)
    return unsafe row.finish()
  }

  private static func append(_ text: String, to row: inout RowEncoder) {
    unsafe [UInt8](text: text).withUnsafeBytes { unsafe row.append(string: $0) }
  }

  static let refusalCounts = [
    RefusalCount(measurement: nil, reason: .unparsable, lines: 3, points: 0),
    RefusalCount(measurement: MeasurementID(4), reason: .future, lines: 1, points: 2_000),
  ]

  static func refusals() -> RowBatch {
    let batch = RefusalCodec.batch(
      of: refusalCounts,
      tenant: TenantID(1),
      partition: PartitionID(3),
      registryVersion: 12,
      arrival: 1_795_373_341_000_000_000
    )
    batch.stamp(epoch: Epoch(2), offset: Offset(41))
    return batch
  }

  @Test func writerStillWritesTheFixture() throws {
    let bytes = [Self.rows(), Self.refusals()].flatMap { batch in
      withExtendedLifetime(batch) { unsafe Array(batch.record) }
    }
    #expect(try Fixtures.matches(Self.fixture, bytes))
  }

  @Test func fixtureStillHoldsTheRows() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let header = try BatchHeader(bytes.span)
    #expect(header.kind == .rows)
    #expect(header.tenant == TenantID(1))
    #expect(header.partition == PartitionID(3))
    #expect(header.epoch == Epoch(2))
    #expect(header.offset == Offset(40))
    #expect(header.registryVersion == 11)
    #expect(header.rowCount == 2)
    #expect(header.pointCount == 10)
    let end = BatchHeader.byteCount + Int(header.bodyByteCount)
    let body = Array(bytes[BatchHeader.byteCount..<end])
    #expect(CRC32C.checksum(body) == header.bodyChecksum)
    let batch = RowBatch(header: header, body: body.span)
    var reader = unsafe RowReader(batch)
    var found: [[UInt64]] = []
    var texts: [[UInt8]] = []
    while let (head, payload) = unsafe reader.next() {
      #expect(head.layout == LayoutID(7 + UInt32(found.count)))
      #expect(head.timestamp == 1_795_373_340_000_000_000)
      #expect(head.scaleTable == ScaleTableID(2))
      var cursor = unsafe RowCursor(payload, columnCount: 5)
      let float = unsafe cursor.nextFloat(divisor: 10)
      found.append([float] + (0..<3).map { _ in unsafe cursor.nextInteger() })
      unsafe texts.append(Array(cursor.nextString()))
      #expect(unsafe !cursor.isDamaged)
    }
    #expect(unsafe !reader.isDamaged)
    #expect(found.map { $0[0] } == [(25.0 / 2).bitPattern, (0.1 + 0.2).bitPattern])
    #expect(found.map { Array($0[1...]) } == [[UInt64(bitPattern: -2), 70_000, 1], [0, .max, 0]])
    #expect(texts == [[UInt8](text: "up"), []])
  }

  @Test func fixtureStillHoldsTheRefusals() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let first = try BatchHeader(bytes.span)
    let start = BatchHeader.byteCount + Int(first.bodyByteCount)
    let rest = Array(bytes[start...])
    let header = try BatchHeader(rest.span)
    #expect(header.kind == .refusals)
    #expect(header.offset == Offset(41))
    let batch = RowBatch(header: header, body: Array(rest[BatchHeader.byteCount...]).span)
    #expect(RefusalCodec.decode(batch) == Self.refusalCounts)
  }

  @Test func pageShowsTheFixture() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let page = try FormatPage("batch.md")
    #expect(page.shows(bytes), "\(FormatPage.rows(bytes).joined(separator: "\n"))")
  }
}
