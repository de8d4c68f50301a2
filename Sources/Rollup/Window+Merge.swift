public import Model

extension Window {
  /// Adds the values of another window of the same column and minute, whose timestamps all differ.
  ///
  /// In any order: first and last follow the timestamps. String cells of both lie in one arena.
  public mutating func merge(_ other: Window, type: ColumnType) {
    switch type {
    case .float: mergeFloats(other)
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
    count &+= other.count
    if other.firstTimestamp < firstTimestamp {
      first = other.first
      firstTimestamp = other.firstTimestamp
    }
    if other.lastTimestamp > lastTimestamp {
      last = other.last
      lastTimestamp = other.lastTimestamp
    }
  }

  /// A window of nothing but NaN has a NaN at both ends; of two such the earlier one counts.
  private mutating func mergeFloats(_ other: Window) {
    sum = WindowSum(float: sum.float + other.sum.float)
    let isAllNaN = FloatOrder.isNaN(min)
    let isOtherAllNaN = FloatOrder.isNaN(other.min)
    if isOtherAllNaN {
      guard isAllNaN, other.firstTimestamp < firstTimestamp else { return }
      min = other.min
      max = other.max
    } else if isAllNaN {
      min = other.min
      max = other.max
    } else {
      if FloatOrder.precedes(other.min, min) { min = other.min }
      if FloatOrder.precedes(max, other.max) { max = other.max }
    }
  }
}
