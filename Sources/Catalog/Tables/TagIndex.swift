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

  private struct Pair {
    var column: UInt32
    /// The tag value, as a symbol.
    var value: UInt32
    var series = PostingLists.List()
  }

  private var pairs: [Pair] = []
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
      pairs[Int($0)].value == symbol && pairs[Int($0)].column == column
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
    let pair = UInt32(pairs.count)
    pairs.append(Pair(column: column, value: value))
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
    lists.append(series, to: &pairs[Int(pair)].series)
  }

  /// The key and value symbols of a pair.
  func tag(_ pair: UInt32) -> (key: UInt32, value: UInt32) {
    (columnKeys[Int(pairs[Int(pair)].column)], pairs[Int(pair)].value)
  }

  /// Pairs of all measurements together.
  var tagCount: Int { pairs.count }

  func seriesCount(of pair: UInt32) -> Int { Int(pairs[Int(pair)].series.count) }

  /// The series of a pair, ascending.
  func series(of pair: UInt32) -> [UInt32] { lists.values(of: pairs[Int(pair)].series) }

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
    let heads = columnPairs.capacity + measurementColumns.capacity
    return columns + pairs.capacity * MemoryLayout<Pair>.stride + pairTable.byteCount
      + heads * list + lists.byteCount
  }
}
