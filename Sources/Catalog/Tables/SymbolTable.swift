/// Names, each stored once: measurement names, field names, tag keys and tag values.
///
/// A symbol is 4 bytes; the names stand one after another in one arena. Symbols live in memory
/// only, files hold the names themselves.
struct SymbolTable {
  /// No symbol: the name of something that is referred to and was never defined.
  static let none = UInt32.max

  private var arena: [UInt8] = []
  /// Symbol `i` is `arena[starts[i] ..< starts[i + 1]]`.
  private var starts: [UInt32] = [0]
  private var table = IDTable()

  /// Bytes of all names.
  var nameByteCount: Int { arena.count }

  /// The symbol of `name`, if it has one.
  func find(_ name: [UInt8], _ keyed: KeyedHash) -> UInt32? {
    find(name.span, hash: keyed.hash(name.span))
  }

  /// The symbol of `name`, new if need be.
  mutating func intern(_ name: [UInt8], _ keyed: KeyedHash) -> UInt32 {
    let hash = keyed.hash(name.span)
    if let symbol = find(name.span, hash: hash) { return symbol }
    let symbol = UInt32(starts.count - 1)
    arena.append(contentsOf: name)
    starts.append(UInt32(arena.count))
    table.insert(hash, id: symbol)
    return symbol
  }

  private func find(_ name: Span<UInt8>, hash: UInt64) -> UInt32? {
    let arena = arena.span
    let starts = starts.span
    return table.find(hash) { symbol in
      let start = Int(starts[Int(symbol)])
      guard Int(starts[Int(symbol) + 1]) - start == name.count else { return false }
      var index = 0
      while index < name.count {
        guard arena[start &+ index] == name[index] else { return false }
        index &+= 1
      }
      return true
    }
  }

  /// The name of a symbol.
  subscript(symbol: UInt32) -> [UInt8] {
    Array(arena[Int(starts[Int(symbol)])..<Int(starts[Int(symbol) + 1])])
  }

  /// Bytes of one name.
  func byteCount(of symbol: UInt32) -> Int {
    Int(starts[Int(symbol) + 1]) - Int(starts[Int(symbol)])
  }

  /// Bytes held, for statistics.
  var byteCount: Int { arena.capacity + starts.capacity * 4 + table.byteCount }
}
