import Model
import Query

/// A value, as plainly as can be.
enum NaiveValue: Hashable {
  case number(ColumnType, Cell)
  case text([UInt8])

  var cell: Cell {
    switch self {
    case .number(_, let cell): cell
    case .text: 0
    }
  }

  var double: Double {
    switch self {
    case .number(.float, let cell): Double(bitPattern: cell)
    case .number(.integer, let cell): Double(Int64(bitPattern: cell))
    case .number(_, let cell): Double(cell)
    case .text: 0
    }
  }

  var integer: Int128 {
    switch self {
    case .number(.integer, let cell): Int128(Int64(bitPattern: cell))
    case .number(_, let cell): Int128(cell)
    case .text: 0
    }
  }
}

/// What was written, in order of arrival.
struct NaiveRow {
  var series: SeriesID
  var timestamp: Timestamp
  var values: [FieldID: NaiveValue]
}

/// Points by series, field and time; a later row replaces.
typealias NaivePoints = [SeriesID: [FieldID: [Timestamp: NaiveValue]]]

func naivePoints(_ rows: some Sequence<NaiveRow>) -> NaivePoints {
  var points: NaivePoints = [:]
  for row in rows {
    for (field, value) in row.values {
      points[row.series, default: [:]][field, default: [:]][row.timestamp] = value
    }
  }
  return points
}

/// The fold of one bucket, in order of time and then of series.
struct NaiveBucket {
  var values: [NaiveValue]
  var type: ColumnType

  var count: Int { values.count }
  var first: NaiveValue { values[0] }
  var last: NaiveValue { values[values.count - 1] }

  private var comparable: [NaiveValue] {
    guard type == .float else { return values }
    let numbers = values.filter { !$0.double.isNaN }
    return numbers.isEmpty ? [values[0]] : numbers
  }

  /// Orders −0 before +0.
  private func precedes(_ left: NaiveValue, _ right: NaiveValue) -> Bool {
    switch type {
    case .float:
      left.double == right.double
        ? left.double.sign == .minus && right.double.sign == .plus : left.double < right.double
    default: left.integer < right.integer
    }
  }

  var min: NaiveValue {
    comparable.dropFirst().reduce(comparable[0]) { precedes($1, $0) ? $1 : $0 }
  }
  var max: NaiveValue {
    comparable.dropFirst().reduce(comparable[0]) { precedes($0, $1) ? $1 : $0 }
  }
  var floatSum: Double { values.reduce(0) { $0 + $1.double } }
  var magnitudeSum: Double { values.reduce(0) { $0 + $1.double.magnitude } }
  var integerSum: Int128 { values.reduce(0) { $0 + $1.integer } }

  /// The window of these values at `timestamps`.
  func window(timestamps: [Timestamp], strings: inout StringArena) -> Window {
    func cell(_ value: NaiveValue) -> Cell {
      if case .text(let bytes) = value { return strings.append(bytes) ?? 0 }
      return value.cell
    }
    return Window(
      count: UInt64(count),
      sum: type == .string
        ? .zero : type == .float ? WindowSum(float: floatSum) : WindowSum(integer: integerSum),
      min: type == .string ? 0 : min.cell,
      max: type == .string ? 0 : max.cell,
      first: cell(first),
      last: cell(last),
      firstTimestamp: timestamps[0],
      lastTimestamp: timestamps[timestamps.count - 1]
    )
  }
}
