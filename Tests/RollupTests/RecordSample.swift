import Bytes
import Model
import Rollup
import TestSupport

/// The windows of one minute, from one seed.
struct RecordSample {
  var fieldSet = FieldSetID(9)
  var minute: Int64 = 28_333_333
  var types: [ColumnType]
  var windows: [Window?] = []
  var strings = StringArena()

  /// A window with its strings, to compare across arenas.
  struct Value: Equatable {
    var window: Window
    var first: [UInt8]?
    var last: [UInt8]?
  }

  /// - Parameter isUniform: every column has a value in every row.
  init(seed: UInt64, isUniform: Bool) {
    var random = SeededRandom(seed: seed)
    let count = random.oneIn(4) ? 130 : Int.random(in: 1...20, using: &random)
    types = (0..<count).map { _ in
      random.oneIn(2) ? .float : ColumnType.allCases.randomElement(using: &random) ?? .float
    }
    let rowCount = Int.random(in: 1...70, using: &random)
    let shared = ColumnSamples.times(minute: minute, count: rowCount, &random)
    let others = (0..<3).map { _ in
      ColumnSamples.times(minute: minute, count: rowCount, &random)
    }
    for type in types {
      if !isUniform, random.oneIn(4) {
        windows.append(nil)
        continue
      }
      let times = isUniform ? shared : others.randomElement(using: &random) ?? shared
      let cells = ColumnSamples.cells(type, count: times.count, strings: &strings, &random)
      windows.append(NaiveFold.window(cells, times, type))
    }
  }

  /// Some window of an unsigned column; `second` tells its times apart.
  static func window(_ value: Int, count: UInt64, second: Int64? = nil) -> Window {
    let start = 28_333_333 * Nanoseconds.perMinute
    let second = second ?? Int64(value)
    let cell = UInt64(value)
    return Window(
      count: count,
      sum: WindowSum(integer: Int128(count) * Int128(cell) + 1),
      min: cell,
      max: cell + 3,
      first: cell + 1,
      last: cell + 2,
      firstTimestamp: start + second,
      lastTimestamp: start + second + 5
    )
  }

  func encoded() -> [UInt8] {
    var buffer = OutputBuffer()
    // What stands before a record must not matter.
    buffer.writeInteger(UInt32(0xdead_beef))
    WindowRecord.encode(
      fieldSet: fieldSet,
      minute: minute,
      types: types,
      windows: windows,
      strings: strings,
      into: &buffer
    )
    return Array(buffer.array().dropFirst(4))
  }

  func decode(_ bytes: [UInt8], wanted: [Int]) throws(WindowError) -> [Value?] {
    var target = StringArena()
    _ = target.append([1, 2, 3])
    var found: [Window?] = []
    try WindowRecord.decode(
      bytes.span,
      types: types,
      wanted: wanted,
      minute: minute,
      into: &found,
      strings: &target
    )
    return zip(found, wanted).map { Self.value($0, types[$1], target) }
  }

  func value(ofColumn column: Int) -> Value? {
    Self.value(windows[column], types[column], strings)
  }

  private static func value(
    _ window: Window?,
    _ type: ColumnType,
    _ strings: StringArena
  ) -> Value? {
    guard var window else { return nil }
    guard type == .string else { return Value(window: window) }
    let first = strings.slice(window.first).map { Array($0) }
    let last = strings.slice(window.last).map { Array($0) }
    window.first = 0
    window.last = 0
    return Value(window: window, first: first, last: last)
  }
}
