/// The layouts of one partition. Ids come in runs of 1,024 of which many stay half used, hence
/// pages of 64 ids: only pages in use take memory.
struct PartitionLayouts {
  private static let pageShift: UInt32 = 6
  private static let pageCount = 1 << Int(pageShift)

  /// Page number -> index of the page's first entry; ``SymbolTable/none`` for an empty page.
  private var pages: [UInt32] = []
  /// Series and field set; ``SymbolTable/none`` as series where an id is not defined.
  private var entries: [(series: UInt32, fieldSet: UInt32)] = []
  /// Ids in the order of their definition: a worker asks for those after the last that it knows.
  private var order: [UInt32] = []
  private var table = IDTable()
  /// The first id that no run holds.
  private(set) var next: UInt32 = 0

  var count: Int { order.count }

  func definition(_ id: UInt32) -> (series: UInt32, fieldSet: UInt32)? {
    let page = Int(id >> Self.pageShift)
    guard page < pages.count, pages[page] != SymbolTable.none else { return nil }
    let entry = Int(pages[page]) + Int(id) % Self.pageCount
    guard entries[entry].series != SymbolTable.none else { return nil }
    return entries[entry]
  }

  func find(series: UInt32, fieldSet: UInt32, _ keyed: KeyedHash) -> UInt32? {
    table.find(keyed.hash(series, fieldSet)) { id in
      guard let found = definition(id) else { return false }
      return found.series == series && found.fieldSet == fieldSet
    }
  }

  mutating func define(_ id: UInt32, series added: UInt32, fieldSet: UInt32, _ keyed: KeyedHash) {
    next = max(next, id + 1)
    let isNew = find(series: added, fieldSet: fieldSet, keyed) == nil
    let page = Int(id >> Self.pageShift)
    while pages.count <= page { pages.append(SymbolTable.none) }
    if pages[page] == SymbolTable.none {
      pages[page] = UInt32(entries.count)
      for _ in 0..<Self.pageCount { entries.append((SymbolTable.none, 0)) }
    }
    let entry = Int(pages[page]) + Int(id) % Self.pageCount
    entries[entry] = (added, fieldSet)
    order.append(id)
    if isNew { table.insert(keyed.hash(added, fieldSet), id: id) }
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  /// Ids defined after the first `seen` ones.
  func ids(after seen: Int) -> ArraySlice<UInt32> { order[min(seen, order.count)...] }

  /// Bytes held, for statistics.
  var byteCount: Int {
    (pages.capacity + order.capacity) * 4 + entries.capacity * 8 + table.byteCount
  }
}
