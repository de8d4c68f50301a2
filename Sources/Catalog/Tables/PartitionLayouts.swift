/// The layouts of one partition. Ids come in runs of 1,024 of which many stay half used, hence
/// pages of 64 ids: only pages in use take memory.
struct PartitionLayouts {
  private static let pageShift: UInt32 = 6
  private static let pageCount = 1 << Int(pageShift)

  /// Page number -> index of the page's first entry; ``SymbolTable/none`` for an empty page.
  private var pages: [UInt32] = []
  /// ``SymbolTable/none`` as series where an id is not defined.
  private var series: [UInt32] = []
  private var fieldSets: [UInt32] = []
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
    guard series[entry] != SymbolTable.none else { return nil }
    return (series[entry], fieldSets[entry])
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
      pages[page] = UInt32(series.count)
      for _ in 0..<Self.pageCount {
        series.append(SymbolTable.none)
        fieldSets.append(0)
      }
    }
    let entry = Int(pages[page]) + Int(id) % Self.pageCount
    series[entry] = added
    fieldSets[entry] = fieldSet
    order.append(id)
    if isNew { table.insert(keyed.hash(added, fieldSet), id: id) }
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  /// Ids defined after the first `seen` ones.
  func ids(after seen: Int) -> ArraySlice<UInt32> { order[min(seen, order.count)...] }

  /// Bytes held, for statistics.
  var byteCount: Int {
    (pages.capacity + series.capacity + fieldSets.capacity + order.capacity) * 4 + table.byteCount
  }
}
