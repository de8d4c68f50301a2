import Bytes
import CBytes
import Codecs
import Model

/// Encoded rows, as a log that was damaged or written by somebody else has them: what the cut makes
/// of them as integers, eight columns at a time, against what it makes of their cells.
///
///     columns u8 | kinds u8 | scales u8 | ( payload bytes u8 | payload ) ...
func fuzzRows(_ bytes: [UInt8]) {
  guard bytes.count > 4 else { return }
  let types = (0..<Int(bytes[0]) % 20 + 1).map { column in
    [ColumnType.float, .integer, .unsigned, .boolean][Int(bytes[1]) >> (column % 4 * 2) & 3]
  }
  var arena = RowArena()
  var run = RowRun()
  var offset = 3
  while offset < bytes.count, run.rowCount < 200 {
    let end = min(bytes.count, offset + 1 + Int(bytes[offset]))
    let scale = ScaleTableID(bytes[2] > 200 ? UInt32(run.rowCount / 3 & 1) : 0)
    let head = RowHead(layout: LayoutID(0), timestamp: Int64(run.rowCount), scaleTable: scale)
    bytes[offset + 1..<max(end, offset + 1)].withUnsafeBytes {
      arena.append(head, payload: $0, to: &run)
    }
    offset = end
  }
  var rows: [RowReference] = []
  arena.reader().collect(run, index: 0, into: &rows)
  compare(rows, types) { table in
    types.indices.map { column in
      DecimalScale.powers[(Int(bytes[2]) + column * (1 + Int(table.rawValue))) % 23]
    }
  }
  withExtendedLifetime(arena) {}
}

private func compare(
  _ rows: [RowReference],
  _ types: [ColumnType],
  divisors: (ScaleTableID) -> [Double]
) {
  guard !rows.isEmpty else { return }
  var plain = RowTile(rows[...], types: types, divisors: divisors)
  var wide = RowTile(rows[...], types: types, divisors: divisors)
  var tile = IntegerTile()
  var cells: [Cell] = []
  var strings = StringArena()
  while wide.columnsLeft > 0 {
    let first = types.count - wide.columnsLeft
    let count = min(RowTile.columnCountMax, wide.columnsLeft)
    guard wide.next(count, into: &tile) else { return }
    plain.next(count, into: &cells, strings: &strings)
    for column in 0..<count {
      var found: [Cell] = []
      wide.cells(of: tile, column, into: &found)
      let expected = Array(cells[column * rows.count..<(column + 1) * rows.count])
      if found != expected { finding("column \(first + column): \(found), expected \(expected)") }
      if tile.holds(column) { compareHeld(tile, column, types[first + column], expected) }
    }
    if plain.damagedRowCount != wide.damagedRowCount { finding("\(wide.damagedRowCount) damaged") }
    let half = rows.count / 2
    tile.sum(half..<rows.count)
    for column in 0..<count where tile.holds(column) {
      let integers = tile.integers(column)
      let some = (half..<rows.count).map { integers[$0] }
      let sum = some.reduce(0) { $0 + Double($1) / tile.power(column) }
      if sum.bitPattern != tile.floatSum(column).bitPattern { finding("a sum of \(sum)") }
      if some.reduce(0, { $0 + Int64($1) }) != tile.integerSum(column) { finding("a sum") }
      let (least, greatest) = tile.extremes(column)
      if least != some.min() || greatest != some.max() { finding("extremes") }
    }
  }
}

/// What the tile holds of a column becomes the bytes that the cells become, and these the cells.
private func compareHeld(
  _ tile: borrowing IntegerTile,
  _ column: Int,
  _ type: ColumnType,
  _ cells: [Cell]
) {
  var encoder = ColumnEncoder(strength: .head)
  var other = ColumnEncoder(strength: .head)
  var (hint, otherHint) = (ColumnHint(), ColumnHint())
  // The second time the hint of the first one is followed.
  for _ in 0..<2 {
    var found = OutputBuffer()
    var expected = OutputBuffer()
    encoder.encode(tile, column: column, type: type, hint: &hint, into: &found)
    other.encode(
      cells.span,
      type: type,
      strings: StringArena(),
      hint: &otherHint,
      into: &expected
    )
    if found.array() != expected.array() {
      finding("\(type) \(found.array()), expected \(expected.array())")
    }
    guard let back = try? decoded(found.array(), type, count: cells.count), back == cells else {
      finding("\(type) \(found.array()) is not \(cells)")
    }
  }
}
