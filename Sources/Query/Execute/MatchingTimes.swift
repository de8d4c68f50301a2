internal import Model

/// The timestamps of a series' rows that meet a request's conditions, ascending.
struct MatchingTimes {
  /// Rows further apart than this are looked for apart; a head chunk is about a minute.
  private static let gap: Timestamp = Nanoseconds.perMinute

  var times: [Timestamp]
  /// The values of the condition's field at the times, where they were asked for; else empty.
  var cells: [Cell] = []

  var byteCount: Int { (times.count + cells.count) * 8 }

  /// Times around the rows: what lies outside of them need not be read.
  var ranges: [TimeRange] {
    var ranges: [TimeRange] = []
    for time in times {
      if let last = ranges.last, time &- last.end < Self.gap {
        ranges[ranges.count - 1] = TimeRange(start: last.start, end: time + 1)
      } else {
        ranges.append(TimeRange(start: time, end: time + 1))
      }
    }
    return ranges
  }

  /// The parts of `rows` whose timestamps are among the times.
  ///
  /// - Parameter timestamps: ascending.
  func runs(of rows: Range<Int>, in timestamps: [Timestamp]) -> [Range<Int>] {
    guard let first = rows.first else { return [] }
    var runs: [Range<Int>] = []
    var place = lowerBound(timestamps[first])
    var start: Int?
    for row in rows {
      let time = timestamps[row]
      while place < times.count, times[place] < time { place += 1 }
      let isWanted = place < times.count && times[place] == time
      if isWanted {
        if start == nil { start = row }
      } else if let begun = start {
        runs.append(begun..<row)
        start = nil
      }
    }
    if let start { runs.append(start..<rows.upperBound) }
    return runs
  }

  private func lowerBound(_ time: Timestamp) -> Int {
    var (low, high) = (0, times.count)
    while low < high {
      let middle = (low + high) / 2
      if times[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension MatchingTimes? {
  /// The wanted parts of `rows`: all of them where no condition was asked for.
  func runs(of rows: Range<Int>, in timestamps: [Timestamp]) -> [Range<Int>] {
    map { $0.runs(of: rows, in: timestamps) } ?? [rows]
  }
}
