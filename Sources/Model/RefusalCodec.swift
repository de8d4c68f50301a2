public import Bytes

/// The body of a batch of kind ``BatchHeader/Kind/refusals`` (docs/format/batch.md): counts of
/// refused lines, one entry behind the other; every integer is an LEB128 varint.
///
///     entry := | measurement + 1, or 0 when it is unknown | reason | lines | points |
///
/// The header's row count is the number of entries.
public enum RefusalCodec {
  /// A varint of 32 bits and one more value, one of a byte, two of 64 bits.
  private static let entryByteCountMax = 5 + 2 + 10 + 10
  /// Entries of one batch: all that a receiver gathers in 10 ms fits many times.
  public static let entriesMax = 65_536

  /// A sealed batch of `counts`.
  ///
  /// - Parameters:
  ///   - counts: 1 ... ``entriesMax`` entries.
  ///   - registryVersion: the catalog's version that knows their measurements.
  public static func batch(
    of counts: [RefusalCount],
    tenant: TenantID,
    partition: PartitionID,
    registryVersion: UInt64,
    arrival: Timestamp
  ) -> RowBatch {
    precondition(counts.count >= 1)
    precondition(counts.count <= entriesMax)
    var writer = ByteWriter(reserving: counts.count * entryByteCountMax)
    encode(counts, into: &writer)
    let bytes = writer.bytes
    let batch = RowBatch(
      capacity: bytes.count,
      tenant: tenant,
      partition: partition,
      kind: .refusals
    )
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress {
        unsafe batch.body.copyMemory(from: start, byteCount: source.count)
      }
    }
    batch.seal(
      bodyByteCount: bytes.count,
      rowCount: counts.count,
      pointCount: 0,
      registryVersion: registryVersion,
      arrival: arrival
    )
    return batch
  }

  /// The entries of a sealed batch, or `nil` when it is none of refusals or malformed.
  public static func decode(_ batch: RowBatch) -> [RefusalCount]? {
    guard batch.header.kind == .refusals else { return nil }
    let bytes = withExtendedLifetime(batch) {
      unsafe Array(UnsafeRawBufferPointer(start: batch.body, count: batch.bodyByteCount))
    }
    return decode(bytes.span, count: Int(batch.header.rowCount))
  }

  /// Appends the entries.
  public static func encode(_ counts: [RefusalCount], into writer: inout ByteWriter) {
    for count in counts {
      writer.writeVarint(count.measurement.map { UInt64($0.rawValue) + 1 } ?? 0)
      writer.writeVarint(UInt64(count.reason.rawValue))
      writer.writeVarint(count.lines)
      writer.writeVarint(count.points)
    }
  }

  /// Reads exactly `count` entries; `nil` when the bytes are anything else. No bytes can trap here,
  /// nor make it allocate more than an entry for every four of them.
  public static func decode(_ bytes: Span<UInt8>, count: Int) -> [RefusalCount]? {
    guard count <= bytes.count / 4 else { return nil }
    var reader = ByteReader(bytes)
    var counts: [RefusalCount] = []
    counts.reserveCapacity(count)
    for _ in 0..<count {
      guard
        let name = reader.readVarint(), name <= UInt64(UInt32.max) + 1,
        let code = reader.readVarint(), let reasonCode = UInt8(exactly: code),
        let reason = RefusalReason(rawValue: reasonCode),
        let lines = reader.readVarint(), let points = reader.readVarint()
      else { return nil }
      counts.append(
        RefusalCount(
          measurement: name == 0 ? nil : MeasurementID(UInt32(name - 1)),
          reason: reason,
          lines: lines,
          points: points
        )
      )
    }
    return reader.remaining == 0 ? counts : nil
  }
}
