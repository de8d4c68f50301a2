internal import CBytes

/// Turns encoded rows of one layout into columns, a tile of up to ``columnCountMax`` columns at a
/// time, so that what is transposed stays in the first-level cache.
///
/// Cost: about 3 ns a value as cells, 1 ns as integers where the processor has instructions for
/// that. A payload that does not decode reads as zeros and is counted.
@safe public struct RowTile: ~Copyable {
  public static let columnCountMax = 8

  /// Where each row's next values lie.
  private var cursors: [cbytes_row]
  private let types: [ColumnType]
  /// Rows that share a scale table, in order: the end of each run and its column divisors.
  private var scaleRuns: [(end: Int, divisors: [Double])]
  private var column = 0
  public let rowCount: Int

  /// - Parameters:
  ///   - rows: rows of one layout, in the order that the cells shall have.
  ///   - types: the layout's column types.
  ///   - divisors: the column divisors of a scale table, as many as `types`.
  public init(
    _ rows: ArraySlice<RowReference>,
    types: [ColumnType],
    divisors: (ScaleTableID) -> [Double]
  ) {
    self.types = types
    rowCount = rows.count
    unsafe cursors = unsafe []
    unsafe cursors.reserveCapacity(rows.count)
    scaleRuns = []
    var current: ScaleTableID?
    for row in rows {
      unsafe cursors.append(RowCursor(row.payload, columnCount: types.count).row)
      if row.scaleTable != current {
        current = row.scaleTable
        let table = divisors(row.scaleTable)
        precondition(table.count == types.count)
        unsafe scaleRuns.append((end: cursors.count, divisors: table))
      } else {
        scaleRuns[scaleRuns.count - 1].end = unsafe cursors.count
      }
    }
  }

  /// Columns not decoded yet.
  public var columnsLeft: Int { types.count - column }

  /// Decodes the next `count` columns: the cells of column `c` are at `c * rowCount ..<`.
  ///
  /// - Parameters:
  ///   - count: 1 ... ``columnCountMax``, at most ``columnsLeft``.
  ///   - strings: gets the bytes of string cells; a string that it has no room for reads as empty.
  public mutating func next(
    _ count: Int,
    into cells: inout [Cell],
    strings: inout StringArena
  ) {
    precondition(count >= 1 && count <= Self.columnCountMax)
    precondition(count <= columnsLeft)
    let total = count * rowCount
    if cells.count < total {
      cells.append(contentsOf: repeatElement(0, count: total - cells.count))
    }
    let tileTypes = Array(types[column..<column + count])
    let allFloat = tileTypes.allSatisfy { $0 == .float }
    let hasStrings = tileTypes.contains(.string)
    var start = 0
    for run in scaleRuns {
      if hasStrings {
        decodeAny(start..<run.end, tileTypes, run.divisors, &cells, &strings)
      } else if allFloat {
        decodeFloats(start..<run.end, count, run.divisors, &cells)
      } else {
        decodeNumbers(start..<run.end, tileTypes, run.divisors, &cells)
      }
      start = run.end
    }
    column += count
  }

  /// Decodes the next `count` columns as integers.
  ///
  /// - Parameter count: 1 ... ``columnCountMax``, at most ``columnsLeft``.
  /// - Returns: false, and nothing is decoded, when cells must be asked for instead: there are
  ///   strings among the columns, earlier ones were not taken by eights, or the processor lacks
  ///   the instructions.
  public mutating func next(_ count: Int, into tile: inout IntegerTile) -> Bool {
    precondition(count >= 1 && count <= Self.columnCountMax)
    precondition(count <= columnsLeft)
    guard column % Self.columnCountMax == 0, rowCount > 0,
      !types[column..<column + count].contains(.string)
    else { return false }
    let isDone = unsafe tile.fill(
      &cursors,
      column: column,
      columnCount: count,
      types: types,
      runs: scaleRuns
    )
    if isDone { column += count }
    return isDone
  }

  /// The cells of a column of the tile that was decoded last.
  ///
  /// - Parameter offset: which column of the tile.
  public func cells(of tile: borrowing IntegerTile, _ offset: Int, into cells: inout [Cell]) {
    precondition(tile.rowCount == rowCount)
    let column = column - tile.columnCount + offset
    let isFloat = types[column] == .float
    let integers = tile.integers(offset)
    cells.removeAll(keepingCapacity: true)
    var row = 0
    for run in scaleRuns {
      let power = tile.holds(offset) ? tile.power(offset) : run.divisors[column]
      while row < run.end {
        let integer = integers[row]
        if integer == .min {
          cells.append(tile.exception(offset, row: row))
        } else if isFloat {
          cells.append((Double(integer) / power).bitPattern)
        } else {
          cells.append(UInt64(bitPattern: Int64(integer)))
        }
        row += 1
      }
    }
  }

  /// Steps over the next `count` columns without decoding them.
  public mutating func skip(_ count: Int) {
    precondition(count <= columnsLeft)
    for row in unsafe cursors.indices {
      var cursor = unsafe RowCursor(cursors[row], column: column)
      for offset in column..<column + count { unsafe cursor.skip(types[offset]) }
      unsafe cursors[row] = cursor.row
    }
    column += count
  }

  /// Rows whose payload did not decode so far.
  public var damagedRowCount: Int {
    var count = 0
    for row in unsafe cursors.indices where unsafe cursors[row].is_damaged != 0 { count += 1 }
    return count
  }

  private mutating func decodeFloats(
    _ rows: Range<Int>,
    _ count: Int,
    _ divisors: [Double],
    _ cells: inout [Cell]
  ) {
    let stride = rowCount
    let first = column
    unsafe divisors.withUnsafeBufferPointer { divisors in
      unsafe cells.withUnsafeMutableBufferPointer { cells in
        unsafe cursors.withUnsafeMutableBufferPointer { cursors in
          for row in rows {
            var cursor = unsafe RowCursor(cursors[row], column: first)
            var target = row
            for offset in 0..<count {
              unsafe cells[target] = cursor.nextFloat(divisor: divisors[first &+ offset])
              target &+= stride
            }
            unsafe cursors[row] = cursor.row
          }
        }
      }
    }
  }

  private mutating func decodeNumbers(
    _ rows: Range<Int>,
    _ tileTypes: [ColumnType],
    _ divisors: [Double],
    _ cells: inout [Cell]
  ) {
    let stride = rowCount
    let first = column
    unsafe divisors.withUnsafeBufferPointer { divisors in
      unsafe cells.withUnsafeMutableBufferPointer { cells in
        unsafe cursors.withUnsafeMutableBufferPointer { cursors in
          for row in rows {
            var cursor = unsafe RowCursor(cursors[row], column: first)
            var target = row
            for offset in 0..<tileTypes.count {
              if tileTypes[offset] == .float {
                unsafe cells[target] = cursor.nextFloat(divisor: divisors[first &+ offset])
              } else {
                unsafe cells[target] = cursor.nextInteger()
              }
              target &+= stride
            }
            unsafe cursors[row] = cursor.row
          }
        }
      }
    }
  }

  private mutating func decodeAny(
    _ rows: Range<Int>,
    _ tileTypes: [ColumnType],
    _ divisors: [Double],
    _ cells: inout [Cell],
    _ strings: inout StringArena
  ) {
    for row in rows {
      var cursor = unsafe RowCursor(cursors[row], column: column)
      for offset in tileTypes.indices {
        let cell: Cell
        switch tileTypes[offset] {
        case .float: cell = unsafe cursor.nextFloat(divisor: divisors[column + offset])
        case .string:
          let bytes = unsafe cursor.nextString()
          cell = unsafe strings.append(bytes) ?? 0
        case .integer, .unsigned, .boolean: cell = unsafe cursor.nextInteger()
        }
        cells[offset * rowCount + row] = cell
      }
      unsafe cursors[row] = cursor.row
    }
  }
}
