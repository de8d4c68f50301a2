/// A piece of memory that rows are copied into; freed with its last reference.
///
/// `@unchecked Sendable`: one writer (the partition's worker) appends behind all that readers have
/// been told of; a reader reads only rows that were counted when it was handed the slab.
@safe final class RowSlab: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  /// Where the memory goes; `nil` for a slab of its own size.
  private let pool: RowSlabPool?

  /// - Parameter pool: lends the memory of a slab of the usual size.
  init(byteCount: Int, pool: RowSlabPool? = nil) {
    self.byteCount = byteCount
    self.pool = byteCount == RowArena.slabByteCount ? pool : nil
    if let piece = self.pool?.take() {
      unsafe base = piece.base
      return
    }
    unsafe base = UnsafeMutableRawPointer.allocate(
      byteCount: byteCount + RowBatch.paddingByteCount,
      alignment: 16
    )
    // Decoders may load past the last row; what they load there is never used.
    unsafe (base + byteCount).initializeMemory(
      as: UInt8.self,
      repeating: 0,
      count: RowBatch.paddingByteCount
    )
  }

  deinit {
    if let pool {
      pool.keep(unsafe RowSlabPool.Piece(base: base))
    } else {
      unsafe base.deallocate()
    }
  }
}

/// Where the rows of one layout lie in a ``RowArena``, oldest arrival first.
@frozen public struct RowRun: Sendable {
  public internal(set) var rowCount: UInt32 = 0
  /// Whether every row is newer than the one before it.
  public internal(set) var isAscending = true
  public internal(set) var oldest: Timestamp = .max
  public internal(set) var newest: Timestamp = .min
  /// Bytes of the extents that the run holds.
  public internal(set) var byteCount: Int = 0

  var headSlab: UInt32 = 0
  var headOffset: UInt32 = 0
  var tailSlab: UInt32 = 0
  var tailOffset: UInt32 = 0
  var tailEnd: UInt32 = 0
  var extentByteCount: UInt32 = 0
  var previousTimestamp: Timestamp = 0
  var previousSequence: UInt64 = 0
  var previousScale: ScaleTableID = .zero

  public init() {}
}

/// One row of an arena: its head, and where its payload lies.
///
/// Valid while the ``RowArena`` or ``RowArena/Reader`` that gave it is alive.
@safe @frozen public struct RowReference: @unchecked Sendable {
  public var timestamp: Timestamp
  /// Order of arrival within the arena; the larger one wins a conflict.
  public var sequence: UInt64
  public var scaleTable: ScaleTableID
  /// Which of the caller's runs it came from.
  public var run: Int
  @usableFromInline let payload: UnsafeRawBufferPointer

  /// Bytes of the payload.
  public var payloadByteCount: Int { unsafe payload.count }

  /// Whether both rows say the same in the same bytes; both must be of one layout.
  public func hasSamePayload(as other: RowReference) -> Bool {
    guard scaleTable == other.scaleTable, unsafe payload.count == other.payload.count else {
      return false
    }
    return unsafe payload.elementsEqual(other.payload)
  }
}
