internal import Model
internal import Ring
internal import Rollup

/// Folds the minutes of one series that the ring answers for into buckets.
struct WindowFold {
  private let series: SeriesID
  private let slot: Int
  private let scan: PartitionScan
  private let range: TimeRange
  /// Minutes with late open rows: raw rows answer for them.
  private let dirty: Set<Int64>
  private var cursor: Timestamp
  /// The times that the ring does not answer for, ascending.
  private var ranges: [TimeRange] = []

  /// - Parameters:
  ///   - slot: of the aggregators.
  ///   - range: whole minutes, but for the very last one of all time.
  init(
    series: SeriesID,
    slot: Int,
    scan: PartitionScan,
    range: TimeRange,
    late: [ColumnBatch]
  ) {
    self.series = series
    self.slot = slot
    self.scan = scan
    self.range = range
    dirty = Self.minutes(of: late)
    cursor = range.start
  }

  /// What is read of windows for some aggregates.
  static func parts(for aggregates: [Aggregate]) -> WindowParts {
    var parts: WindowParts = []
    if aggregates.contains(.max) { parts.insert(.maximum) }
    if aggregates.contains(where: { $0 == .first || $0 == .last }) { parts.insert(.ends) }
    return parts
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
    _ reader: inout WindowReader,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) -> [TimeRange] {
    for hour in scan.coveredHours {
      let (start, overflowed) = hour.multipliedReportingOverflow(by: Nanoseconds.perHour)
      guard !overflowed, start >= 0, start < range.end else { continue }
      let (end, overflowedAgain) = start.addingReportingOverflow(Nanoseconds.perHour)
      guard !overflowedAgain, end > cursor else { continue }
      if start > cursor { leave(until: start) }
      switch scan.ring.frozen(series: series, hour: hour) {
      case .open: foldMinutes(until: min(end, range.end), &reader, &aggregators, &context)
      case .absent:
        foldFrozen(hour, until: min(end, range.end), &reader, &aggregators, &context)
      case .damaged: leave(until: min(end, range.end))
      case .found(let section):
        if reader.read(section, hour: hour, &context.fieldSets) {
          foldFrozen(hour, section, until: min(end, range.end), &reader, &aggregators, &context)
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
    _ reader: inout WindowReader,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) {
    while cursor < end { foldMinute(&reader, &aggregators, &context) }
  }

  private mutating func foldMinute(
    _ reader: inout WindowReader,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) {
    let minute = cursor / Nanoseconds.perMinute
    let next = nextCursor
    if dirty.contains(minute) {
      leave(until: next)
      return
    }
    switch reader.look(up: series, minute: minute, in: scan.ring, &context.fieldSets) {
    case .absent: break
    case .damaged: leave(until: next)
    case .found:
      for (field, window) in reader.windows {
        aggregators[field].add(window, minute: minute, strings: reader.strings, slot: slot)
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
    _ reader: inout WindowReader,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) {
    let patches = scan.ring.patches(series: series, hour: hour)
    var wanted: UInt64 = 0
    if patches == 0, dirty.isEmpty, cursor < end {
      let first = Int(cursor / Nanoseconds.perMinute - hour * 60)
      // The very last minute of all time may be a part of one.
      let last = Int((end - 1) / Nanoseconds.perMinute - hour * 60)
      wanted = (UInt64.max << UInt64(first)) & (UInt64.max >> UInt64(63 - last))
      cursor = end
    }
    while cursor < end {
      let minute = cursor / Nanoseconds.perMinute
      let bit: UInt64 = 1 << UInt64(minute - hour * 60)
      if dirty.contains(minute) || patches & bit != 0 {
        foldMinute(&reader, &aggregators, &context)
      } else {
        wanted |= bit
        cursor = nextCursor
      }
    }
    guard section != nil, wanted != 0 else { return }
    var count = 0
    for (index, field) in reader.hourFields.enumerated() {
      let start = index * WindowReader.minutesPerHour
      count += aggregators[field].add(
        reader.hourWindows[start..<start + WindowReader.minutesPerHour],
        hour: hour,
        wanted: wanted,
        strings: reader.hourStrings,
        slot: slot
      )
    }
    context.statistics.ringWindows += count
  }
}
