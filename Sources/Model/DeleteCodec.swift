public import Bytes

/// A delete of rows, as a partition's log has it: rows of some series in a range of time, with
/// offsets smaller than its own.
public struct DeleteRecord: Hashable, Sendable {
  public var range: TimeRange
  /// Ascending, distinct, of the batch's tenant and partition; 1 or more.
  public var series: [SeriesID]

  public init(range: TimeRange, series: [SeriesID]) {
    self.range = range
    self.series = series
  }

  /// Whether it is about a series. O(log n).
  public func contains(_ id: SeriesID) -> Bool {
    var low = 0
    var high = series.count
    while low < high {
      let middle = (low + high) / 2
      if series[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < series.count && series[low] == id
  }
}

/// The body of a batch of kind ``BatchHeader/Kind/delete`` (docs/format/batch.md):
///
///     | start i64 | end i64 | series: varint | gap: varint | ... |
///
/// A gap is a series' id less the one before it, less 1 from the second one on.
public enum DeleteCodec {
  /// Series of one batch; a delete of more is several batches.
  public static let seriesMax = 65_536

  /// A sealed batch.
  public static func batch(
    of record: DeleteRecord,
    tenant: TenantID,
    partition: PartitionID,
    registryVersion: UInt64,
    arrival: Timestamp
  ) -> RowBatch {
    precondition(!record.series.isEmpty)
    precondition(record.series.count <= seriesMax)
    var writer = ByteWriter(reserving: 32 + 5 * record.series.count)
    encode(record, into: &writer)
    let bytes = writer.bytes
    let batch = RowBatch(
      capacity: bytes.count,
      tenant: tenant,
      partition: partition,
      kind: .delete
    )
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress {
        unsafe batch.body.copyMemory(from: start, byteCount: source.count)
      }
    }
    batch.seal(
      bodyByteCount: bytes.count,
      rowCount: 1,
      pointCount: 0,
      registryVersion: registryVersion,
      arrival: arrival
    )
    return batch
  }

  /// The record of a sealed batch; `nil` when it is none of a delete or malformed.
  public static func decode(_ batch: RowBatch) -> DeleteRecord? {
    guard batch.header.kind == .delete else { return nil }
    let bytes = withExtendedLifetime(batch) {
      unsafe Array(UnsafeRawBufferPointer(start: batch.body, count: batch.bodyByteCount))
    }
    var reader = ByteReader(bytes.span)
    guard let record = decode(&reader), reader.remaining == 0 else { return nil }
    return record
  }

  public static func encode(_ record: DeleteRecord, into writer: inout ByteWriter) {
    writer.writeInteger(record.range.start)
    writer.writeInteger(record.range.end)
    writer.writeVarint(UInt64(record.series.count))
    var next: UInt32 = 0
    for series in record.series {
      writer.writeVarint(UInt64(series.rawValue - next))
      next = series.rawValue &+ 1
    }
  }

  /// Reads a record; `nil` when the bytes are anything else. No bytes can trap here.
  public static func decode(_ reader: inout ByteReader) -> DeleteRecord? {
    guard let start = reader.readInteger(Int64.self), let end = reader.readInteger(Int64.self),
      start <= end, let count = reader.readVarint(), count >= 1, count <= UInt64(reader.remaining),
      count <= UInt64(seriesMax)
    else { return nil }
    var series: [SeriesID] = []
    series.reserveCapacity(Int(count))
    var next: UInt64 = 0
    for _ in 0..<count {
      guard let gap = reader.readVarint(), gap <= UInt64(UInt32.max),
        next + gap <= UInt64(UInt32.max)
      else { return nil }
      series.append(SeriesID(UInt32(next + gap)))
      next += gap + 1
    }
    return DeleteRecord(range: TimeRange(start: start, end: end), series: series)
  }
}
