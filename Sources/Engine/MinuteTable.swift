internal import Blocks
internal import Bytes
internal import Catalog
internal import Model
internal import Platform
internal import Ring
internal import Rollup

/// The windows that one series gets from a cut: folded group by group while the cells are at hand,
/// written to the ring when the series is complete.
///
/// A minute without late rows takes what was folded, merged with the window that an earlier cut has
/// written. A dirty minute is folded again from all its raw rows.
struct MinuteTable {
  /// A larger record is not written: raw rows answer for its minute.
  static let recordByteCountMax = 16 << 20

  /// Folds one chunk group's columns as they come.
  struct Fold {
    var runs: [MinuteRun]
    /// Column by column, one window a run.
    var windows: [Window] = []
    var strings = StringArena()

    mutating func add(_ cells: Span<Cell>, type: ColumnType, timestamps: Span<Timestamp>) {
      guard !runs.isEmpty else { return }
      WindowFolder.fold(cells, type: type, timestamps: timestamps, runs: runs, into: &windows)
    }

    /// Folds the columns of a tile.
    ///
    /// - Parameters:
    ///   - types: of its columns.
    ///   - cells: gives the cells of a column that the tile does not hold.
    mutating func add(
      _ tile: inout IntegerTile,
      types: ArraySlice<ColumnType>,
      timestamps: Span<Timestamp>,
      cells: (borrowing IntegerTile, Int) -> [Cell]
    ) {
      guard !runs.isEmpty else { return }
      WindowFolder.fold(
        &tile,
        types: types,
        timestamps: timestamps,
        runs: runs,
        cells: cells,
        into: &windows
      )
    }
  }

  struct Group {
    var fold: Fold
    var fieldSet: FieldSetID
    var fields: [FieldID]
    var types: [ColumnType]
  }

  let series: SeriesID
  private let context: CutContext
  private let scratch: MinuteScratch
  private var groups: [Group] = []
  private var dirty: Set<Int64> = []
  /// Minutes before it are written.
  private var writtenBefore = Int64.min
  /// The minute that rows of earlier calls of ``finish(before:_:)`` lie in, too.
  private var spread: Int64?
  /// The minutes that were written: those that had a window before, and new ones.
  private(set) var restated: [Int64] = []
  private(set) var closed: [Int64] = []
  private var lastRefolded: Int64?
  /// All stored rows of the hour of `lastRefolded`.
  private var storedHour: [ColumnBatch]?

  init(series: SeriesID, context: CutContext, scratch: MinuteScratch) {
    self.series = series
    self.context = context
    self.scratch = scratch
  }

  /// Whether the ring takes windows of `minute`: its hour is open and was complete from its start.
  private func takes(_ minute: Int64) -> Bool {
    context.hours.contains(minute / 60)
  }

  mutating func markDirty(_ timestamps: [Timestamp]) {
    for timestamp in timestamps { dirty.insert(Nanoseconds.minute(of: timestamp)) }
  }

  /// Starts the fold of a group; of minutes that the ring does not take nothing is folded.
  func beginGroup(_ timestamps: [Timestamp], columnCount: Int) -> Fold {
    var fold = Fold(runs: MinuteRun.split(timestamps.span).filter { takes($0.minute) })
    fold.windows = scratch.takeWindows()
    fold.windows.reserveCapacity(fold.runs.count * columnCount)
    return fold
  }

  mutating func endGroup(
    _ fold: Fold,
    fieldSet: FieldSetID,
    fields: [FieldID],
    types: [ColumnType]
  ) {
    guard !fold.runs.isEmpty else { return }
    groups.append(Group(fold: fold, fieldSet: fieldSet, fields: fields, types: types))
  }

  /// Writes the records of the minutes before `end`; later ones wait for more rows. A series whose
  /// rows come in several stretches calls it after each, ascending, with `.max` at last.
  ///
  /// - Parameter rows: this cut's rows of the series in a range, for minutes that must be folded
  ///   again. They are of the last stretch: for a minute of several stretches that must be, a
  ///   record is written that says that raw rows answer for it.
  mutating func finish(
    before end: Int64 = .max,
    _ rows: (TimeRange) -> [ColumnBatch]
  ) throws(SystemError) {
    var minutes: [Int64: [(group: Int, run: Int)]] = [:]
    var isWaiting = false
    for (group, item) in groups.enumerated() {
      for (run, minute) in item.fold.runs.enumerated() where minute.minute >= writtenBefore {
        if minute.minute < end {
          minutes[minute.minute, default: []].append((group, run))
        } else {
          isWaiting = true
        }
      }
    }
    for minute in dirty where takes(minute) && minute >= writtenBefore {
      if minute >= end { isWaiting = true } else if minutes[minute] == nil { minutes[minute] = [] }
    }
    for (minute, parts) in minutes.sorted(by: { $0.key < $1.key }) {
      // Nothing of the hour was sealed before: ``CutContext/hours`` has no other hours.
      try context.ring.beginHour(minute / 60, isComplete: true, cut: context.cutNumber)
      var isNew = true
      var isSound = true
      switch context.ring.existing(series: series, minute: minute) {
      case .absent: break
      case .found(let record):
        isNew = false
        isSound = scratch.read(record.bytes, minute: minute, context.fieldSets)
      case .damaged:
        isNew = false
        isSound = false
      }
      if dirty.contains(minute) || !isSound {
        if minute == spread {
          try appendNothing(minute)
        } else {
          try write(minute, refold(minute, rows))
        }
      } else if isNew, parts.count == 1 {
        // The usual case: one group, one window a column, nothing to merge.
        try write(minute, groups[parts[0].group], run: parts[0].run)
      } else {
        try write(minute, parts, isNew: isNew)
      }
      if isNew { closed.append(minute) } else { restated.append(minute) }
    }
    writtenBefore = end
    spread = isWaiting ? end : nil
    var waiting: [Group] = []
    for index in groups.indices {
      if groups[index].fold.runs.contains(where: { $0.minute >= end }) {
        waiting.append(groups[index])
      } else {
        scratch.keep(&groups[index].fold.windows)
      }
    }
    groups = waiting
  }

  /// Writes the windows of some runs, merged with those that ``scratch`` has unless the minute is
  /// new.
  private func write(
    _ minute: Int64,
    _ parts: [(group: Int, run: Int)],
    isNew: Bool
  ) throws(SystemError) {
    if isNew, let first = parts.first {
      scratch.columns.reset(
        fieldSet: groups[first.group].fieldSet,
        types: groups[first.group].types
      )
    }
    guard parts.allSatisfy({ groups[$0.group].fieldSet == scratch.columns.fieldSet }) else {
      var set = context.fieldSets.set(of: scratch.columns)
      for part in parts { set.merge(groups[part.group], run: part.run) }
      return try write(minute, set)
    }
    for part in parts {
      let fold = groups[part.group].fold
      scratch.columns.merge(
        fold.windows,
        run: part.run,
        of: fold.runs.count,
        from: fold.strings
      )
    }
    scratch.record.removeAll()
    WindowRecord.encode(
      fieldSet: scratch.columns.fieldSet,
      minute: minute,
      types: scratch.columns.types,
      windows: scratch.columns.windows,
      strings: scratch.columns.strings,
      into: &scratch.record
    )
    try append(minute, scratch.record)
  }

  private func write(_ minute: Int64, _ group: Group, run: Int) throws(SystemError) {
    scratch.record.removeAll()
    WindowRecord.encode(
      fieldSet: group.fieldSet,
      minute: minute,
      types: group.types,
      windows: group.fold.windows,
      run: run,
      of: group.fold.runs.count,
      strings: group.fold.strings,
      into: &scratch.record
    )
    try append(minute, scratch.record)
  }

  private func write(_ minute: Int64, _ set: WindowSet) throws(SystemError) {
    let fields = set.columns.keys.sorted()
    guard let fieldSet = context.fieldSet(of: fields) else { return try appendNothing(minute) }
    scratch.record.removeAll()
    WindowRecord.encode(
      fieldSet: fieldSet,
      minute: minute,
      types: fields.map { set.columns[$0]?.type ?? .float },
      windows: fields.map { set.columns[$0]?.window },
      strings: set.strings,
      into: &scratch.record
    )
    try append(minute, scratch.record)
  }

  private func append(_ minute: Int64, _ record: borrowing OutputBuffer) throws(SystemError) {
    guard record.count <= Self.recordByteCountMax else { return try appendNothing(minute) }
    try record.withBytes { (bytes) throws(SystemError) in
      try context.ring.append(
        series: series,
        minute: minute,
        cut: context.cutNumber,
        record: bytes
      )
    }
  }

  /// Writes a record without a body: it takes the place of an earlier one and says that raw rows
  /// answer for the minute.
  private func appendNothing(_ minute: Int64) throws(SystemError) {
    let nothing: [UInt8] = []
    try context.ring.append(
      series: series,
      minute: minute,
      cut: context.cutNumber,
      record: nothing.span
    )
  }

  /// The windows of a minute from all its raw rows: stored ones, then this cut's.
  private mutating func refold(
    _ minute: Int64,
    _ rows: (TimeRange) -> [ColumnBatch]
  ) -> WindowSet {
    let range = TimeRange(
      start: minute * Nanoseconds.perMinute,
      end: (minute + 1) * Nanoseconds.perMinute
    )
    return WindowSet(folding: stored(minute, range) + rows(range))
  }

  /// The stored rows of a minute. From the second minute of an hour on the whole hour is read at
  /// once and kept: whoever sends one old minute sends its neighbours, too.
  private mutating func stored(_ minute: Int64, _ range: TimeRange) -> [ColumnBatch] {
    let blocks = StoredRows(blocks: context.blocks)
    guard let last = lastRefolded, last / 60 == minute / 60 else {
      lastRefolded = minute
      storedHour = nil
      return blocks.batches(of: series, fields: nil, range: range).batches
    }
    let hour =
      storedHour ?? blocks.batches(of: series, fields: nil, range: .hour(minute / 60)).batches
    storedHour = hour
    return hour.compactMap { batch in
      let part = batch.rows(in: range)
      return part.timestamps.isEmpty ? nil : part
    }
  }
}

/// What the tables of a cut's series lend to each other, so that a series costs no allocation of
/// its width. Used by one table at a time.
final class MinuteScratch {
  fileprivate(set) var columns = MinuteColumns()
  fileprivate(set) var record = OutputBuffer(reserving: 4_096)
  private var spare: [[Window]] = []
  /// Arrays of windows that are kept for the next series; those beyond are given back.
  private static let spareCountMax = 4

  fileprivate func takeWindows() -> [Window] { spare.popLast() ?? [] }

  fileprivate func keep(_ windows: inout [Window]) {
    guard spare.count < Self.spareCountMax else { return }
    var taken: [Window] = []
    swap(&taken, &windows)
    taken.removeAll(keepingCapacity: true)
    spare.append(taken)
  }

  fileprivate func read(_ bytes: Span<UInt8>, minute: Int64, _ fieldSets: FieldSets) -> Bool {
    fieldSets.decode(bytes, minute: minute, into: &columns)
  }
}
