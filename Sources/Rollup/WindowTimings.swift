internal import Model

/// The distinct timings of a record's columns.
struct WindowTimings {
  private(set) var distinct: [WindowTiming] = []
  /// For each column a timing's index plus 1, or 0 when it is absent; `nil` when every column is
  /// there and shares the only timing.
  private(set) var numbers: [UInt16]?

  /// The timing of columns that share it.
  init(sharedBy window: Window, minuteStart: Timestamp) {
    let shared = WindowTiming(window, minuteStart: minuteStart)
    precondition(shared.isSound, "a window lies outside of its minute")
    distinct = [shared]
  }

  /// - Parameter windows: not empty.
  init(_ windows: [Window?], minuteStart: Timestamp) {
    if let first = windows[0] {
      let shared = WindowTiming(first, minuteStart: minuteStart)
      if Self.allShare(shared, windows, minuteStart) {
        precondition(shared.isSound, "a window lies outside of its minute")
        distinct = [shared]
        return
      }
    }
    collect(windows, minuteStart)
  }

  private static func allShare(
    _ shared: WindowTiming,
    _ windows: [Window?],
    _ minuteStart: Timestamp
  ) -> Bool {
    for window in windows {
      guard let window, WindowTiming(window, minuteStart: minuteStart) == shared else {
        return false
      }
    }
    return true
  }

  private mutating func collect(_ windows: [Window?], _ minuteStart: Timestamp) {
    var known: [WindowTiming: UInt16] = [:]
    var result: [UInt16] = []
    result.reserveCapacity(windows.count)
    for window in windows {
      guard let window else {
        result.append(0)
        continue
      }
      let timing = WindowTiming(window, minuteStart: minuteStart)
      if let last = result.last, last > 0, distinct[Int(last) - 1] == timing {
        result.append(last)
      } else if let number = known[timing] {
        result.append(number)
      } else {
        precondition(timing.isSound, "a window lies outside of its minute")
        distinct.append(timing)
        known[timing] = UInt16(distinct.count)
        result.append(UInt16(distinct.count))
      }
    }
    numbers = result
  }

  /// Bytes of the largest count.
  var countByteCount: Int {
    let largest = distinct.reduce(0) { max($0, $1.count) }
    return (71 - largest.leadingZeroBitCount) / 8
  }
}
