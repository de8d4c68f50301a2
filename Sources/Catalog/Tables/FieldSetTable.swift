/// The field sets: ascending lists of distinct fields, one after another in one arena.
struct FieldSetTable {
  /// ``SymbolTable/none`` where a field set is referred to but not defined.
  private var measurements: [UInt32] = []
  private var starts: [UInt32] = []
  private var counts: [UInt32] = []
  private var columns: [UInt32] = []
  private var table = IDTable()
  private(set) var next: UInt32 = 0
  private(set) var count = 0

  /// Columns of all field sets together.
  var columnCount: Int { columns.count }

  func measurement(of id: UInt32) -> UInt32? {
    guard Int(id) < measurements.count, measurements[Int(id)] != SymbolTable.none else {
      return nil
    }
    return measurements[Int(id)]
  }

  /// The fields of a defined set.
  func fields(of id: UInt32) -> ArraySlice<UInt32> {
    let start = Int(starts[Int(id)])
    return columns[start..<start + Int(counts[Int(id)])]
  }

  func columnCount(of id: UInt32) -> Int { Int(counts[Int(id)]) }

  /// The set of exactly these fields, ascending.
  func find(measurement: UInt32, fields: [UInt32], _ keyed: KeyedHash) -> UInt32? {
    let wanted = fields.span
    let columns = columns.span
    return table.find(keyed.hash(measurement, wanted)) { id in
      guard Int(counts[Int(id)]) == wanted.count, measurements[Int(id)] == measurement else {
        return false
      }
      let start = Int(starts[Int(id)])
      var index = 0
      while index < wanted.count {
        guard columns[start &+ index] == wanted[index] else { return false }
        index &+= 1
      }
      return true
    }
  }

  /// Makes ids up to `id` known as taken.
  mutating func refer(to id: UInt32) {
    next = max(next, id + 1)
    while measurements.count <= Int(id) {
      measurements.append(SymbolTable.none)
      starts.append(0)
      counts.append(0)
    }
  }

  mutating func define(_ id: UInt32, measurement: UInt32, fields: [UInt32], _ keyed: KeyedHash) {
    refer(to: id)
    let isNew = find(measurement: measurement, fields: fields, keyed) == nil
    measurements[Int(id)] = measurement
    starts[Int(id)] = UInt32(columns.count)
    counts[Int(id)] = UInt32(fields.count)
    columns.append(contentsOf: fields)
    count += 1
    if isNew { table.insert(keyed.hash(measurement, fields.span), id: id) }
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  /// Bytes held, for statistics.
  var byteCount: Int {
    (measurements.capacity + starts.capacity + counts.capacity + columns.capacity) * 4
      + table.byteCount
  }
}
