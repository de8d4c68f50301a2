internal import Model

/// The inverted index: (measurement, tag key, tag value) -> series.
///
/// A *column* is a tag key of a measurement, a *pair* is a value in a column. A series is stored as
/// its pairs, 4 bytes a tag, and each pair lists its series.
struct TagIndex {
  private var columnMeasurements: [UInt32] = []
  /// Tag keys, as symbols.
  private var columnKeys: [UInt32] = []
  /// The pairs of each column.
  private var columnPairs: [PostingLists.List] = []
  private var columnTable = IDTable()

  private var pairColumns: [UInt32] = []
  /// Tag values, as symbols.
  private var pairValues: [UInt32] = []
  /// The series of each pair.
  private var pairSeries: [PostingLists.List] = []
  private var pairTable = IDTable()

  private var measurementColumns: [PostingLists.List] = []
  private var lists = PostingLists()

  func column(_ measurement: UInt32, key symbol: UInt32, _ keyed: KeyedHash) -> UInt32? {
    columnTable.find(keyed.hash(measurement, symbol)) {
      columnKeys[Int($0)] == symbol && columnMeasurements[Int($0)] == measurement
    }
  }

  func pair(column: UInt32, value symbol: UInt32, _ keyed: KeyedHash) -> UInt32? {
    pairTable.find(keyed.hash(column, symbol)) {
      pairValues[Int($0)] == symbol && pairColumns[Int($0)] == column
    }
  }

  /// The pair of a tag, new if need be.
  mutating func intern(
    measurement: UInt32,
    key: UInt32,
    value: UInt32,
    _ keyed: KeyedHash
  ) -> UInt32 {
    let column = column(measurement, key: key, keyed) ?? addColumn(measurement, key, keyed)
    if let pair = pair(column: column, value: value, keyed) { return pair }
    let pair = UInt32(pairColumns.count)
    pairColumns.append(column)
    pairValues.append(value)
    pairSeries.append(PostingLists.List())
    pairTable.insert(keyed.hash(column, value), id: pair)
    lists.append(pair, to: &columnPairs[Int(column)])
    return pair
  }

  private mutating func addColumn(
    _ measurement: UInt32,
    _ key: UInt32,
    _ keyed: KeyedHash
  ) -> UInt32 {
    let column = UInt32(columnKeys.count)
    columnMeasurements.append(measurement)
    columnKeys.append(key)
    columnPairs.append(PostingLists.List())
    columnTable.insert(keyed.hash(measurement, key), id: column)
    while measurementColumns.count <= Int(measurement) {
      measurementColumns.append(PostingLists.List())
    }
    lists.append(column, to: &measurementColumns[Int(measurement)])
    return column
  }

  /// Notes that `series` carries `pair`.
  mutating func add(_ series: UInt32, to pair: UInt32) {
    lists.append(series, to: &pairSeries[Int(pair)])
  }

  /// The key and value symbols of a pair.
  func tag(_ pair: UInt32) -> (key: UInt32, value: UInt32) {
    (columnKeys[Int(pairColumns[Int(pair)])], pairValues[Int(pair)])
  }

  func seriesCount(of pair: UInt32) -> Int { Int(pairSeries[Int(pair)].count) }

  /// The series of a pair, ascending.
  func series(of pair: UInt32) -> [UInt32] { lists.values(of: pairSeries[Int(pair)]) }

  /// The tag keys of a measurement, as symbols.
  func keys(of measurement: UInt32) -> [UInt32] {
    guard Int(measurement) < measurementColumns.count else { return [] }
    return lists.values(of: measurementColumns[Int(measurement)]).map { columnKeys[Int($0)] }
  }

  /// The pairs of a column.
  func pairs(of column: UInt32) -> [UInt32] { lists.values(of: columnPairs[Int(column)]) }

  /// Bytes held, for statistics.
  var byteCount: Int {
    let list = MemoryLayout<PostingLists.List>.stride
    let columns = (columnMeasurements.capacity + columnKeys.capacity) * 4 + columnTable.byteCount
    let pairs = (pairColumns.capacity + pairValues.capacity) * 4 + pairTable.byteCount
    let heads = columnPairs.capacity + pairSeries.capacity + measurementColumns.capacity
    return columns + pairs + heads * list + lists.byteCount
  }
}
