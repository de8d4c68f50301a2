import Model
import TestSupport
import Testing

/// Goal: columns are what the rows said, for every type and with scale tables that change from row
/// to row; a damaged payload is counted and never traps.
@Suite struct RowTileTests {
  @Test func decodesEveryTypeAndChangingScales() {
    let nan: Cell = 0x7ff8_0000_dead_beef
    let rows = [
      TestRow(
        timestamp: 1,
        scale: 1,
        values: [
          .scaled(125), .scaled(-3), .exact(UInt64.max), .scaled(1), .text("a\nb"), .scaled(0),
        ]
      ),
      TestRow(
        timestamp: 2,
        scale: 2,
        values: [.scaled(125), .exact(1 << 63), .scaled(9), .scaled(0), .text(""), .exact(nan)]
      ),
    ]
    let types: [ColumnType] = [.float, .integer, .unsigned, .boolean, .string, .float]
    let arena = RowArena()
    var runs: [RowRun] = []
    fill(arena, from: batch(of: rows), runs: &runs)
    var found: [RowReference] = []
    arena.reader().collect(runs[0], index: 0, into: &found)
    var tile = RowTile(found[...], types: types) { table in
      table.rawValue == 1 ? [10, 1, 1, 1, 1, 1] : [100, 1, 1, 1, 1, 1]
    }
    var cells: [Cell] = []
    var strings = StringArena()
    tile.next(6, into: &cells, strings: &strings)
    #expect(cells[0] == (12.5).bitPattern)
    #expect(cells[1] == (1.25).bitPattern)
    #expect(cells[2..<4].map { Int64(bitPattern: $0) } == [-3, Int64.min])
    #expect(Array(cells[4..<6]) == [UInt64.max, 9])
    #expect(Array(cells[6..<8]) == [1, 0])
    #expect(cells[8..<10].map { strings.slice($0).map { Array($0) } } == [Array("a\nb".utf8), []])
    #expect(Array(cells[10..<12]) == [0, nan])
  }

  @Test func skippedColumnsAreSteppedOver() {
    let row = TestRow(
      timestamp: 1,
      values: [.scaled(1), .text("skip me"), .exact(77), .scaled(4)]
    )
    let arena = RowArena()
    var runs: [RowRun] = []
    fill(arena, from: batch(of: [row]), runs: &runs)
    var found: [RowReference] = []
    arena.reader().collect(runs[0], index: 0, into: &found)
    var tile = RowTile(found[...], types: [.integer, .string, .unsigned, .integer]) { _ in
      [1, 1, 1, 1]
    }
    tile.skip(3)
    var cells: [Cell] = []
    var strings = StringArena()
    tile.next(1, into: &cells, strings: &strings)
    #expect(cells[0] == 4)
    #expect(tile.columnsLeft == 0)
  }

  @Test func aPayloadOfTheWrongLayoutIsCountedAsDamaged() {
    let arena = RowArena()
    var runs: [RowRun] = []
    fill(arena, from: batch(of: [TestRow(timestamp: 1, values: [.scaled(70_000)])]), runs: &runs)
    var found: [RowReference] = []
    arena.reader().collect(runs[0], index: 0, into: &found)
    var tile = RowTile(found[...], types: Array(repeating: .string, count: 9)) { _ in
      Array(repeating: 1, count: 9)
    }
    var cells: [Cell] = []
    var strings = StringArena()
    tile.next(8, into: &cells, strings: &strings)
    tile.next(1, into: &cells, strings: &strings)
    #expect(tile.damagedRowCount == 1)
  }
}
