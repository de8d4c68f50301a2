/// The series: (measurement, pairs), 12 bytes and 4 for each tag, the index beside.
struct SeriesTable {
  private struct Entry {
    /// ``SymbolTable/none`` where a series is referred to but not defined.
    var measurement = SymbolTable.none
    /// Where its pairs begin.
    var start: UInt32 = 0
    var tagCount: UInt8 = 0
    var partition: UInt8 = 0
  }

  private var entries: [Entry] = []
  /// The pairs of all series, each series' in the order of its tag keys.
  private var pairs: [UInt32] = []
  private var table = IDTable()
  private var lists = PostingLists()
  private var byMeasurement: [PostingLists.List] = []
  private(set) var next: UInt32 = 0
  private(set) var count = 0

  /// Tags of all series together.
  var tagCount: Int { pairs.count }

  func measurement(of id: UInt32) -> UInt32? {
    guard Int(id) < entries.count, entries[Int(id)].measurement != SymbolTable.none else {
      return nil
    }
    return entries[Int(id)].measurement
  }

  /// The partition of a defined series.
  func partition(of id: UInt32) -> UInt8 { entries[Int(id)].partition }

  /// The pairs of a defined series.
  func pairs(of id: UInt32) -> ArraySlice<UInt32> {
    let entry = entries[Int(id)]
    return pairs[Int(entry.start)..<Int(entry.start) + Int(entry.tagCount)]
  }

  /// The series of exactly these pairs, in the order of their keys.
  func find(measurement: UInt32, pairs wanted: [UInt32], _ keyed: KeyedHash) -> UInt32? {
    table.find(keyed.hash(measurement, wanted.span)) { id in
      let entry = entries[Int(id)]
      guard entry.measurement == measurement, Int(entry.tagCount) == wanted.count else {
        return false
      }
      for index in wanted.indices where pairs[Int(entry.start) + index] != wanted[index] {
        return false
      }
      return true
    }
  }

  /// Makes ids up to `id` known as taken.
  mutating func refer(to id: UInt32) {
    next = max(next, id + 1)
    while entries.count <= Int(id) { entries.append(Entry()) }
  }

  mutating func define(
    _ id: UInt32,
    measurement: UInt32,
    partition: UInt8,
    pairs added: [UInt32],
    _ keyed: KeyedHash
  ) {
    refer(to: id)
    let isNew = find(measurement: measurement, pairs: added, keyed) == nil
    entries[Int(id)] = Entry(
      measurement: measurement,
      start: UInt32(pairs.count),
      tagCount: UInt8(added.count),
      partition: partition
    )
    pairs.append(contentsOf: added)
    count += 1
    if isNew { table.insert(keyed.hash(measurement, added.span), id: id) }
    while byMeasurement.count <= Int(measurement) { byMeasurement.append(PostingLists.List()) }
    lists.append(id, to: &byMeasurement[Int(measurement)])
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  func count(of measurement: UInt32) -> Int {
    Int(measurement) < byMeasurement.count ? Int(byMeasurement[Int(measurement)].count) : 0
  }

  /// The series of a measurement, ascending.
  func series(of measurement: UInt32) -> [UInt32] {
    Int(measurement) < byMeasurement.count ? lists.values(of: byMeasurement[Int(measurement)]) : []
  }

  /// Bytes held, for statistics.
  var byteCount: Int {
    entries.capacity * MemoryLayout<Entry>.stride + pairs.capacity * 4 + table.byteCount
      + lists.byteCount
      + byMeasurement.capacity * MemoryLayout<PostingLists.List>.stride
  }
}
