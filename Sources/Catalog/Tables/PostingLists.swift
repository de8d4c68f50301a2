/// Many growing lists of series in one pool.
///
/// Most lists hold one series (a tag value that names one server) and take no pool at all; longer
/// ones are chains of chunks of 4, 8, 16 ... 512 entries.
///
///     chunk := | pool index of the next chunk, 0 for none | entry | entry | ... |
struct PostingLists {
  private static let chunkCapacityMin = 4
  private static let chunkCapacityMax = 512

  /// One list; the owner stores it.
  struct List {
    fileprivate(set) var count: UInt32 = 0
    fileprivate var first: UInt32 = 0
    fileprivate var head: UInt32 = 0
    /// Pool index of the newest entry.
    fileprivate var newest: UInt32 = 0
  }

  /// Index 0 is never a chunk.
  private var pool: [UInt32] = [0]
  /// Whether every list was filled in ascending order; restored series may break that.
  private(set) var isSorted = true

  /// Appends to a list. Amortised O(1).
  mutating func append(_ value: UInt32, to list: inout List) {
    if list.count > 0 {
      let previous = list.count == 1 ? list.first : pool[Int(list.newest)]
      if previous > value { isSorted = false }
    }
    switch list.count {
    case 0:
      list.first = value
    case 1:
      list.head = startChunk(Self.chunkCapacityMin, with: value)
      list.newest = list.head + 1
    default:
      let (filled, capacity) = Self.tail(pooled: Int(list.count) - 1)
      if filled < capacity {
        list.newest += 1
        pool[Int(list.newest)] = value
      } else {
        let chunk = startChunk(min(capacity * 2, Self.chunkCapacityMax), with: value)
        // The full chunk's link stands before its first entry.
        pool[Int(list.newest) - capacity] = chunk
        list.newest = chunk + 1
      }
    }
    list.count += 1
  }

  private mutating func startChunk(_ capacity: Int, with value: UInt32) -> UInt32 {
    let chunk = UInt32(pool.count)
    pool.append(0)
    pool.append(value)
    for _ in 1..<capacity { pool.append(0) }
    return chunk
  }

  /// How full the last chunk is when `pooled` entries (1 or more) stand in chunks.
  private static func tail(pooled: Int) -> (filled: Int, capacity: Int) {
    var rest = pooled
    var capacity = chunkCapacityMin
    while rest > capacity {
      rest -= capacity
      if capacity == chunkCapacityMax {
        return ((rest - 1) % capacity + 1, capacity)
      }
      capacity *= 2
    }
    return (rest, capacity)
  }

  /// The entries, ascending.
  func values(of list: List) -> [UInt32] {
    guard list.count > 0 else { return [] }
    var result: [UInt32] = []
    result.reserveCapacity(Int(list.count))
    result.append(list.first)
    var chunk = Int(list.head)
    var capacity = Self.chunkCapacityMin
    while result.count < Int(list.count) {
      let wanted = min(capacity, Int(list.count) - result.count)
      result.append(contentsOf: pool[(chunk + 1)...(chunk + wanted)])
      chunk = Int(pool[chunk])
      capacity = min(capacity * 2, Self.chunkCapacityMax)
    }
    if !isSorted { result.sort() }
    return result
  }

  /// Bytes held, for statistics.
  var byteCount: Int { pool.capacity * 4 }
}
