public import Model

/// The ring of one partition as of one manifest: immutable, readable on any thread, beside the
/// writer that goes on.
///
/// Keeps the files that it knows mapped or open, those too whose names other hours have taken.
public struct RingSnapshot: Sendable {
  /// Ascending by hour; a few.
  let hours: [LayeredHour]

  /// The ring of a partition that has none.
  public init() { hours = [] }

  init(_ hours: [LayeredHour]) { self.hours = hours.sorted { $0.hour < $1.hour } }

  /// The hours since the epoch whose every sealed row is in a record, ascending.
  public var coveredHours: [Int64] { hours.filter(\.isCovered).map(\.hour) }

  /// Whether every sealed row of `hour` is in a record.
  public func covers(hour: Int64) -> Bool { view(of: hour)?.isCovered ?? false }

  /// The newest record of a series' minute; for a frozen hour of what changed since.
  ///
  /// - Parameter minute: since the epoch.
  /// - Complexity: O(log series), and a checksum over the record.
  public func record(series: SeriesID, minute: Int64) -> RingLookup {
    guard minute >= 0, let view = view(of: SlotLayout.hour(ofMinute: minute)), view.isCovered
    else { return .damaged }
    return view.record(series: series, minute: minute)
  }

  /// The windows of a series in a frozen hour, without those of ``patches(series:hour:)``.
  ///
  /// - Complexity: O(log series), and one read.
  public func frozen(series: SeriesID, hour: Int64) -> FrozenLookup {
    guard let view = view(of: hour), view.isCovered else { return .damaged }
    return view.frozen?.section(of: series) ?? .open
  }

  /// A bit for each minute of a frozen hour that changed since it was frozen: its record counts.
  public func patches(series: SeriesID, hour: Int64) -> UInt64 {
    guard let view = view(of: hour), view.frozen != nil else { return 0 }
    return view.minutes(of: series)
  }

  /// Series' minutes that have a record; frozen ones are not counted.
  public var recordCount: Int {
    hours.reduce(0) { $0 + $1.layers.reduce(0) { $0 + $1.recordCount } }
  }

  /// Bytes of all files, replaced records among them.
  public var byteCount: Int { hours.reduce(0) { $0 + $1.byteCount } }

  /// What is in the ring.
  public var statistics: RingStatistics {
    var result = RingStatistics()
    for hour in hours {
      if let frozen = hour.frozen {
        result.frozenHourCount += 1
        result.frozenByteCount += Int(frozen.progress.byteCount)
        result.patchByteCount += hour.layers.reduce(0) { $0 + $1.byteCount }
        result.columnHourCount += frozen.runCount
        result.columnCount = max(result.columnCount, frozen.runCount)
      } else {
        result.openHourCount += 1
        result.openByteCount += hour.byteCount
      }
    }
    return result
  }

  private func view(of hour: Int64) -> LayeredHour? {
    var low = 0
    var high = hours.count
    while low < high {
      let middle = (low + high) / 2
      if hours[middle].hour < hour { low = middle + 1 } else { high = middle }
    }
    return low < hours.count && hours[low].hour == hour ? hours[low] : nil
  }
}

/// How much a ring holds.
public struct RingStatistics: Hashable, Sendable {
  public var openHourCount = 0
  public var frozenHourCount = 0
  public var openByteCount = 0
  public var frozenByteCount = 0
  public var patchByteCount = 0
  /// Runs of all frozen hours: one for each column and hour.
  public var columnHourCount = 0
  /// Columns of the frozen hour that has the most.
  public var columnCount = 0

  public init() {}
}
