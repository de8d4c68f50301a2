/// The series: (measurement, pairs), 14 bytes and 4 for each tag, the index beside.
struct SeriesTable {
  /// ``SymbolTable/none`` where a series is referred to but not defined.
  private var measurements: [UInt32] = []
  private var starts: [UInt32] = []
  private var tagCounts: [UInt8] = []
  private var partitions: [UInt8] = []
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
    guard Int(id) < measurements.count, measurements[Int(id)] != SymbolTable.none else {
      return nil
    }
    return measurements[Int(id)]
  }

  /// The partition of a defined series.
  func partition(of id: UInt32) -> UInt8 { partitions[Int(id)] }

  /// The pairs of a defined series.
  func pairs(of id: UInt32) -> ArraySlice<UInt32> {
    let start = Int(starts[Int(id)])
    return pairs[start..<start + Int(tagCounts[Int(id)])]
  }

  /// The series of exactly these pairs, in the order of their keys.
  func find(measurement: UInt32, pairs wanted: [UInt32], _ keyed: KeyedHash) -> UInt32? {
    table.find(keyed.hash(measurement, wanted.span)) { id in
      guard measurements[Int(id)] == measurement, Int(tagCounts[Int(id)]) == wanted.count else {
        return false
      }
      return pairs(of: id).elementsEqual(wanted)
    }
  }

  /// Makes ids up to `id` known as taken.
  mutating func refer(to id: UInt32) {
    next = max(next, id + 1)
    while measurements.count <= Int(id) {
      measurements.append(SymbolTable.none)
      starts.append(0)
      tagCounts.append(0)
      partitions.append(0)
    }
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
    measurements[Int(id)] = measurement
    starts[Int(id)] = UInt32(pairs.count)
    tagCounts[Int(id)] = UInt8(added.count)
    partitions[Int(id)] = partition
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
    (measurements.capacity + starts.capacity + pairs.capacity) * 4 + tagCounts.capacity
      + partitions.capacity + table.byteCount + lists.byteCount
      + byMeasurement.capacity * MemoryLayout<PostingLists.List>.stride
  }
}
