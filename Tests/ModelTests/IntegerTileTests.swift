import Model
import TestSupport
import Testing

/// Goal: a tile of integers says of every column what its cells say.
@Suite struct IntegerTileTests {
  private static let kinds: [ColumnType] = [.float, .integer, .unsigned, .boolean]

  private static func value(
    _ type: ColumnType,
    _ style: Int,
    _ random: inout SeededRandom
  ) -> ArenaRows.Value {
    // Columns without exceptions, with few of them, and with many.
    if style == 1, random.oneIn(20) || style == 2, random.oneIn(2) {
      switch type {
      case .float: return .cell(random.next())
      case .boolean: break
      default: return .cell(random.next() >> UInt64.random(in: 0...31, using: &random))
      }
    }
    if type == .boolean { return .scaled(random.oneIn(2) ? 1 : 0) }
    let bits = Int32(truncatingIfNeeded: random.next()) >> Int32.random(in: 0...31, using: &random)
    return .scaled(bits)
  }

  @Test(arguments: 0..<40)
  func aTileSaysWhatCellsSay(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let columnCount = Int.random(in: 1...20, using: &random)
    let rowCount = [1, 2, 7, 8, 9, 60, 64, 65, 200].randomElement(using: &random) ?? 1
    let types = (0..<columnCount).map { _ in Self.kinds.randomElement(using: &random) ?? .float }
    let columns = types.map { type in
      let style = Int.random(in: 0...2, using: &random)
      return (0..<rowCount).map { _ in Self.value(type, style, &random) }
    }
    // Two scale tables that agree on some columns; some payloads are cut off.
    let exponentMax = random.oneIn(2) ? 22 : 9
    let exponents = (0..<2).map { _ in
      types.map { _ in Int.random(in: 0...exponentMax, using: &random) }
    }
    let isCut = random.oneIn(3)
    let cuts = (0..<rowCount).map { _ in
      isCut && random.oneIn(5) ? Int.random(in: 0...60, using: &random) : Int.max
    }
    let isMixed = random.oneIn(3)
    let rows = ArenaRows(
      columns,
      timestamps: (0..<rowCount).map { Timestamp($0 + 1) },
      scales: (0..<rowCount).map { _ in ScaleTableID(isMixed && random.oneIn(2) ? 1 : 0) },
      byteCountMax: { cuts[$0] }
    )
    func divisors(_ table: ScaleTableID) -> [Double] {
      exponents[Int(table.rawValue)].enumerated().map { column, exponent in
        DecimalScale.powers[column % 2 == 0 ? exponents[0][column] : exponent]
      }
    }
    let references = rows.references()
    var cells: [Cell] = []
    var strings = StringArena()
    var plain = RowTile(references[...], types: types, divisors: divisors)
    var wide = RowTile(references[...], types: types, divisors: divisors)
    var tile = IntegerTile()
    while wide.columnsLeft > 0 {
      let count = min(RowTile.columnCountMax, wide.columnsLeft)
      let column = columnCount - wide.columnsLeft
      // Without the instructions cells are all there is.
      guard wide.next(count, into: &tile) else { return }
      plain.next(count, into: &cells, strings: &strings)
      for offset in 0..<count {
        let expected = Array(cells[offset * rowCount..<(offset + 1) * rowCount])
        var found: [Cell] = []
        wide.cells(of: tile, offset, into: &found)
        #expect(found == expected, "column \(column + offset)")
        guard tile.holds(offset) else { continue }
        let isFloat = types[column + offset] == .float
        let integers = tile.integers(offset)
        for row in 0..<rowCount {
          #expect(tile.cell(integers[row], offset, isFloat: isFloat) == expected[row])
        }
        checkSpans(of: tile, offset)
      }
      #expect(plain.damagedRowCount == wide.damagedRowCount)
    }
    withExtendedLifetime(rows) {}
  }

  private func checkSpans(of tile: borrowing IntegerTile, _ column: Int) {
    let integers = tile.integers(column)
    var values = integers.indices.map { Int64(integers[$0]) }
    let span = (values.max() ?? 0) - (values.min() ?? 0)
    for order in 0..<min(3, values.count) where order == 0 || span < IntegerTile.spanMax {
      #expect(Int64(tile.least(column, order: order)) == values.min())
      #expect(Int64(tile.greatest(column, order: order)) == values.max())
      values = zip(values.dropFirst(), values).map { $0 - $1 }
    }
  }

  @Test func aColumnIsHeldWhenAllItsCellsAreIntegersOverOnePower() {
    let rows = ArenaRows(
      [
        [.scaled(1), .scaled(2)], [.scaled(1), .cell(7)], [.scaled(-1), .scaled(2)],
        [.scaled(1), .scaled(2)], [.scaled(0), .scaled(1)], [.scaled(0), .scaled(2)],
        [.scaled(1 << 30), .scaled(2)],
      ],
      timestamps: [1, 2],
      scales: [ScaleTableID(1), ScaleTableID(2)]
    )
    var wide = RowTile(
      rows.references()[...],
      types: [.float, .float, .unsigned, .float, .boolean, .boolean, .float]
    ) { table in
      let power: Double = table.rawValue == 1 ? 10 : 100
      return [10, 10, 1, power, 1, 1, power]
    }
    var tile = IntegerTile()
    guard wide.next(7, into: &tile) else { return }
    #expect((0..<7).map { tile.holds($0) } == [true, false, false, true, true, false, false])
    // A tenth and two hundredths.
    #expect(tile.power(3) == 100)
    #expect(tile.least(3, order: 0) == 2 && tile.greatest(3, order: 0) == 10)
    withExtendedLifetime(rows) {}
  }
}
