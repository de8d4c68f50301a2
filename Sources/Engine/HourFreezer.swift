internal import Blocks
internal import Catalog
internal import Model
internal import Platform
internal import Ring

/// Turns one closed hour of a partition into its frozen file, some series at a time.
///
/// What it reads never changes: the hour's files as of the last cut, or blocks. Rows that cuts seal
/// meanwhile go to a patch. Belongs to the partition's worker, like its ``PartitionStore``.
final class HourFreezer {
  /// Windows after which ``step()`` lets the worker look at its other duties.
  static let windowsPerStep = 1 << 16

  let hour: Int64
  private let freeze: RingFreeze
  private let writer: FrozenWriter
  private let context: FreezeContext
  private let series: [SeriesID]
  private var position = 0
  private var current: SeriesHour?
  /// Columns written so far.
  private(set) var columnCount = 0

  init(_ freeze: RingFreeze, writer: FrozenWriter, context: FreezeContext) {
    hour = freeze.hour
    self.freeze = freeze
    self.writer = writer
    self.context = context
    series = freeze.isRebuild ? context.series(in: freeze.hour) : freeze.series
  }

  var seriesCount: Int { series.count }

  /// Writes some columns.
  ///
  /// - Returns: whether all are written.
  func step() throws(SystemError) -> Bool {
    var windows = 0
    while position < series.count, windows < Self.windowsPerStep {
      var work: SeriesHour
      if let current {
        work = current
      } else if let begun = try begin(series[position]) {
        work = begun
      } else {
        windows += FreezeContext.columnsPerGroup * SeriesHour.minutesPerHour / 4
        position += 1
        continue
      }
      current = nil
      windows += work.encodeGroup(context)
      if work.isDone {
        try work.write(to: writer)
        columnCount += work.columnCount
        position += 1
      } else {
        current = work
      }
    }
    return position == series.count
  }

  /// Begins a series; `nil` when it was copied as it is, or when blocks have to answer for it.
  private func begin(_ id: SeriesID) throws(SystemError) -> SeriesHour? {
    let minutes = freeze.minutes(of: id)
    if case .found(let section) = freeze.frozen(id), minutes == 0 {
      if try writer.copy(section) {
        columnCount += section.runCount
        return nil
      }
    }
    let hour = SeriesHour(id, freeze, minutes, context)
    if hour == nil { try writer.appendUnknown(series: id) }
    return hour
  }

  /// Ends the file; it counts once the ring has committed it.
  func finish() throws(SystemError) -> FrozenHour { try writer.finish() }

  func abandon() { writer.abandon() }
}

/// What a freeze works with.
struct FreezeContext {
  /// Columns that are worked on side by side: their windows fit the second-level cache.
  static let columnsPerGroup = 64

  var catalog: Catalog
  var fieldSets: FieldSets
  var blocks: [BlockReader]

  /// The series that have rows of an hour in blocks, ascending.
  func series(in hour: Int64) -> [SeriesID] {
    var found: Set<SeriesID> = []
    forEachGroup(in: hour) { found.insert($0.series) }
    return found.sorted()
  }

  /// The fields that rows of a series have in an hour.
  func fields(of series: SeriesID, in hour: Int64) -> [FieldID: ColumnType] {
    var sets: Set<FieldSetID> = []
    let range = TimeRange.hour(hour)
    for block in blocks where block.summary.meets(range) {
      for entry in (try? block.groups(series: series)) ?? []
      where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
        sets.insert(entry.fieldSet)
      }
    }
    var fields: [FieldID: ColumnType] = [:]
    for set in sets {
      for column in fieldSets.columns(of: set)?.fields ?? [] { fields[column.field] = column.type }
    }
    return fields
  }

  private func forEachGroup(in hour: Int64, _ body: (ChunkGroupEntry) -> Void) {
    let range = TimeRange.hour(hour)
    for block in blocks where block.summary.meets(range) {
      // A block that cannot be read is what a query does without, too.
      try? block.forEachGroup { entry in
        if range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) { body(entry) }
      }
    }
  }
}
