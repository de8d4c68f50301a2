internal import Bytes
public import Model

/// What a chunk of numbers says of its values without being decoded.
///
/// Equal, bit for bit, to what a fold of the decoded values gives: min and max skip NaN unless all
/// are NaN (then both are the first one), −0 < +0, integers add up in 128 bits, floats by
/// ``CompensatedSum`` from 0 in the order of the rows.
public struct ChunkStatistics: Hashable, Sendable {
  /// Shorter chunks have none: what is folded in a microsecond needs no bytes.
  public static let valueCountMin = 512
  /// The most that they add to a chunk.
  public static let byteCountMax = 65

  public var sum: WindowSum
  public var min: Cell
  public var max: Cell
  public var first: Cell
  public var last: Cell
  /// Whether no value is below the one before it, and none is NaN: then a counter has grown by
  /// `last` less `first`.
  public var neverFalls: Bool

  public init(
    sum: WindowSum,
    min: Cell,
    max: Cell,
    first: Cell,
    last: Cell,
    neverFalls: Bool
  ) {
    self.sum = sum
    self.min = min
    self.max = max
    self.first = first
    self.last = last
    self.neverFalls = neverFalls
  }

  /// Folds cells, one or more of them.
  ///
  /// - Parameter type: not string.
  /// - Complexity: 1 to 3 ns a value.
  public init(of cells: Span<Cell>, type: ColumnType) {
    precondition(!cells.isEmpty)
    precondition(type != .string)
    switch type {
    case .float: self.init(floats: cells)
    case .integer: self.init(signed: cells)
    case .unsigned, .boolean, .string: self.init(unsigned: cells)
    }
  }

  private init(floats cells: Span<Cell>) {
    var least = Int64.max
    var greatest = Int64.min
    var total = CompensatedSum()
    var rises = true
    var previous = Double(bitPattern: cells[0])
    for index in cells.indices {
      let cell = cells[index]
      let value = Double(bitPattern: cell)
      total.add(value)
      rises = rises && value >= previous
      previous = value
      guard !value.isNaN else { continue }
      let key = Int64(bitPattern: OrderedBits.flip(cell))
      least = Swift.min(least, key)
      greatest = Swift.max(greatest, key)
    }
    // The keys of numbers never cross: those of NaN alone do.
    let isNumber = least <= greatest
    self.init(
      sum: WindowSum(float: total.value),
      min: isNumber ? OrderedBits.flip(UInt64(bitPattern: least)) : cells[0],
      max: isNumber ? OrderedBits.flip(UInt64(bitPattern: greatest)) : cells[0],
      first: cells[0],
      last: cells[cells.count - 1],
      neverFalls: rises
    )
  }

  private init(signed cells: Span<Cell>) {
    var least = Int64.max
    var greatest = Int64.min
    var total: Int128 = 0
    var rises = true
    var previous = Int64(bitPattern: cells[0])
    for index in cells.indices {
      let value = Int64(bitPattern: cells[index])
      total &+= Int128(value)
      least = Swift.min(least, value)
      greatest = Swift.max(greatest, value)
      rises = rises && value >= previous
      previous = value
    }
    self.init(
      sum: WindowSum(integer: total),
      min: UInt64(bitPattern: least),
      max: UInt64(bitPattern: greatest),
      first: cells[0],
      last: cells[cells.count - 1],
      neverFalls: rises
    )
  }

  private init(unsigned cells: Span<Cell>) {
    var least = UInt64.max
    var greatest = UInt64.min
    var total: Int128 = 0
    var rises = true
    var previous = cells[0]
    for index in cells.indices {
      let value = cells[index]
      total &+= Int128(value)
      least = Swift.min(least, value)
      greatest = Swift.max(greatest, value)
      rises = rises && value >= previous
      previous = value
    }
    self.init(
      sum: WindowSum(integer: total),
      min: least,
      max: greatest,
      first: cells[0],
      last: cells[cells.count - 1],
      neverFalls: rises
    )
  }

  /// Those of `count` equal cells.
  init(constant cell: Cell, type: ColumnType, count: Int) {
    let sum: WindowSum
    switch type {
    case .float: sum = WindowSum(float: Self.sum(Double(bitPattern: cell), count))
    case .integer: sum = WindowSum(integer: Int128(Int64(bitPattern: cell)) * Int128(count))
    case .unsigned, .boolean, .string: sum = WindowSum(integer: Int128(cell) * Int128(count))
    }
    let isNaN = type == .float && Double(bitPattern: cell).isNaN
    self.init(sum: sum, min: cell, max: cell, first: cell, last: cell, neverFalls: !isNaN)
  }

  /// What adding `value` to 0 `count` times gives.
  private static func sum(_ value: Double, _ count: Int) -> Double {
    let product = value * Double(count)
    // With 16 bits to spare every sum on the way is exact, and so is the product.
    if value.isNormal, product.isFinite, value.significandBitPattern.trailingZeroBitCount >= 16 {
      return product
    }
    if value == 0 { return 0 }
    var total = CompensatedSum()
    for _ in 0..<count { total.add(value) }
    return total.value
  }
}
