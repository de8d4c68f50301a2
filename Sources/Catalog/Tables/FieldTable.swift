internal import Model

/// The fields of all measurements, with their types.
struct FieldTable {
  /// ``SymbolTable/none`` as name where a field is referred to but not defined.
  private var names: [UInt32] = []
  private var measurements: [UInt32] = []
  private var types: [ColumnType] = []
  private var table = IDTable()
  private var lists = PostingLists()
  private var byMeasurement: [PostingLists.List] = []
  private(set) var next: UInt32 = 0
  private(set) var count = 0

  /// The measurement, the name's symbol and the type.
  func definition(_ id: UInt32) -> (measurement: UInt32, name: UInt32, type: ColumnType)? {
    guard Int(id) < names.count, names[Int(id)] != SymbolTable.none else { return nil }
    return (measurements[Int(id)], names[Int(id)], types[Int(id)])
  }

  func find(measurement: UInt32, name symbol: UInt32, _ keyed: KeyedHash) -> UInt32? {
    table.find(keyed.hash(measurement, symbol)) {
      names[Int($0)] == symbol && measurements[Int($0)] == measurement
    }
  }

  /// Makes ids up to `id` known as taken.
  mutating func refer(to id: UInt32) {
    next = max(next, id + 1)
    while names.count <= Int(id) {
      names.append(SymbolTable.none)
      measurements.append(0)
      types.append(.float)
    }
  }

  mutating func define(
    _ id: UInt32,
    measurement: UInt32,
    name symbol: UInt32,
    type: ColumnType,
    _ keyed: KeyedHash
  ) {
    refer(to: id)
    names[Int(id)] = symbol
    measurements[Int(id)] = measurement
    types[Int(id)] = type
    count += 1
    if find(measurement: measurement, name: symbol, keyed) == nil {
      table.insert(keyed.hash(measurement, symbol), id: id)
    }
    while byMeasurement.count <= Int(measurement) { byMeasurement.append(PostingLists.List()) }
    lists.append(id, to: &byMeasurement[Int(measurement)])
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  func count(of measurement: UInt32) -> Int {
    Int(measurement) < byMeasurement.count ? Int(byMeasurement[Int(measurement)].count) : 0
  }

  /// The fields of a measurement, ascending.
  func fields(of measurement: UInt32) -> [UInt32] {
    Int(measurement) < byMeasurement.count ? lists.values(of: byMeasurement[Int(measurement)]) : []
  }

  /// Bytes held, for statistics.
  var byteCount: Int {
    (names.capacity + measurements.capacity) * 4 + types.capacity + table.byteCount
      + lists.byteCount + byMeasurement.capacity * MemoryLayout<PostingLists.List>.stride
  }
}
