import Model
import Rollup
import TestSupport
import Testing

/// Goal: the windows of a tile's columns are those of their cells.
@Suite struct TileFoldTests {
  @Test(arguments: 0..<20)
  func windowsAreThoseOfCells(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let rowCount = [1, 2, 60, 61, 300].randomElement(using: &random) ?? 1
    let columnCount = Int.random(in: 1...8, using: &random)
    let kinds: [ColumnType] = [.float, .integer, .unsigned, .boolean]
    let types = (0..<columnCount).map { _ in kinds.randomElement(using: &random) ?? .float }
    let exponents = types.map { _ in Int.random(in: 0...15, using: &random) }
    let columns = types.map { type in
      let hasExceptions = random.oneIn(3)
      return (0..<rowCount).map { _ in
        let shift = Int32.random(in: 0...31, using: &random)
        let bits = Int32(truncatingIfNeeded: random.next()) >> shift
        if type == .boolean { return ArenaRows.Value.scaled(bits & 1) }
        if hasExceptions, random.oneIn(9) { return .cell(random.next()) }
        return .scaled(type == .unsigned ? abs(bits >> 1) : bits)
      }
    }
    var timestamp: Timestamp = 1_795_373_340_000_000_000
    let timestamps = (0..<rowCount).map { _ in
      timestamp += random.oneIn(30) ? 70_000_000_000 : 1_000_000_000
      return timestamp
    }
    let rows = ArenaRows(columns, timestamps: timestamps)
    var wide = RowTile(rows.references()[...], types: types) { _ in
      exponents.map { DecimalScale.powers[$0] }
    }
    var tile = IntegerTile()
    guard wide.next(columnCount, into: &tile) else { return }
    let runs = MinuteRun.split(timestamps.span)
    let cells = (0..<columnCount).map { column in
      var cells: [Cell] = []
      wide.cells(of: tile, column, into: &cells)
      return cells
    }
    var expected: [Window] = []
    for (column, type) in types.enumerated() {
      let values = cells[column]
      WindowFolder.fold(
        values.span,
        type: type,
        timestamps: timestamps.span,
        runs: runs,
        into: &expected
      )
    }
    var found: [Window] = []
    WindowFolder.fold(
      &tile,
      types: types[...],
      timestamps: timestamps.span,
      runs: runs,
      cells: { _, column in cells[column] },
      into: &found
    )
    #expect(found == expected)
    withExtendedLifetime(rows) {}
  }
}
