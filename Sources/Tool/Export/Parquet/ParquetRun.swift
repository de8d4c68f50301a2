internal import Cold
internal import Engine
internal import Model
internal import Platform

/// Days of one measurement that are written side by side.
///
/// A group of rows may span many days: so it is decoded once for all of them, and each day takes
/// its slice. A day holds rows until a row group of its file is full; where the days together hold
/// more than they may, the last one is given up, for a later run to write. What a file holds does
/// not depend on which days were written beside it.
final class ParquetRun {
  static let dayCountMax = 64
  /// Columns of all days: each is a handful of arrays.
  static let columnCountMax = 1 << 14

  /// Ascending, never empty.
  private(set) var plans: [ParquetPlan]
  private var days: [ParquetDay]
  private let heldByteCountMax: Int

  /// - Parameters:
  ///   - plans: ascending, not empty, ``dayCountMax(_:)`` at most.
  ///   - heldByteCountMax: what the days hold together at most; one alone holds a row group.
  init(
    disk: any Disk,
    root: String,
    schema: ExportSchema,
    plans: [ParquetPlan],
    heldByteCountMax: Int
  ) {
    precondition(!plans.isEmpty)
    self.plans = plans
    self.heldByteCountMax = heldByteCountMax
    days = plans.map { ParquetDay(disk: disk, root: root, folder: $0.folder, schema: schema) }
  }

  /// How many days of a schema are written side by side at most.
  static func dayCountMax(_ schema: ExportSchema) -> Int {
    min(dayCountMax, max(1, columnCountMax / schema.columns.count))
  }

  /// From the beginning of the first day to the end of the last.
  var range: TimeRange {
    TimeRange(start: plans[0].range.start, end: plans[plans.count - 1].range.end)
  }

  /// Gives each day its rows of a piece.
  ///
  /// - Parameter piece: of one series; pieces come series by series, each in order of time.
  /// - Returns: whether rows that come later may be wanted: not once the piece lies behind all
  ///   days.
  func append(_ piece: ParquetPiece) throws(SystemError) -> Bool {
    var start = 0
    for (plan, day) in zip(plans, days) where start < piece.timestamps.count {
      let end = Self.firstRow(of: piece.timestamps, from: start, notBefore: plan.range.end)
      if end > start { try day.append(piece, start..<end) }
      start = end
    }
    while days.count > 1, days.reduce(0, { $0 + $1.heldByteCount }) > heldByteCountMax {
      days.removeLast().abandon()
      plans.removeLast()
    }
    return piece.timestamps.last.map { $0 < range.end } ?? true
  }

  /// Ends the files of one day after another.
  ///
  /// - Parameters:
  ///   - isWanted: whether what a day has become takes the place of what is there.
  ///   - body: told of each day before its files get their names, so that no kill leaves files
  ///     that nobody knows.
  func finish(
    isWanted: (ParquetPlan, ParquetDay.Outcome) -> Bool,
    _ body: (ParquetPlan, ParquetDay.Outcome) throws -> Void
  ) throws {
    for (plan, day) in zip(plans, days) {
      try day.finish()
      let isWanted = isWanted(plan, day.outcome)
      try body(plan, day.outcome)
      if isWanted { try day.commit() } else { day.abandon() }
    }
  }

  func abandon() { for day in days { day.abandon() } }

  private static func firstRow(
    of timestamps: [Timestamp],
    from start: Int,
    notBefore time: Timestamp
  ) -> Int {
    var (low, high) = (start, timestamps.count)
    while low < high {
      let middle = (low + high) / 2
      if timestamps[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// All that is wanted of a series has been taken.
struct EnoughRows: Error {}
