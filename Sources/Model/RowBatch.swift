internal import Bytes

/// A batch in memory: the log's own record, built once by a receiver and never encoded again.
///
///     | header, 64 bytes | body | ``paddingByteCount`` bytes of slack for wide loads |
///
/// `@unchecked Sendable`: handed over, never shared. A receiver builds it, the committer stamps it,
/// then it is read only (worker, queue readers) until the last reference goes.
@safe public final class RowBatch: @unchecked Sendable {
  /// Readable bytes behind the body, so that decoders may load 8 bytes at any body position.
  public static let paddingByteCount = 32

  /// The start of the record: header, then body.
  public let base: UnsafeMutableRawPointer
  /// Body bytes that fit.
  public let capacity: Int
  /// Valid once sealed; the committer sets epoch and offset.
  public private(set) var header: BatchHeader

  /// - Parameter capacity: body bytes, 1 ... ``BatchHeader/bodyByteCountMax``.
  public init(capacity: Int, tenant: TenantID, partition: PartitionID, kind: BatchHeader.Kind) {
    precondition(capacity > 0)
    precondition(capacity <= BatchHeader.bodyByteCountMax)
    unsafe base = UnsafeMutableRawPointer.allocate(
      byteCount: BatchHeader.byteCount + capacity + Self.paddingByteCount,
      alignment: 16
    )
    self.capacity = capacity
    header = BatchHeader(
      kind: kind,
      tenant: tenant,
      epoch: Epoch(0),
      partition: partition,
      rowCount: 0,
      offset: .zero,
      registryVersion: 0,
      arrival: 0,
      bodyByteCount: 0,
      bodyChecksum: 0,
      pointCount: 0
    )
  }

  deinit { unsafe base.deallocate() }

  /// A batch read back from the log.
  public convenience init(header: BatchHeader, body: Span<UInt8>) {
    precondition(body.count == Int(header.bodyByteCount))
    self.init(
      capacity: max(1, body.count),
      tenant: header.tenant,
      partition: header.partition,
      kind: header.kind
    )
    unsafe body.withUnsafeBytes { source in
      if let start = source.baseAddress {
        unsafe self.body.copyMemory(from: start, byteCount: source.count)
      }
    }
    unsafe (base + (BatchHeader.byteCount + body.count)).initializeMemory(
      as: UInt8.self,
      repeating: 0,
      count: Self.paddingByteCount
    )
    self.header = header
    storeHeader()
  }

  /// The first body byte.
  @safe public var body: UnsafeMutableRawPointer { unsafe base + BatchHeader.byteCount }
  /// Bytes of the body, once sealed.
  public var bodyByteCount: Int { Int(header.bodyByteCount) }
  /// The sealed record as it stands in the log.
  @safe public var record: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base, count: BatchHeader.byteCount + bodyByteCount)
  }

  /// Ends the building: fixes the counts and the body's checksum.
  public func seal(
    bodyByteCount: Int,
    rowCount: Int,
    pointCount: Int,
    registryVersion: UInt64,
    arrival: Timestamp
  ) {
    precondition(bodyByteCount <= capacity)
    unsafe (body + bodyByteCount).initializeMemory(
      as: UInt8.self,
      repeating: 0,
      count: Self.paddingByteCount
    )
    header.bodyByteCount = UInt32(bodyByteCount)
    header.rowCount = UInt32(rowCount)
    header.pointCount = UInt32(pointCount)
    header.registryVersion = registryVersion
    header.arrival = arrival
    header.bodyChecksum = unsafe CRC32C.checksum(
      unsafe UnsafeRawBufferPointer(start: body, count: bodyByteCount)
    )
  }

  /// Gives the batch its place in the log and writes the header's bytes. By the committer, once.
  public func stamp(epoch: Epoch, offset: Offset) {
    header.epoch = epoch
    header.offset = offset
    storeHeader()
  }

  private func storeHeader() {
    let bytes = header.encoded()
    unsafe base.copyMemory(from: bytes, byteCount: bytes.count)
  }
}
