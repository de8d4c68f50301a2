/// The tenants. Tenant 0 is `default`, there from the start and never recorded.
struct TenantTable {
  static let defaultName = Array("default".utf8)

  /// Name symbols by tenant; ``SymbolTable/none`` where a tenant is referred to but not defined.
  private var names: [UInt32] = []
  private var seriesCounts: [Int] = []
  private var table = IDTable()
  /// The next id to hand out.
  private(set) var next: UInt32 = 0
  private(set) var count = 0

  func isDefined(_ id: UInt32) -> Bool { name(id) != nil }

  /// The name's symbol.
  func name(_ id: UInt32) -> UInt32? {
    guard Int(id) < names.count, names[Int(id)] != SymbolTable.none else { return nil }
    return names[Int(id)]
  }

  func find(_ symbol: UInt32, _ keyed: KeyedHash) -> UInt32? {
    table.find(keyed.hash(0, symbol)) { names[Int($0)] == symbol }
  }

  /// Makes ids up to `id` known as taken.
  mutating func refer(to id: UInt32) {
    next = max(next, id + 1)
    while names.count <= Int(id) {
      names.append(SymbolTable.none)
      seriesCounts.append(0)
    }
  }

  mutating func define(_ id: UInt32, name symbol: UInt32, _ keyed: KeyedHash) {
    refer(to: id)
    names[Int(id)] = symbol
    count += 1
    if find(symbol, keyed) == nil { table.insert(keyed.hash(0, symbol), id: id) }
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  mutating func countSeries(of id: UInt32) {
    refer(to: id)
    seriesCounts[Int(id)] += 1
  }

  func seriesCount(_ id: UInt32) -> Int { Int(id) < seriesCounts.count ? seriesCounts[Int(id)] : 0 }

  /// All defined tenants, ascending.
  var all: [UInt32] { names.indices.filter { names[$0] != SymbolTable.none }.map { UInt32($0) } }

  /// Bytes held, for statistics.
  var byteCount: Int { names.capacity * 4 + seriesCounts.capacity * 8 + table.byteCount }
}
