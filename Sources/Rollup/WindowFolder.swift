public import Model

/// Folds the cells of one column into minute windows.
///
/// Pure: no clock, no I/O. Cost: about 1 ns a value for runs of 60; the float loops vectorise and
/// leave NaN and signed zero to a second look that only columns with such values pay for.
public enum WindowFolder {
  /// Appends one window for each of `runs`.
  ///
  /// - Parameters:
  ///   - cells: one column's cells, parallel to `timestamps`.
  ///   - timestamps: strictly ascending.
  ///   - runs: not empty each; within `timestamps`.
  public static func fold(
    _ cells: Span<Cell>, type: ColumnType, timestamps: Span<Timestamp>, runs: [MinuteRun],
    into windows: inout [Window]
  ) {
    precondition(cells.count == timestamps.count)
    windows.reserveCapacity(windows.count + runs.count)
    for run in runs {
      let values = cells.extracting(run.rows)
      let (sum, least, greatest) =
        switch type {
        case .float: floats(values)
        case .integer: integers(values)
        case .unsigned, .boolean: unsigned(values)
        case .string: (WindowSum.zero, Cell(0), Cell(0))
        }
      windows.append(
        Window(
          count: UInt64(values.count), sum: sum, min: least, max: greatest, first: values[0],
          last: values[values.count - 1], firstTimestamp: timestamps[run.rows.lowerBound],
          lastTimestamp: timestamps[run.rows.upperBound - 1]))
    }
  }

  private static func floats(_ cells: Span<Cell>) -> (WindowSum, Cell, Cell) {
    var total = 0.0
    var least = Double.infinity
    var greatest = -Double.infinity
    for index in cells.indices {
      let value = Double(bitPattern: cells[index])
      total += value
      least = value < least ? value : least
      greatest = value > greatest ? value : greatest
    }
    // NaN makes the sum NaN; a zero at either end may hide its sign; infinities as starts may be
    // no values at all.
    if total.isNaN || least == 0 || greatest == 0 || least > greatest {
      let (low, high) = orderedFloats(cells)
      return (WindowSum(float: total), low, high)
    }
    return (WindowSum(float: total), least.bitPattern, greatest.bitPattern)
  }

  @inline(never)
  private static func orderedFloats(_ cells: Span<Cell>) -> (Cell, Cell) {
    var low: Cell?
    var high: Cell?
    for index in cells.indices where !Double(bitPattern: cells[index]).isNaN {
      let cell = cells[index]
      if low.map({ FloatOrder.precedes(cell, $0) }) ?? true { low = cell }
      if high.map({ FloatOrder.precedes($0, cell) }) ?? true { high = cell }
    }
    return (low ?? cells[0], high ?? cells[0])
  }

  private static func integers(_ cells: Span<Cell>) -> (WindowSum, Cell, Cell) {
    var total: Int128 = 0
    var least = Int64.max
    var greatest = Int64.min
    for index in cells.indices {
      let value = Int64(bitPattern: cells[index])
      total &+= Int128(value)
      least = min(least, value)
      greatest = max(greatest, value)
    }
    return (
      WindowSum(integer: total), UInt64(bitPattern: least), UInt64(bitPattern: greatest)
    )
  }

  private static func unsigned(_ cells: Span<Cell>) -> (WindowSum, Cell, Cell) {
    var total: Int128 = 0
    var least = UInt64.max
    var greatest = UInt64.min
    for index in cells.indices {
      total &+= Int128(cells[index])
      least = min(least, cells[index])
      greatest = max(greatest, cells[index])
    }
    return (WindowSum(integer: total), least, greatest)
  }
}

/// The order of float cells that are no NaN: as numbers, and −0 < +0.
public enum FloatOrder {
  /// Whether `left` is the smaller one.
  @inlinable
  public static func precedes(_ left: Cell, _ right: Cell) -> Bool { key(left) < key(right) }

  /// An integer with the order of the cell.
  @inlinable
  static func key(_ cell: Cell) -> Int64 {
    let bits = Int64(bitPattern: cell)
    return bits < 0 ? bits ^ Int64.max : bits
  }
}
