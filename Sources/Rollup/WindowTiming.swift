internal import Bytes
internal import Model

/// When the rows of a column's window came and how many there were; columns of one row share it.
struct WindowTiming: Hashable {
  var count: UInt64
  /// Nanoseconds since the minute's start.
  var first: UInt64
  var last: UInt64

  /// A minute holds no more rows than nanoseconds.
  static let countMax = UInt64(Nanoseconds.perMinute)
  /// Units of time, by the code in a record's flags.
  static let units: [UInt64] = [1, 1_000, 1_000_000, 1_000_000_000]

  @inline(__always)
  init(_ window: Window, minuteStart: Timestamp) {
    count = window.count
    first = UInt64(bitPattern: window.firstTimestamp &- minuteStart)
    last = UInt64(bitPattern: window.lastTimestamp &- minuteStart)
  }

  /// Whether it is a timing of some minute's rows.
  var isSound: Bool {
    count >= 1 && count <= Self.countMax && first <= last && last < Self.countMax
  }

  /// The code of the largest unit that measures every time exactly.
  static func unitCode(_ timings: [WindowTiming]) -> Int {
    var code = units.count - 1
    for timing in timings {
      while timing.first % units[code] != 0 || timing.last % units[code] != 0 { code -= 1 }
    }
    return code
  }

  func write(unit: UInt64, into target: inout OutputBuffer) {
    target.writeVarint(count)
    target.writeVarint(first / unit)
    target.writeVarint((last - first) / unit)
  }

  /// Reads a timing; `nil` when the bytes run out or are none.
  init?(_ reader: inout ByteReader, unit: UInt64) {
    guard let count = reader.readVarint(), let first = reader.readVarint(),
      let length = reader.readVarint(), first < Self.countMax / unit,
      length < Self.countMax / unit
    else { return nil }
    self.count = count
    self.first = first &* unit
    last = (first &+ length) &* unit
    guard isSound else { return nil }
  }
}
