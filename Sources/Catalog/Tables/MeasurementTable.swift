/// The measurements of all tenants.
struct MeasurementTable {
  /// ``SymbolTable/none`` as name where a measurement is referred to but not defined.
  private var names: [UInt32] = []
  private var tenants: [UInt32] = []
  private var table = IDTable()
  private var lists = PostingLists()
  private var byTenant: [PostingLists.List] = []
  private(set) var next: UInt32 = 0
  private(set) var count = 0

  /// The tenant and the name's symbol.
  func definition(_ id: UInt32) -> (tenant: UInt32, name: UInt32)? {
    guard Int(id) < names.count, names[Int(id)] != SymbolTable.none else { return nil }
    return (tenants[Int(id)], names[Int(id)])
  }

  func find(tenant: UInt32, name symbol: UInt32, _ keyed: KeyedHash) -> UInt32? {
    table.find(keyed.hash(tenant, symbol)) {
      names[Int($0)] == symbol && tenants[Int($0)] == tenant
    }
  }

  /// Makes ids up to `id` known as taken.
  mutating func refer(to id: UInt32) {
    next = max(next, id + 1)
    while names.count <= Int(id) {
      names.append(SymbolTable.none)
      tenants.append(0)
    }
  }

  mutating func define(_ id: UInt32, tenant: UInt32, name symbol: UInt32, _ keyed: KeyedHash) {
    refer(to: id)
    names[Int(id)] = symbol
    tenants[Int(id)] = tenant
    count += 1
    if find(tenant: tenant, name: symbol, keyed) == nil {
      table.insert(keyed.hash(tenant, symbol), id: id)
    }
    while byTenant.count <= Int(tenant) { byTenant.append(PostingLists.List()) }
    lists.append(id, to: &byTenant[Int(tenant)])
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  /// The measurements of a tenant, ascending.
  func measurements(of tenant: UInt32) -> [UInt32] {
    Int(tenant) < byTenant.count ? lists.values(of: byTenant[Int(tenant)]) : []
  }

  /// Bytes held, for statistics.
  var byteCount: Int {
    (names.capacity + tenants.capacity) * 4 + table.byteCount + lists.byteCount
      + byTenant.capacity * MemoryLayout<PostingLists.List>.stride
  }
}
