/// A batch that rows are being written into, or none yet.
///
/// The rows' encoded payloads are copied in behind their heads, because a line tells its timestamp
/// last. One owner, one thread. Cost of ``append(_:payload:byteCount:columnCount:isLong:)``: a few
/// nanoseconds and the copy.
@frozen @safe public struct BatchBuilder: ~Copyable {
  /// A batch closes at this many bytes; a single row may be larger.
  public static let byteCountMax = 64 << 10

  @usableFromInline var batch: RowBatch?
  @usableFromInline var end: UnsafeMutableRawPointer
  @usableFromInline var limit: UnsafeMutableRawPointer
  @usableFromInline var previous: RowHead
  public private(set) var tenant: TenantID
  /// Rows and points so far.
  @usableFromInline var rows: Int
  @usableFromInline var points: Int
  /// When the first row came.
  public private(set) var openedAt: Timestamp

  /// No batch; ``append(_:payload:byteCount:columnCount:isLong:)`` refuses until ``open`` was
  /// called.
  public init() {
    batch = nil
    // Both equal, so that nothing fits; never read or written through.
    let nowhere = unsafe UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped
    unsafe end = nowhere
    unsafe limit = nowhere
    previous = RowHead(layout: LayoutID(0), timestamp: 0, scaleTable: .zero)
    tenant = .default
    rows = 0
    points = 0
    openedAt = 0
  }

  public var isOpen: Bool { batch != nil }
  @inlinable public var rowCount: Int { rows }
  @inlinable public var pointCount: Int { points }
  /// Body bytes written so far.
  public var byteCount: Int {
    guard let batch else { return 0 }
    return unsafe end - batch.body
  }

  /// Starts a batch; the one before must have been sealed.
  ///
  /// - Parameter capacity: body bytes; use ``byteCountNeeded(payload:)`` for a row that must fit.
  public mutating func open(
    tenant: TenantID,
    partition: PartitionID,
    capacity: Int,
    arrival: Timestamp
  ) {
    precondition(batch == nil)
    let fresh = RowBatch(capacity: capacity, tenant: tenant, partition: partition, kind: .rows)
    unsafe end = fresh.body
    unsafe limit = fresh.body + capacity
    self.tenant = tenant
    rows = 0
    points = 0
    openedAt = arrival
    batch = fresh
  }

  /// Body bytes that a row with a payload of `payload` bytes may need.
  @inlinable
  public static func byteCountNeeded(payload: Int) -> Int {
    unsafe RowEncoder.headByteCountMax + payload
  }

  /// Copies a row in, or returns false and leaves everything as it was when it does not fit.
  ///
  /// - Parameters:
  ///   - payload: what a ``PayloadEncoder`` wrote; 32 bytes must be readable whatever its length.
  ///   - columnCount: the points that the row counts for.
  ///   - isLong: as ``RowEncoder/isLong(columnCount:hasStrings:)`` tells.
  @unsafe @inlinable @inline(__always)
  public mutating func append(
    _ head: RowHead,
    payload: UnsafeRawPointer,
    byteCount: Int,
    columnCount: Int,
    isLong: Bool
  ) -> Bool {
    guard unsafe limit - end >= RowEncoder.headByteCountMax &+ byteCount else { return false }
    var cursor = unsafe head.write(at: end, after: previous, isFirst: rows == 0, isLong: isLong)
    if isLong {
      unsafe cursor.storeBytes(
        of: UInt32(truncatingIfNeeded: byteCount).littleEndian,
        as: UInt32.self
      )
      unsafe cursor += 4
    } else {
      unsafe cursor.storeBytes(of: UInt8(truncatingIfNeeded: byteCount), as: UInt8.self)
      unsafe cursor += 1
    }
    if byteCount <= 32 {
      // Two wide stores; the batch has as many bytes of slack behind its body.
      let low = unsafe payload.loadUnaligned(as: SIMD2<UInt64>.self)
      let high = unsafe payload.loadUnaligned(fromByteOffset: 16, as: SIMD2<UInt64>.self)
      unsafe cursor.storeBytes(of: low, as: SIMD2<UInt64>.self)
      unsafe cursor.storeBytes(of: high, toByteOffset: 16, as: SIMD2<UInt64>.self)
    } else {
      unsafe cursor.copyMemory(from: payload, byteCount: byteCount)
    }
    unsafe end = cursor + byteCount
    previous = head
    rows &+= 1
    points &+= columnCount
    return true
  }

  /// Ends the batch and hands it out; `nil` when none is open.
  public mutating func seal(registryVersion: UInt64, arrival: Timestamp) -> RowBatch? {
    guard let sealed = batch else { return nil }
    sealed.seal(
      bodyByteCount: unsafe end - sealed.body,
      rowCount: rows,
      pointCount: points,
      registryVersion: registryVersion,
      arrival: arrival
    )
    self = BatchBuilder()
    return sealed
  }
}
