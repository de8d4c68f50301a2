public import Model

/// Folds the cells of one column into minute windows.
///
/// Pure: no clock, no I/O. Float sums are plain, in the order of the rows. Cost: about 1 ns a value
/// for runs of 60; a second look at NaN and signed zeros is paid only by runs that hold them.
public enum WindowFolder {
  /// Appends one window for each of `runs`.
  ///
  /// - Parameters:
  ///   - cells: one column's cells, parallel to `timestamps`.
  ///   - timestamps: ascending.
  ///   - runs: ranges of rows within `timestamps`, none empty.
  public static func fold(
    _ cells: Span<Cell>,
    type: ColumnType,
    timestamps: Span<Timestamp>,
    runs: [MinuteRun],
    into windows: inout [Window]
  ) {
    precondition(cells.count == timestamps.count)
    for run in runs {
      let values = cells.extracting(run.rows)
      precondition(!values.isEmpty)
      let extremes =
        switch type {
        case .float: floats(values)
        case .integer: integers(values)
        case .unsigned, .boolean: unsigned(values)
        case .string: Extremes(sum: .zero, min: 0, max: 0)
        }
      windows.append(
        Window(
          count: UInt64(values.count),
          sum: extremes.sum,
          min: extremes.min,
          max: extremes.max,
          first: values[0],
          last: values[values.count - 1],
          firstTimestamp: timestamps[run.rows.lowerBound],
          lastTimestamp: timestamps[run.rows.upperBound - 1]
        )
      )
    }
  }

  private struct Extremes {
    var sum: WindowSum
    var min: Cell
    var max: Cell
  }

  private static func floats(_ cells: Span<Cell>) -> Extremes {
    var sum = 0.0
    var least = Double.infinity
    var greatest = -Double.infinity
    var signs: UInt64 = 0
    for index in cells.indices {
      let value = Double(bitPattern: cells[index])
      signs |= cells[index]
      sum += value
      least = value < least ? value : least
      greatest = value > greatest ? value : greatest
    }
    // A NaN makes the sum NaN. A zero at either end hides its sign, but only where there is one.
    let hasSignedZero = (least == 0 || greatest == 0) && signs >> 63 == 1
    if sum.isNaN || hasSignedZero { return orderedFloats(cells, sum) }
    return Extremes(
      sum: WindowSum(float: sum),
      min: least.bitPattern,
      max: greatest.bitPattern
    )
  }

  @inline(never)
  private static func orderedFloats(_ cells: Span<Cell>, _ sum: Double) -> Extremes {
    var least = Int64.max
    var greatest = Int64.min
    for index in cells.indices where !FloatOrder.isNaN(cells[index]) {
      let key = FloatOrder.key(cells[index])
      least = min(least, key)
      greatest = max(greatest, key)
    }
    // The keys of numbers never reach the ends of the range: those are NaN.
    guard least <= greatest else {
      return Extremes(sum: WindowSum(float: sum), min: cells[0], max: cells[0])
    }
    return Extremes(
      sum: WindowSum(float: sum),
      min: FloatOrder.cell(least),
      max: FloatOrder.cell(greatest)
    )
  }

  private static func integers(_ cells: Span<Cell>) -> Extremes {
    var sum: Int128 = 0
    var least = Int64.max
    var greatest = Int64.min
    for index in cells.indices {
      let value = Int64(bitPattern: cells[index])
      sum &+= Int128(value)
      least = min(least, value)
      greatest = max(greatest, value)
    }
    return Extremes(
      sum: WindowSum(integer: sum),
      min: UInt64(bitPattern: least),
      max: UInt64(bitPattern: greatest)
    )
  }

  private static func unsigned(_ cells: Span<Cell>) -> Extremes {
    var sum: Int128 = 0
    var least = UInt64.max
    var greatest = UInt64.min
    for index in cells.indices {
      sum &+= Int128(cells[index])
      least = min(least, cells[index])
      greatest = max(greatest, cells[index])
    }
    return Extremes(sum: WindowSum(integer: sum), min: least, max: greatest)
  }
}
