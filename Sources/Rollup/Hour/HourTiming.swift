internal import Bytes
internal import Model

/// When the rows of a column's windows came, minute by minute of an hour: columns of the same rows
/// share it (docs/format/hour.md, "timing").
///
///     | minutes u64 | unit u8 | counts array | firsts array | spans array |
struct HourTiming: Hashable, Sendable {
  static let minutesPerHour = 60

  /// A bit for each minute of the hour that has a window.
  private(set) var minutes: UInt64 = 0
  /// Rows of each window, oldest first.
  private(set) var counts: [Int64] = []
  /// Nanoseconds from the minute's start to the first row.
  private(set) var firsts: [Int64] = []
  /// Nanoseconds from there to the last one.
  private(set) var spans: [Int64] = []

  var count: Int { counts.count }

  /// No window.
  init() {}

  /// - Parameter windows: sixty, those that are missing with a count of 0.
  init(_ windows: Span<Window>, hour: Int64) {
    for minute in windows.indices where windows[minute].count > 0 {
      let window = windows[minute]
      let start = Self.start(minute, hour)
      minutes |= 1 << UInt64(minute)
      counts.append(Int64(bitPattern: window.count))
      firsts.append(window.firstTimestamp &- start)
      spans.append(window.lastTimestamp &- window.firstTimestamp)
    }
  }

  private static func start(_ minute: Int, _ hour: Int64) -> Timestamp {
    (hour &* 60 &+ Int64(minute)) &* Nanoseconds.perMinute
  }

  /// Whether the windows have this timing.
  func holds(_ windows: Span<Window>, hour: Int64) -> Bool {
    var index = 0
    for minute in windows.indices {
      let isThere = minutes & 1 << UInt64(minute) != 0
      guard windows[minute].count > 0 else {
        if isThere { return false }
        continue
      }
      guard isThere, windows[minute].count == UInt64(bitPattern: counts[index]),
        windows[minute].firstTimestamp &- Self.start(minute, hour) == firsts[index],
        windows[minute].lastTimestamp &- windows[minute].firstTimestamp == spans[index]
      else { return false }
      index += 1
    }
    return true
  }

  /// Whether each window lies in its minute.
  var isSound: Bool {
    let end = Nanoseconds.perMinute
    return counts.indices.allSatisfy {
      counts[$0] >= 1 && counts[$0] <= end && firsts[$0] >= 0 && firsts[$0] < end && spans[$0] >= 0
        && spans[$0] < end - firsts[$0]
    }
  }

  /// Gives the windows of the hour their counts and times; those that are missing a count of 0.
  ///
  /// - Parameters:
  ///   - start: the place of the first of the hour's sixty windows.
  ///   - withTimes: whether the times are wanted.
  func lay(out windows: inout [Window], at start: Int, hour: Int64, withTimes: Bool) {
    var index = 0
    if !withTimes {
      for minute in 0..<Self.minutesPerHour {
        let isThere = minutes & 1 << UInt64(minute) != 0
        windows[start + minute].count = isThere ? UInt64(bitPattern: counts[index]) : 0
        index += isThere ? 1 : 0
      }
      return
    }
    for minute in 0..<Self.minutesPerHour {
      guard minutes & 1 << UInt64(minute) != 0 else {
        windows[start + minute].count = 0
        continue
      }
      let first = Self.start(minute, hour) &+ firsts[index]
      windows[start + minute].count = UInt64(bitPattern: counts[index])
      windows[start + minute].firstTimestamp = first
      windows[start + minute].lastTimestamp = first &+ spans[index]
      index += 1
    }
  }

  // MARK: Bytes

  func encode(into target: inout OutputBuffer) {
    var code = WindowTiming.units.count - 1
    for value in firsts + spans {
      while value % Int64(WindowTiming.units[code]) != 0 { code -= 1 }
    }
    let unit = Int64(WindowTiming.units[code])
    target.writeInteger(minutes)
    target.writeByte(UInt8(code))
    PackedArray.encode(counts, into: &target)
    PackedArray.encode(firsts.map { $0 / unit }, into: &target)
    PackedArray.encode(spans.map { $0 / unit }, into: &target)
  }

  /// Becomes the timing that comes next; `false` when the bytes run out or are none.
  mutating func read(_ reader: inout PackedArrayReader) -> Bool {
    guard let minutes = reader.readWord(), minutes >> UInt64(Self.minutesPerHour) == 0,
      let code = reader.readByte(), Int(code) < WindowTiming.units.count
    else { return false }
    self.minutes = minutes
    let count = minutes.nonzeroBitCount
    let unit = Int64(WindowTiming.units[Int(code)])
    if counts.count != count {
      counts = Array(repeating: 0, count: count)
      firsts = counts
      spans = counts
    }
    guard reader.read(count, into: &counts) != nil, reader.read(count, into: &firsts) != nil,
      reader.read(count, into: &spans) != nil
    else { return false }
    for index in 0..<count {
      firsts[index] = firsts[index].multipliedReportingOverflow(by: unit).partialValue
      spans[index] = spans[index].multipliedReportingOverflow(by: unit).partialValue
    }
    return isSound
  }
}
