internal import CBytes

/// What the rows of a layout are checked against before they join the open rows.
@frozen public struct RunLayout: Sendable {
  public var tenant: TenantID
  public var ledgerSlot: UInt32
  /// Columns; 0 while nobody knows the layout.
  public var width: UInt32

  public init(tenant: TenantID = .default, ledgerSlot: UInt32 = 0, width: UInt32 = 0) {
    self.tenant = tenant
    self.ledgerSlot = ledgerSlot
    self.width = width
  }
}

/// What became of the rows that were handed to a ``RowArena``.
public struct RunCounts: Sendable {
  /// Points, by ledger slot.
  public var received: [UInt64] = []
  public var rowCount = 0
  /// Rows whose layout nobody knows, or that did not decode: counted, never silently gone.
  public var unreadableRowCount = 0
  /// Layouts that have rows, in order of their first.
  public var layouts: [Int] = []

  public init() {}
}

/// The end of a ``RowArena``: where the next row goes.
@safe struct RowArenaTail {
  private(set) var slabs: [RowSlab] = []
  /// Parallel to `slabs`: their memory.
  private var bases: [UnsafeMutableRawPointer] = unsafe []
  private var used = 0
  private var sequence: UInt64 = 0
  private(set) var byteCount = 0
  private(set) var rowCount = 0
  private let pool: RowSlabPool?

  init(pool: RowSlabPool? = nil) { self.pool = pool }

  /// Rows read ahead of the copy: enough to hide a miss in memory, few enough for L1.
  private static let windowRowCount = 32

  @safe private struct WaitingRow {
    var head: RowHead
    var payload: UnsafeRawBufferPointer
    var layout: Int
  }

  mutating func append(
    _ batch: RowBatch,
    layouts: Span<RunLayout>,
    runs: inout [RowRun],
    counts: inout RunCounts
  ) {
    let tenant = batch.header.tenant
    unsafe withUnsafeTemporaryAllocation(of: WaitingRow.self, capacity: Self.windowRowCount) {
      window in
      unsafe runs.withUnsafeMutableBufferPointer { runs in
        var reader = unsafe RowReader(batch)
        var readCount = 0
        var isOver = false
        while !isOver {
          var waiting = 0
          while waiting < Self.windowRowCount {
            guard let (head, payload) = unsafe reader.next() else {
              isOver = true
              break
            }
            readCount += 1
            let layout = Int(head.layout.rawValue)
            guard layout < layouts.count else {
              counts.unreadableRowCount += 1
              continue
            }
            unsafe cbytes_prefetch(runs.baseAddress.map { unsafe $0 + layout })
            unsafe window[waiting] = WaitingRow(head: head, payload: payload, layout: layout)
            waiting += 1
          }
          for index in 0..<waiting {
            let layout = unsafe window[index].layout
            guard unsafe runs[layout].rowCount > 0 else { continue }
            let slab = unsafe bases[Int(runs[layout].tailSlab)]
            unsafe cbytes_prefetch(slab + Int(runs[layout].tailOffset))
          }
          for index in 0..<waiting {
            let row = unsafe window[index]
            let layout = layouts[row.layout]
            guard layout.width > 0, layout.tenant == tenant else {
              counts.unreadableRowCount += 1
              continue
            }
            if unsafe runs[row.layout].rowCount == 0 { counts.layouts.append(row.layout) }
            unsafe append(row.head, payload: row.payload, to: &runs[row.layout])
            counts.add(points: layout.width, slot: Int(layout.ledgerSlot))
          }
        }
        if unsafe reader.isDamaged {
          counts.unreadableRowCount += max(1, Int(batch.header.rowCount) - readCount)
        }
        counts.rowCount += readCount
      }
    }
  }

  /// Copies a row behind the earlier rows of `run`.
  ///
  /// Allocates only when the slab is full: once a megabyte.
  mutating func append(
    _ head: RowHead,
    payload: UnsafeRawBufferPointer,
    to run: inout RowRun
  ) {
    let needed = RowArena.rowHeadByteCountMax + payload.count
    if Int(run.tailEnd) - Int(run.tailOffset) < needed { grow(&run, for: needed) }
    let start = unsafe bases[Int(run.tailSlab)] + Int(run.tailOffset)
    var flags: UInt8 = 0
    var cursor = unsafe start + 1
    let delta = head.timestamp &- run.previousTimestamp
    if delta >= 0, delta < 1 << 40 {
      flags |= RowArena.shortTimestamp
      unsafe cursor.storeBytes(of: UInt64(delta).littleEndian, as: UInt64.self)
      unsafe cursor += 5
    } else {
      unsafe cursor.storeBytes(of: head.timestamp.littleEndian, as: Int64.self)
      unsafe cursor += 8
    }
    sequence &+= 1
    var rest = sequence &- run.previousSequence
    while rest >= 0x80 {
      unsafe cursor.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
      unsafe cursor += 1
      rest >>= 7
    }
    unsafe cursor.storeBytes(of: UInt8(rest), as: UInt8.self)
    unsafe cursor += 1
    if head.scaleTable == run.previousScale {
      flags |= RowArena.sameScale
    } else {
      unsafe cursor.storeBytes(of: head.scaleTable.rawValue.littleEndian, as: UInt32.self)
      unsafe cursor += 4
    }
    if payload.count > 255 {
      flags |= RowArena.longPayload
      unsafe cursor.storeBytes(of: UInt32(payload.count).littleEndian, as: UInt32.self)
      unsafe cursor += 4
    } else {
      unsafe cursor.storeBytes(of: UInt8(payload.count), as: UInt8.self)
      unsafe cursor += 1
    }
    if let source = payload.baseAddress {
      unsafe cursor.copyMemory(from: source, byteCount: payload.count)
      unsafe cursor += payload.count
    }
    unsafe start.storeBytes(of: flags, as: UInt8.self)
    run.tailOffset += UInt32(unsafe cursor - start)
    run.previousTimestamp = head.timestamp
    run.previousSequence = sequence
    run.previousScale = head.scaleTable
    if run.rowCount > 0, head.timestamp <= run.newest { run.isAscending = false }
    run.newest = max(run.newest, head.timestamp)
    run.oldest = min(run.oldest, head.timestamp)
    run.rowCount += 1
    rowCount += 1
  }

  /// Gives `run` a new extent of at least `needed` row bytes and links it to the old one.
  @inline(never)
  private mutating func grow(_ run: inout RowRun, for needed: Int) {
    let doubled = min(
      RowArena.extentByteCountMax,
      max(RowArena.extentByteCountMin, Int(run.extentByteCount) * 2)
    )
    let extent = max(doubled, needed + RowArena.linkByteCount)
    if slabs.isEmpty || slabs[slabs.count - 1].byteCount - used < extent {
      let slab = RowSlab(byteCount: max(RowArena.slabByteCount, extent), pool: pool)
      slabs.append(slab)
      unsafe bases.append(slab.base)
      byteCount += slab.byteCount
      used = 0
    }
    let slabIndex = UInt32(slabs.count - 1)
    let offset = UInt32(used)
    used += extent
    if run.rowCount == 0 {
      run.headSlab = slabIndex
      run.headOffset = offset
    } else {
      let old = unsafe bases[Int(run.tailSlab)]
      unsafe (old + Int(run.tailOffset)).storeBytes(of: RowArena.endMark, as: UInt8.self)
      let link = unsafe old + (Int(run.tailEnd) - Int(run.extentByteCount))
      unsafe link.storeBytes(of: slabIndex, as: UInt32.self)
      unsafe link.storeBytes(of: offset, toByteOffset: 4, as: UInt32.self)
    }
    run.tailSlab = slabIndex
    run.tailOffset = offset + UInt32(RowArena.linkByteCount)
    run.tailEnd = offset + UInt32(extent)
    run.extentByteCount = UInt32(extent)
    run.byteCount += extent
  }
}

extension RunCounts {
  mutating func add(points: UInt32, slot: Int) {
    if slot >= received.count {
      received.append(contentsOf: repeatElement(0, count: slot + 1 - received.count))
    }
    received[slot] &+= UInt64(points)
  }
}
