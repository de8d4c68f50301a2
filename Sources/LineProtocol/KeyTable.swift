internal import Model

/// What the parser knows of one series and field set: where its rows go, and which key follows it.
///
/// The raw bytes `measurement,tags` lie behind it, and records lie in the order in which their keys
/// first came: senders repeat themselves, so the next line's record is the next in memory.
struct KeyRecord {
  /// The record of the row that followed last time; a reference, 0 for none.
  var next: UInt32 = 0
  /// Another record of the same key with other fields.
  var sibling: UInt32 = 0
  var keyByteCount: UInt32
  var hash: UInt32
  var tenant: UInt32
  var shape: UInt32
  var layout: UInt32
  /// Where the series' last arrival stamp is.
  var stamp: UInt32
  var measurement: UInt32
  var partition: UInt32

  static let byteCount = MemoryLayout<KeyRecord>.stride
}

/// Open addressing from raw keys to records, all in two pieces of memory.
///
/// A reference is the record's offset divided by 8; 0 is none. References and pointers die with the
/// table's generation: a full table forgets everything.
@safe struct KeyTable: ~Copyable {
  private static let slackByteCount = 64
  private static let arenaStart = 64

  private(set) var arena: UnsafeMutableRawPointer
  private var arenaCapacity: Int
  private var arenaEnd = KeyTable.arenaStart
  /// Hash in the upper half, reference in the lower; 0 is empty.
  private var index: UnsafeMutablePointer<UInt64>
  private var indexMask: Int
  private var keyCount = 0
  private let byteCountMax: Int
  let seed: UInt64
  /// Counts how often everything was forgotten; starts with 1.
  private(set) var generation: UInt32 = 1

  private(set) var stamps: UnsafeMutablePointer<Int64>
  private var stampCapacity = 1_024
  private var stampOfSeries: [SeriesID: UInt32] = [:]
  /// No stamp of a forgotten series was later.
  private var stampFloor: Timestamp = 0

  init(byteCountMax: Int, seed: UInt64) {
    self.byteCountMax = byteCountMax
    self.seed = seed
    arenaCapacity = 64 << 10
    unsafe arena = UnsafeMutableRawPointer.allocate(byteCount: arenaCapacity, alignment: 64)
    // Reference 0 is a record too, of no key: what follows it is what comes first.
    unsafe arena.initializeMemory(as: UInt8.self, repeating: 0, count: KeyTable.arenaStart)
    indexMask = 1_023
    unsafe index = UnsafeMutablePointer<UInt64>.allocate(capacity: indexMask + 1)
    unsafe index.initialize(repeating: 0, count: indexMask + 1)
    unsafe stamps = UnsafeMutablePointer<Int64>.allocate(capacity: stampCapacity)
  }

  deinit {
    unsafe arena.deallocate()
    unsafe index.deallocate()
    unsafe stamps.deallocate()
  }

  /// Whether new keys should rather find an empty table.
  var isFull: Bool {
    arenaEnd + 8 * (indexMask + 1) + 40 * stampOfSeries.count > byteCountMax
  }

  @inline(__always)
  func record(_ reference: UInt32) -> UnsafeMutablePointer<KeyRecord> {
    unsafe (arena + 8 &* Int(reference)).assumingMemoryBound(to: KeyRecord.self)
  }

  func hash(_ key: UnsafeRawPointer, count: Int, tenant: TenantID) -> UInt64 {
    unsafe ByteScan.hash(
      key,
      count: count,
      seed: seed ^ UInt64(tenant.rawValue) &* 0x9e37_79b9_7f4a_7c15
    )
  }

  /// The first record of a key, or 0.
  func find(_ key: UnsafeRawPointer, count: Int, tenant: TenantID, hash: UInt64) -> UInt32 {
    let tag = UInt32(truncatingIfNeeded: hash >> 32)
    var slot = Int(truncatingIfNeeded: hash) & indexMask
    while true {
      let entry = unsafe index[slot]
      if entry == 0 { return 0 }
      if UInt32(truncatingIfNeeded: entry >> 32) == tag {
        let reference = UInt32(truncatingIfNeeded: entry)
        let found = unsafe record(reference)
        if unsafe found.pointee.keyByteCount == UInt32(count),
          unsafe found.pointee.tenant == tenant.rawValue,
          unsafe ByteScan.equal(UnsafeRawPointer(found + 1), key, count: count)
        {
          return reference
        }
      }
      slot = (slot &+ 1) & indexMask
    }
  }

  /// Adds a record behind the others of its key; returns its reference.
  ///
  /// - Parameter first: the key's first record, or 0.
  mutating func insert(
    _ key: UnsafeRawPointer,
    count: Int,
    tenant: TenantID,
    hash: UInt64,
    first: UInt32,
    shape: Int,
    resolved: ResolvedLayout
  ) -> UInt32 {
    let needed = (KeyRecord.byteCount + count + 7) & ~7
    reserve(needed)
    let reference = UInt32(arenaEnd / 8)
    let target = unsafe record(reference)
    unsafe target.initialize(
      to: KeyRecord(
        keyByteCount: UInt32(count),
        hash: UInt32(truncatingIfNeeded: hash >> 32),
        tenant: tenant.rawValue,
        shape: UInt32(shape),
        layout: resolved.layout.rawValue,
        stamp: stamp(of: resolved.series),
        measurement: resolved.measurement.rawValue,
        partition: UInt32(resolved.partition.rawValue)
      )
    )
    unsafe UnsafeMutableRawPointer(target + 1).copyMemory(from: key, byteCount: count)
    arenaEnd += needed
    if first != 0 {
      unsafe target.pointee.sibling = unsafe record(first).pointee.sibling
      unsafe record(first).pointee.sibling = reference
    } else {
      unsafe place(UInt64(target.pointee.hash) << 32 | UInt64(reference), hash: hash)
    }
    return reference
  }

  private mutating func reserve(_ byteCount: Int) {
    let needed = arenaEnd + byteCount + Self.slackByteCount
    guard needed > arenaCapacity else { return }
    let capacity = max(needed, 2 * arenaCapacity)
    precondition(capacity / 8 <= Int(UInt32.max))
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
    unsafe fresh.copyMemory(from: arena, byteCount: arenaEnd)
    unsafe arena.deallocate()
    unsafe arena = unsafe fresh
    arenaCapacity = capacity
  }

  private mutating func place(_ entry: UInt64, hash: UInt64) {
    if 2 * (keyCount + 1) > indexMask { growIndex() }
    var slot = Int(truncatingIfNeeded: hash) & indexMask
    while unsafe index[slot] != 0 { slot = (slot &+ 1) & indexMask }
    unsafe index[slot] = entry
    keyCount += 1
  }

  private mutating func growIndex() {
    let old = unsafe index
    let oldMask = indexMask
    indexMask = 2 * oldMask + 1
    unsafe index = UnsafeMutablePointer<UInt64>.allocate(capacity: indexMask + 1)
    unsafe index.initialize(repeating: 0, count: indexMask + 1)
    for slot in 0...oldMask where unsafe old[slot] != 0 {
      let found = unsafe record(UInt32(truncatingIfNeeded: old[slot]))
      let whole = unsafe hash(
        UnsafeRawPointer(found + 1),
        count: Int(found.pointee.keyByteCount),
        tenant: TenantID(found.pointee.tenant)
      )
      var target = Int(truncatingIfNeeded: whole) & indexMask
      while unsafe index[target] != 0 { target = (target &+ 1) & indexMask }
      unsafe index[target] = unsafe old[slot]
    }
    unsafe old.deallocate()
  }

  /// The place of a series' last arrival stamp; one for all spellings of its key.
  private mutating func stamp(of series: SeriesID) -> UInt32 {
    if let known = stampOfSeries[series] { return known }
    let place = stampOfSeries.count
    if place == stampCapacity {
      let fresh = UnsafeMutablePointer<Int64>.allocate(capacity: 2 * stampCapacity)
      unsafe fresh.moveInitialize(from: stamps, count: place)
      unsafe stamps.deallocate()
      unsafe stamps = unsafe fresh
      stampCapacity *= 2
    }
    unsafe (stamps + place).initialize(to: stampFloor)
    stampOfSeries[series] = UInt32(place)
    return UInt32(place)
  }

  /// Forgets all keys.
  mutating func removeAll() {
    for place in 0..<stampOfSeries.count { stampFloor = unsafe max(stampFloor, stamps[place]) }
    stampOfSeries.removeAll()
    arenaEnd = Self.arenaStart
    unsafe arena.initializeMemory(as: UInt8.self, repeating: 0, count: Self.arenaStart)
    keyCount = 0
    unsafe index.update(repeating: 0, count: indexMask + 1)
    generation &+= 1
  }
}
