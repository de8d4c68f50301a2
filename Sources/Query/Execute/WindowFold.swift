internal import Model
internal import Ring
internal import Rollup

/// Folds the minutes of one series that the ring answers for into buckets.
struct WindowFold {
  private let series: SeriesID
  private let source: any WindowRecordSource
  private let range: TimeRange
  /// Minutes with late open rows: raw rows answer for them.
  private let dirty: Set<Int64>
  private var reader: WindowReader
  private var cursor: Timestamp
  /// The times that the ring does not answer for, ascending.
  private var ranges: [TimeRange] = []

  /// - Parameter range: whole minutes, but for the very last one of all time.
  init(
    series: SeriesID,
    source: any WindowRecordSource,
    range: TimeRange,
    late: [ColumnBatch],
    _ fields: [FieldDefinition],
    _ aggregates: [Aggregate]
  ) {
    self.series = series
    self.source = source
    self.range = range
    dirty = Self.minutes(of: late)
    var parts: WindowParts = []
    if aggregates.contains(.max) { parts.insert(.maximum) }
    if aggregates.contains(where: { $0 == .first || $0 == .last }) { parts.insert(.ends) }
    reader = WindowReader(fields, parts: parts)
    cursor = range.start
  }

  /// The minutes that hold any row of `batches`.
  private static func minutes(of batches: [ColumnBatch]) -> Set<Int64> {
    var minutes: Set<Int64> = []
    for batch in batches {
      for timestamp in batch.timestamps { minutes.insert(Nanoseconds.minute(of: timestamp)) }
    }
    return minutes
  }

  /// Folds everything.
  ///
  /// - Returns: the times that the ring does not answer for: raw rows have to.
  mutating func run(
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) -> [TimeRange] {
    for hour in source.coveredHours {
      let (start, overflowed) = hour.multipliedReportingOverflow(by: Nanoseconds.perHour)
      guard !overflowed, start >= 0, start < range.end else { continue }
      let (end, overflowedAgain) = start.addingReportingOverflow(Nanoseconds.perHour)
      guard !overflowedAgain, end > cursor else { continue }
      if start > cursor { leave(until: start) }
      switch source.frozen(series: series, hour: hour) {
      case .open: foldMinutes(until: min(end, range.end), &aggregators, &context)
      case .absent: foldFrozen(hour, until: min(end, range.end), &aggregators, &context)
      case .damaged: leave(until: min(end, range.end))
      case .found(let section):
        if reader.read(section, hour: hour, &context.fieldSets) {
          foldFrozen(hour, section, until: min(end, range.end), &aggregators, &context)
        } else {
          leave(until: min(end, range.end))
        }
      }
    }
    leave(until: range.end)
    return ranges
  }

  /// Leaves the time up to `end` to raw rows.
  private mutating func leave(until end: Timestamp) {
    guard cursor < end else { return }
    if let last = ranges.last, last.end == cursor {
      ranges[ranges.count - 1].end = end
    } else {
      ranges.append(TimeRange(start: cursor, end: end))
    }
    cursor = end
  }

  private var nextCursor: Timestamp {
    let (next, overflowed) = cursor.addingReportingOverflow(Nanoseconds.perMinute)
    return overflowed ? range.end : min(next, range.end)
  }

  /// Folds records minute by minute.
  private mutating func foldMinutes(
    until end: Timestamp,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) {
    while cursor < end { foldMinute(&aggregators, &context) }
  }

  private mutating func foldMinute(
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) {
    let minute = cursor / Nanoseconds.perMinute
    let next = nextCursor
    if dirty.contains(minute) {
      leave(until: next)
      return
    }
    switch reader.look(up: series, minute: minute, in: source, &context.fieldSets) {
    case .absent: break
    case .damaged: leave(until: next)
    case .found:
      for (field, window) in reader.windows {
        aggregators[field].add(window, minute: minute, strings: reader.strings)
      }
      context.statistics.ringWindows += reader.windows.count
    }
    cursor = next
  }

  /// Folds a frozen hour, the minutes that changed since by their records.
  ///
  /// - Parameter section: what the reader has read; `nil` when the series is not in it.
  private mutating func foldFrozen(
    _ hour: Int64,
    _ section: FrozenSection? = nil,
    until end: Timestamp,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) {
    let patches = source.patches(series: series, hour: hour)
    let first = Int(cursor / Nanoseconds.perMinute - hour * 60)
    var wanted: UInt64 = 0
    while cursor < end {
      let minute = cursor / Nanoseconds.perMinute
      let bit: UInt64 = 1 << UInt64(minute - hour * 60)
      if dirty.contains(minute) || patches & bit != 0 {
        foldMinute(&aggregators, &context)
      } else {
        wanted |= bit
        cursor = nextCursor
      }
    }
    guard section != nil, wanted != 0 else { return }
    var count = 0
    for (index, field) in reader.hourFields.enumerated() {
      let start = index * WindowReader.minutesPerHour
      for minute in first..<WindowReader.minutesPerHour where wanted & 1 << UInt64(minute) != 0 {
        let window = reader.hourWindows[start + minute]
        guard window.count > 0 else { continue }
        aggregators[field].add(
          window,
          minute: hour * 60 + Int64(minute),
          strings: reader.hourStrings
        )
        count += 1
      }
    }
    context.statistics.ringWindows += count
  }
}
