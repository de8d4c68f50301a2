public import Model
internal import Synchronization

/// The tags of many series, each distinct tag once: what a query over all series of a measurement
/// needs, without an array for each of them.
public struct SeriesLabels: Sendable {
  public struct Entry: Sendable {
    public var series: SeriesID
    public var partition: PartitionID
    /// Where its tags stand in ``SeriesLabels/numbers``, in the order of their keys.
    public var place: Range<Int>
  }

  /// Distinct, in any order.
  public private(set) var tags: [Tag] = []
  /// Indexes into ``tags``.
  public private(set) var numbers: [UInt32] = []
  public private(set) var entries: [Entry] = []

  public init() {}

  mutating func reserve(_ seriesCount: Int) { entries.reserveCapacity(seriesCount) }

  /// Adds a tag that is not there yet.
  ///
  /// - Returns: its number.
  package mutating func add(_ tag: Tag) -> UInt32 {
    tags.append(tag)
    return UInt32(tags.count - 1)
  }

  package mutating func add(
    _ series: SeriesID,
    in partition: PartitionID,
    tags: some Sequence<UInt32>
  ) {
    let start = numbers.count
    numbers.append(contentsOf: tags)
    entries.append(Entry(series: series, partition: partition, place: start..<numbers.count))
  }
}

extension Catalog {
  /// The tags of some series, those left out that are not defined.
  ///
  /// - Complexity: a few nanoseconds a tag, and a lock for each thousand series.
  public func labels(of ids: [SeriesID]) -> SeriesLabels {
    var labels = SeriesLabels()
    labels.reserve(ids.count)
    var known = TagNumbers()
    var numbers: [UInt32] = []
    for start in stride(from: 0, to: ids.count, by: 1_000) {
      let piece = ids[start..<min(start + 1_000, ids.count)]
      state.withLock { state in
        known.prepare(for: ids.count, tagCount: state.index.tagCount)
        for id in piece where state.series.measurement(of: id.rawValue) != nil {
          numbers.removeAll(keepingCapacity: true)
          for pair in state.series.pairs(of: id.rawValue) {
            if let number = known[pair] {
              numbers.append(number)
              continue
            }
            let tag = state.index.tag(pair)
            let number = labels.add(
              Tag(key: known.key(tag.key) { state.symbols[$0] }, value: state.symbols[tag.value])
            )
            known[pair] = number
            numbers.append(number)
          }
          let partition = PartitionID(UInt16(state.series.partition(of: id.rawValue)))
          labels.add(id, in: partition, tags: numbers)
        }
      }
    }
    return labels
  }
}

/// The numbers that the catalog's pairs have in one ``SeriesLabels``.
private struct TagNumbers {
  /// Series from which on a table over all pairs is cheaper than a dictionary.
  private static let seriesPerTable = 64

  private var few: [UInt32: UInt32] = [:]
  /// By pair, the number plus one; empty while there are few.
  private var table: [UInt32] = []
  private var usesTable = false
  private var keys: [UInt32: [UInt8]] = [:]

  /// Makes room for the pairs that there are by now.
  mutating func prepare(for seriesCount: Int, tagCount: Int) {
    usesTable = usesTable || tagCount / Self.seriesPerTable <= seriesCount
    guard usesTable, table.count < tagCount else { return }
    table.append(contentsOf: repeatElement(0, count: tagCount - table.count))
  }

  subscript(pair: UInt32) -> UInt32? {
    get {
      guard usesTable else { return few[pair] }
      let number = table[Int(pair)]
      return number == 0 ? nil : number - 1
    }
    set {
      guard let newValue else { return }
      if usesTable { table[Int(pair)] = newValue + 1 } else { few[pair] = newValue }
    }
  }

  /// The bytes of a tag key, shared by all tags that have it.
  mutating func key(_ symbol: UInt32, _ name: (UInt32) -> [UInt8]) -> [UInt8] {
    if let key = keys[symbol] { return key }
    let key = name(symbol)
    keys[symbol] = key
    return key
  }
}
