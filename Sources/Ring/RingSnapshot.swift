public import Model

/// The ring of one partition as of one manifest: immutable, readable on any thread, beside the
/// writer that goes on.
///
/// Keeps the slots that it knows mapped, those too whose files other hours have replaced.
public struct RingSnapshot: Sendable {
  /// Ascending by hour; a few.
  private let hours: [HourView]

  /// The ring of a partition that has none.
  public init() { hours = [] }

  init(_ hours: [HourView]) { self.hours = hours.sorted { $0.hour < $1.hour } }

  /// The hours since the epoch whose every sealed row is in a record, ascending.
  public var coveredHours: [Int64] { hours.filter(\.isCovered).map(\.hour) }

  /// Whether every sealed row of `hour` is in a record.
  public func covers(hour: Int64) -> Bool { view(of: hour)?.isCovered ?? false }

  /// The newest record of a series' minute.
  ///
  /// - Parameter minute: since the epoch.
  /// - Complexity: O(log series), and a checksum over the record.
  public func record(series: SeriesID, minute: Int64) -> RingLookup {
    guard minute >= 0, let view = view(of: SlotLayout.hour(ofMinute: minute)), view.isCovered
    else { return .damaged }
    return view.record(series: series, minute: minute)
  }

  /// Series' minutes that have a record.
  public var recordCount: Int {
    hours.reduce(0) { $0 + $1.minutes.reduce(0) { $0 + $1.entries.count } }
  }

  /// Bytes of the slots that hold records, replaced ones among them.
  public var byteCount: Int { hours.reduce(0) { $0 + $1.byteCount } }

  private func view(of hour: Int64) -> HourView? { hours.first { $0.hour == hour } }
}
