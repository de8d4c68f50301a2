/// Many open rows of one series, found stretch of time by stretch of time.
///
/// A row is 11 bytes as it lies in its arena and 48 as a reference, and sorting needs half as
/// much again. So a series that has millions of open rows is worked on in stretches, whose borders
/// are found by a sample. A section of neighbouring arrivals that has no row of a stretch is passed
/// over, so that rows that came in order, or nearly so, are gone through twice at most.
///
/// Memory: 80 bytes a section and 8 a sample, about 0.15 a row.
public struct RowStretches: Sendable {
  /// Rows of a stretch that are usually aimed at. One has up to twice as many, and more when many
  /// rows share a timestamp.
  public static let rowCountMin = 1 << 17
  /// Stretches that are aimed at: rows that came in no order at all are gone through as often.
  public static let countMax = 64
  private static let sectionRowCountMax = 1 << 12
  private static let sampleIntervalMax = 64

  private struct Section: Sendable {
    var walk: RowWalk
    var index: Int
    var rowCount: Int
    var oldest = Timestamp.max
    var newest = Timestamp.min
  }

  /// Ascending, not empty, without gaps between them; the first and the last have no end.
  public let ranges: [TimeRange]
  private var sections: [Section] = []

  /// Whether `rowCount` rows are worth it.
  public static func isNeeded(_ rowCount: Int, perStretch: Int) -> Bool {
    rowCount > 2 * perStretch
  }

  /// - Parameters:
  ///   - runs: of one series, each with its arena's reader; their rows bear the place here as their
  ///     run.
  ///   - wanted: sections without rows in it are left out.
  ///   - perStretch: rows of a stretch that are aimed at; at least a sample's.
  ///   - unit: a border lies on a multiple of so many nanoseconds, where the rows before it do not
  ///     all lie within one.
  public init(
    _ runs: [(run: RowRun, reader: RowArena.Reader)],
    meeting wanted: TimeRange = TimeRange(start: .min, end: .max),
    perStretch: Int,
    unit: Int64
  ) {
    let rowCount = runs.reduce(0) { $0 + Int($1.run.rowCount) }
    let interval = max(1, min(Self.sampleIntervalMax, perStretch / 16))
    let sectionRowCount = max(interval, min(Self.sectionRowCountMax, perStretch / 2))
    var samples: [Timestamp] = []
    samples.reserveCapacity(rowCount / interval + runs.count)
    // Any order of arrival is sampled alike: which row of an interval is taken looks like chance,
    // and is the same whenever the same rows are worked on again.
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    for (index, (run, reader)) in runs.enumerated() where run.rowCount > 0 {
      var walk = RowWalk(run, in: reader.slabs)
      var left = Int(run.rowCount)
      while left > 0 {
        var section = Section(
          walk: walk,
          index: index,
          rowCount: min(left, sectionRowCount)
        )
        var sampled = 0
        for row in 0..<section.rowCount {
          let timestamp = walk.next(index).timestamp
          section.oldest = min(section.oldest, timestamp)
          section.newest = max(section.newest, timestamp)
          if row % interval == 0 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            sampled = row + Int(state >> 32) % interval
          }
          if row == sampled { samples.append(timestamp) }
        }
        left -= section.rowCount
        if wanted.meets(first: section.oldest, last: section.newest) { sections.append(section) }
      }
    }
    let most = max(perStretch, rowCount / Self.countMax)
    let perRange = max(1, most / interval)
    ranges = Self.ranges(&samples, perRange: perRange, unit: unit)
  }

  private static func ranges(
    _ samples: inout [Timestamp],
    perRange: Int,
    unit: Int64
  ) -> [TimeRange] {
    samples.sort()
    var ranges: [TimeRange] = []
    var start = Timestamp.min
    for place in stride(from: perRange, to: samples.count, by: perRange) {
      let sample = samples[place]
      // Of the times before 1970, too, the multiple below.
      let below = sample - (sample % unit + unit) % unit
      let border = below > start && below > samples[place - perRange] ? below : sample
      guard border > start, border > samples[0] else { continue }
      ranges.append(TimeRange(start: start, end: border))
      start = border
    }
    ranges.append(TimeRange(start: start, end: .max))
    return ranges
  }

  /// How many rows ``collect(_:into:)`` finds.
  public func rowCount(in range: TimeRange) -> Int {
    var count = 0
    for section in sections where range.meets(first: section.oldest, last: section.newest) {
      if range.contains(section.oldest), range.contains(section.newest) {
        count += section.rowCount
        continue
      }
      var walk = section.walk
      for _ in 0..<section.rowCount where range.contains(walk.next(0).timestamp) { count += 1 }
    }
    return count
  }

  /// The rows of `range`, in order of arrival run by run.
  ///
  /// - Returns: whether they are strictly ascending and of one run.
  public func collect(_ range: TimeRange, into rows: inout [RowReference]) -> Bool {
    var isAscending = true
    let last = range.end == .max ? .max : range.end - 1
    for section in sections
    where section.newest >= range.start && section.oldest <= last {
      var walk = section.walk
      for _ in 0..<section.rowCount {
        let row = walk.next(section.index)
        guard row.timestamp >= range.start, row.timestamp <= last else { continue }
        if let last = rows.last, last.run != row.run || last.timestamp >= row.timestamp {
          isAscending = false
        }
        rows.append(row)
      }
    }
    return isAscending
  }
}
