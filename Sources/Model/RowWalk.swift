/// Goes through the rows of a run, oldest arrival first; a copy goes on from where it was made.
///
/// Cost: 2 to 3 ns a row.
///
/// `@unchecked Sendable`: it keeps the slabs alive that it reads, and rows in them never change.
@safe struct RowWalk: @unchecked Sendable {
  private let slabs: [RowSlab]
  private var extent: UnsafeMutableRawPointer
  private var cursor: UnsafeMutableRawPointer
  private var timestamp: Timestamp = 0
  private var sequence: UInt64 = 0
  private var scale = ScaleTableID.zero

  /// - Parameters:
  ///   - run: has rows.
  ///   - known: the run as it was before, to get only what has come since.
  init(_ run: RowRun, after known: RowRun? = nil, in slabs: [RowSlab]) {
    self.slabs = slabs
    if let known, known.rowCount > 0 {
      let slab = unsafe slabs[Int(known.tailSlab)].base
      unsafe extent = slab + Int(known.tailEnd - known.extentByteCount)
      unsafe cursor = slab + Int(known.tailOffset)
      timestamp = known.previousTimestamp
      sequence = known.previousSequence
      scale = known.previousScale
    } else {
      unsafe extent = slabs[Int(run.headSlab)].base + Int(run.headOffset)
      unsafe cursor = extent + RowArena.linkByteCount
    }
  }

  /// The next row; only as often as the run has rows.
  @inline(__always)
  mutating func next(_ index: Int) -> RowReference {
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
      scale = ScaleTableID(UInt32(littleEndian: unsafe cursor.loadUnaligned(as: UInt32.self)))
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
    defer { unsafe cursor += count }
    return unsafe RowReference(
      timestamp: timestamp,
      sequence: sequence,
      scaleTable: scale,
      run: index,
      payload: UnsafeRawBufferPointer(start: cursor, count: count)
    )
  }
}
