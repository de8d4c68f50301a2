public import Model

extension Window {
  /// Adds the values of another window of the same column and minute, whose timestamps all differ.
  ///
  /// In any order: first and last follow the timestamps.
  public mutating func merge(_ other: Window, type: ColumnType) {
    switch type {
    case .float:
      sum = WindowSum(float: sum.float + other.sum.float)
      min = Self.outer(min, other.min, isFirst: firstTimestamp <= other.firstTimestamp) {
        FloatOrder.precedes($0, $1)
      }
      max = Self.outer(max, other.max, isFirst: firstTimestamp <= other.firstTimestamp) {
        FloatOrder.precedes($1, $0)
      }
    case .integer:
      sum = WindowSum(integer: sum.integer &+ other.sum.integer)
      if Int64(bitPattern: other.min) < Int64(bitPattern: min) { min = other.min }
      if Int64(bitPattern: other.max) > Int64(bitPattern: max) { max = other.max }
    case .unsigned, .boolean:
      sum = WindowSum(integer: sum.integer &+ other.sum.integer)
      if other.min < min { min = other.min }
      if other.max > max { max = other.max }
    case .string: break
    }
    count += other.count
    if other.firstTimestamp < firstTimestamp {
      first = other.first
      firstTimestamp = other.firstTimestamp
    }
    if other.lastTimestamp > lastTimestamp {
      last = other.last
      lastTimestamp = other.lastTimestamp
    }
  }

  /// The extreme of two; a NaN stands for a window of nothing but NaN, of which the earlier counts.
  private static func outer(
    _ left: Cell, _ right: Cell, isFirst: Bool, _ precedes: (Cell, Cell) -> Bool
  ) -> Cell {
    let leftIsNaN = Double(bitPattern: left).isNaN
    let rightIsNaN = Double(bitPattern: right).isNaN
    if leftIsNaN && rightIsNaN { return isFirst ? left : right }
    if leftIsNaN { return right }
    if rightIsNaN { return left }
    return precedes(right, left) ? right : left
  }
}
