/// The scale tables: one power of ten for each column of a field set. Table 0, all zero, is there
/// from the start and never recorded.
struct ScaleTables {
  /// Field sets by table; ``SymbolTable/none`` where a table is not defined.
  private var fieldSets: [UInt32] = [SymbolTable.none]
  private var starts: [UInt32] = [0]
  private var counts: [UInt32] = [0]
  private var exponents: [UInt8] = []
  private var table = IDTable()
  private(set) var next: UInt32 = 1
  private(set) var count = 0

  /// Exponents of all tables together.
  var exponentCount: Int { exponents.count }

  func fieldSet(of id: UInt32) -> UInt32? {
    guard Int(id) < fieldSets.count, fieldSets[Int(id)] != SymbolTable.none else { return nil }
    return fieldSets[Int(id)]
  }

  /// The exponents of a defined table.
  func exponents(of id: UInt32) -> ArraySlice<UInt8> {
    let start = Int(starts[Int(id)])
    return exponents[start..<start + Int(counts[Int(id)])]
  }

  func find(fieldSet: UInt32, exponents wanted: [UInt8], _ keyed: KeyedHash) -> UInt32? {
    table.find(hash(fieldSet, wanted, keyed)) { id in
      fieldSets[Int(id)] == fieldSet && exponents(of: id).elementsEqual(wanted)
    }
  }

  private func hash(_ fieldSet: UInt32, _ exponents: [UInt8], _ keyed: KeyedHash) -> UInt64 {
    let bytes = keyed.hash(exponents.span)
    return bytes ^ keyed.hash(fieldSet, 0)
  }

  /// Makes ids up to `id` known as taken.
  mutating func refer(to id: UInt32) {
    next = max(next, id + 1)
    while fieldSets.count <= Int(id) {
      fieldSets.append(SymbolTable.none)
      starts.append(0)
      counts.append(0)
    }
  }

  mutating func define(
    _ id: UInt32,
    fieldSet: UInt32,
    exponents added: [UInt8],
    _ keyed: KeyedHash
  ) {
    refer(to: id)
    let isNew = find(fieldSet: fieldSet, exponents: added, keyed) == nil
    fieldSets[Int(id)] = fieldSet
    starts[Int(id)] = UInt32(exponents.count)
    counts[Int(id)] = UInt32(added.count)
    exponents.append(contentsOf: added)
    count += 1
    if isNew { table.insert(hash(fieldSet, added, keyed), id: id) }
  }

  mutating func raise(next floor: UInt32) { next = max(next, floor) }

  /// Bytes held, for statistics.
  var byteCount: Int {
    (fieldSets.capacity + starts.capacity + counts.capacity) * 4 + exponents.capacity
      + table.byteCount
  }
}
