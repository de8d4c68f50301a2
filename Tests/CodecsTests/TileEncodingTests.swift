import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: a column of a tile becomes the bytes that its cells become, chunk after chunk.
@Suite struct TileEncodingTests {
  private enum Style: CaseIterable {
    case walk, counter, quickCounter, constant, rare, wide, tens, extremes
  }

  private static func next(_ last: Int32, _ style: Style, _ random: inout SeededRandom) -> Int32 {
    switch style {
    case .walk: last &+ .random(in: -40...40, using: &random)
    case .counter: last &+ .random(in: 0...30, using: &random)
    case .quickCounter: last &+ .random(in: 0...2_000_000, using: &random)
    case .constant: last
    case .rare: random.oneIn(40) ? last &+ 1 : last
    case .wide: Int32.random(in: -(1 << 28)...(1 << 28), using: &random)
    case .tens: (last / 10 &+ .random(in: -40...40, using: &random)) &* 10
    case .extremes:
      [Int32.max, .min + 1, 0, 1, -1].randomElement(using: &random) ?? 0
    }
  }

  @Test(
    arguments: [1, 2, 3, 7, 8, 9, 24, 59, 60, 61, 127, 128, 129, 600],
    [ColumnType.float, .integer]
  )
  func bytesAreThoseOfCells(rowCount: Int, type: ColumnType) throws {
    var random = SeededRandom(seed: UInt64(rowCount))
    let exponents = [0, 2, 1, 3, 6, 4, 2, 0]
    let types = [ColumnType](repeating: type, count: 8)
    var last = (0..<8).map { _ in Int32.random(in: 0...10_000, using: &random) }
    var tileEncoder = ColumnEncoder(strength: .head)
    var cellEncoder = ColumnEncoder(strength: .head)
    var tileHints = [ColumnHint](repeating: ColumnHint(), count: 8)
    var cellHints = tileHints
    var tile = IntegerTile()
    for _ in 0..<40 {
      // Now and then a column changes its ways.
      let styles = Style.allCases.map { style in
        random.oneIn(20) ? Style.allCases.randomElement(using: &random) ?? style : style
      }
      let columns = styles.enumerated().map { column, style in
        (0..<rowCount).map { _ in
          last[column] = Self.next(last[column], style, &random)
          return ArenaRows.Value.scaled(max(last[column], .min + 1))
        }
      }
      let rows = ArenaRows(columns, timestamps: (0..<rowCount).map { Timestamp($0) })
      var wide = RowTile(rows.references()[...], types: types) { _ in
        exponents.map { DecimalScale.powers[$0] }
      }
      guard wide.next(8, into: &tile) else { return }
      for column in 0..<8 {
        var cells: [Cell] = []
        wide.cells(of: tile, column, into: &cells)
        let isHeld = tile.holds(column)
        try #require(isHeld)
        var found = OutputBuffer()
        var expected = OutputBuffer()
        tileEncoder.encode(
          tile,
          column: column,
          type: type,
          hint: &tileHints[column],
          into: &found
        )
        cellEncoder.encode(
          cells.span,
          type: type,
          strings: StringArena(),
          hint: &cellHints[column],
          into: &expected
        )
        try #require(found.array() == expected.array(), "\(styles[column])")
        #expect(try decoded(found.array(), type, count: rowCount) == cells)
      }
      withExtendedLifetime(rows) {}
    }
  }
}
