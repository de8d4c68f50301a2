/// Open rows of one partition, kept in the batch's own encoding until a cut decodes them once.
///
/// Rows of one layout lie in a chain of extents that grow from 64 bytes to 32 KiB, so that narrow
/// series stay dense and wide rows touch memory in order. One writer; snapshots may be read from
/// other threads while the writer goes on, for rows never move and never change.
///
///     extent := | next slab u32 | next offset u32 | row ... | end mark u8 |
///     row := | flags u8 | timestamp i64, or delta of 5 bytes with flag 1 | sequence delta varint |
///              scale table u32 unless flag 0 | payload bytes u8, or u32 with flag 3 | payload |
public final class RowArena {
  static let sameScale: UInt8 = 1
  static let shortTimestamp: UInt8 = 2
  static let longPayload: UInt8 = 8
  static let endMark: UInt8 = 0xff
  static let linkByteCount = 8
  static let extentByteCountMin = 64
  static let extentByteCountMax = 32 << 10
  static let slabByteCount = 1 << 20
  /// flags, timestamp, sequence, scale table, length, and the end mark behind the row.
  static let rowHeadByteCountMax = 1 + 8 + 10 + 4 + 4 + 1

  private var slabs: [RowSlab] = []
  private var used = 0
  private var sequence: UInt64 = 0
  /// Bytes of all slabs: what the arena takes from the open-row budget.
  public private(set) var byteCount = 0
  public private(set) var rowCount = 0

  public init() {}

  /// Copies a row behind the earlier rows of `run`.
  ///
  /// Allocates only when the slab is full: once a megabyte.
  public func append(_ head: RowHead, payload: UnsafeRawBufferPointer, to run: inout RowRun) {
    let needed = Self.rowHeadByteCountMax + payload.count
    if Int(run.tailEnd) - Int(run.tailOffset) < needed { grow(&run, for: needed) }
    let start = unsafe slabs[Int(run.tailSlab)].base + Int(run.tailOffset)
    var flags: UInt8 = 0
    var cursor = unsafe start + 1
    let delta = head.timestamp &- run.previousTimestamp
    if delta >= 0, delta < 1 << 40 {
      flags |= Self.shortTimestamp
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
      flags |= Self.sameScale
    } else {
      unsafe cursor.storeBytes(of: head.scaleTable.rawValue.littleEndian, as: UInt32.self)
      unsafe cursor += 4
    }
    if payload.count > 255 {
      flags |= Self.longPayload
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
  private func grow(_ run: inout RowRun, for needed: Int) {
    let doubled = min(
      Self.extentByteCountMax,
      max(Self.extentByteCountMin, Int(run.extentByteCount) * 2)
    )
    let extent = max(doubled, needed + Self.linkByteCount)
    if slabs.isEmpty || slabs[slabs.count - 1].byteCount - used < extent {
      let slab = RowSlab(byteCount: max(Self.slabByteCount, extent))
      slabs.append(slab)
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
      let old = unsafe slabs[Int(run.tailSlab)].base
      unsafe (old + Int(run.tailOffset)).storeBytes(of: Self.endMark, as: UInt8.self)
      let link = unsafe old + (Int(run.tailEnd) - Int(run.extentByteCount))
      unsafe link.storeBytes(of: slabIndex, as: UInt32.self)
      unsafe link.storeBytes(of: offset, toByteOffset: 4, as: UInt32.self)
    }
    run.tailSlab = slabIndex
    run.tailOffset = offset + UInt32(Self.linkByteCount)
    run.tailEnd = offset + UInt32(extent)
    run.extentByteCount = UInt32(extent)
    run.byteCount += extent
  }

  /// What readers on other threads need to walk the runs that they were given.
  public func reader() -> Reader { Reader(slabs: slabs) }

  /// Keeps the slabs alive and walks runs in them.
  public struct Reader: Sendable {
    let slabs: [RowSlab]

    /// The rows of `run` in order of arrival, appended to `rows` with `index` as their run.
    public func collect(_ run: RowRun, index: Int, into rows: inout [RowReference]) {
      guard run.rowCount > 0 else { return }
      rows.reserveCapacity(rows.count + Int(run.rowCount))
      var extent = unsafe slabs[Int(run.headSlab)].base + Int(run.headOffset)
      var cursor = unsafe extent + RowArena.linkByteCount
      var timestamp: Timestamp = 0
      var sequence: UInt64 = 0
      var scale = ScaleTableID.zero
      for _ in 0..<run.rowCount {
        var flags = unsafe cursor.load(as: UInt8.self)
        if flags == RowArena.endMark {
          let slab = unsafe extent.loadUnaligned(as: UInt32.self)
          let offset = unsafe extent.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
          unsafe extent = slabs[Int(slab)].base + Int(offset)
          unsafe cursor = extent + RowArena.linkByteCount
          flags = unsafe cursor.load(as: UInt8.self)
        }
        unsafe cursor += 1
        if flags & RowArena.shortTimestamp != 0 {
          let low = unsafe UInt64(UInt32(littleEndian: cursor.loadUnaligned(as: UInt32.self)))
          let high = unsafe UInt64(cursor.load(fromByteOffset: 4, as: UInt8.self))
          timestamp &+= Int64(low | high << 32)
          unsafe cursor += 5
        } else {
          timestamp = unsafe Int64(littleEndian: cursor.loadUnaligned(as: Int64.self))
          unsafe cursor += 8
        }
        var delta: UInt64 = 0
        var shift: UInt64 = 0
        while true {
          let byte = unsafe cursor.load(as: UInt8.self)
          unsafe cursor += 1
          delta |= UInt64(byte & 0x7f) << shift
          if byte < 0x80 { break }
          shift += 7
        }
        sequence &+= delta
        if flags & RowArena.sameScale == 0 {
          scale = ScaleTableID(
            UInt32(littleEndian: unsafe cursor.loadUnaligned(as: UInt32.self))
          )
          unsafe cursor += 4
        }
        let count: Int
        if flags & RowArena.longPayload != 0 {
          count = Int(UInt32(littleEndian: unsafe cursor.loadUnaligned(as: UInt32.self)))
          unsafe cursor += 4
        } else {
          count = Int(unsafe cursor.load(as: UInt8.self))
          unsafe cursor += 1
        }
        unsafe rows.append(
          RowReference(
            timestamp: timestamp,
            sequence: sequence,
            scaleTable: scale,
            run: index,
            payload: UnsafeRawBufferPointer(start: cursor, count: count)
          )
        )
        unsafe cursor += count
      }
    }
  }
}
