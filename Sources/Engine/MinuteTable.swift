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
  }

  struct Group {
    var fold: Fold
    var fieldSet: FieldSetID
    var fields: [FieldID]
    var types: [ColumnType]
  }

  let series: SeriesID
  private let context: CutContext
  private var groups: [Group] = []
  private var dirty: Set<Int64> = []
  /// The minutes that were written: those that had a window before, and new ones.
  private(set) var restated: [Int64] = []
  private(set) var closed: [Int64] = []
  private var lastRefolded: Int64?
  /// All stored rows of the hour of `lastRefolded`.
  private var storedHour: [ColumnBatch]?

  init(series: SeriesID, context: CutContext) {
    self.series = series
    self.context = context
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

  /// Writes the records.
  ///
  /// - Parameter rows: this cut's rows of the series in a range, for minutes that must be folded
  ///   again.
  mutating func finish(_ rows: (TimeRange) -> [ColumnBatch]) throws(SystemError) {
    var minutes: [Int64: [(group: Int, run: Int)]] = [:]
    for (group, item) in groups.enumerated() {
      for (run, minute) in item.fold.runs.enumerated() {
        minutes[minute.minute, default: []].append((group, run))
      }
    }
    for minute in dirty where takes(minute) && minutes[minute] == nil { minutes[minute] = [] }
    for (minute, parts) in minutes.sorted(by: { $0.key < $1.key }) {
      // Nothing of the hour was sealed before: ``CutContext/hours`` has no other hours.
      try context.ring.beginHour(minute / 60, isComplete: true, cut: context.cutNumber)
      var columns: WindowSet?
      var isNew = true
      switch context.ring.existing(series: series, minute: minute) {
      case .absent: columns = WindowSet()
      case .found(let record):
        isNew = false
        columns = context.fieldSets.decode(record.bytes, minute: minute)
      case .damaged: isNew = false
      }
      if dirty.contains(minute) || columns == nil {
        columns = refold(minute, rows)
      } else if isNew, parts.count == 1 {
        // The usual case: one group, one window a column, nothing to merge.
        try write(minute, groups[parts[0].group], run: parts[0].run)
        closed.append(minute)
        continue
      } else {
        for part in parts { columns?.merge(groups[part.group], run: part.run) }
      }
      if let columns { try write(minute, columns) }
      if isNew { closed.append(minute) } else { restated.append(minute) }
    }
  }

  private func write(_ minute: Int64, _ group: Group, run: Int) throws(SystemError) {
    var record = OutputBuffer(reserving: 64 + 16 * group.fields.count)
    WindowRecord.encode(
      fieldSet: group.fieldSet,
      minute: minute,
      types: group.types,
      windows: group.fold.windows,
      run: run,
      of: group.fold.runs.count,
      strings: group.fold.strings,
      into: &record
    )
    try append(minute, record)
  }

  private func write(_ minute: Int64, _ set: WindowSet) throws(SystemError) {
    let fields = set.columns.keys.sorted()
    guard let fieldSet = context.fieldSet(of: fields) else { return try appendNothing(minute) }
    var record = OutputBuffer(reserving: 64 + 16 * fields.count)
    WindowRecord.encode(
      fieldSet: fieldSet,
      minute: minute,
      types: fields.map { set.columns[$0]?.type ?? .float },
      windows: fields.map { set.columns[$0]?.window },
      strings: set.strings,
      into: &record
    )
    try append(minute, record)
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

/// The windows of one series' minute, by field: the form in which they are merged.
struct WindowSet {
  var columns: [FieldID: (type: ColumnType, window: Window)] = [:]
  /// Behind the first and last of string columns.
  var strings = StringArena()

  init() {}

  /// Folds raw rows; where two batches hold a field at the same timestamp the later one wins.
  init(folding batches: [ColumnBatch]) {
    var holders: [FieldID: [(batch: Int, column: Int)]] = [:]
    for (index, batch) in batches.enumerated() {
      for (column, item) in batch.columns.enumerated() {
        holders[item.field, default: []].append((index, column))
      }
    }
    for (field, found) in holders {
      let parts = found.map { (batch: batches[$0.batch], column: $0.column) }
      let type = parts[parts.count - 1].batch.columns[parts[parts.count - 1].column].type
      if parts.count == 1 {
        fold(parts[0].batch, column: parts[0].column, field, type)
      } else {
        fold(contested: parts, field, type)
      }
    }
  }

  /// Folds a field that one batch has.
  private mutating func fold(
    _ batch: ColumnBatch,
    column: Int,
    _ field: FieldID,
    _ type: ColumnType
  ) {
    guard let first = batch.timestamps.first else { return }
    let cells = batch.columns[column].cells
    let timestamps = batch.timestamps
    var windows: [Window] = []
    WindowFolder.fold(
      cells.span,
      type: type,
      timestamps: timestamps.span,
      runs: [MinuteRun(minute: Nanoseconds.minute(of: first), rows: batch.timestamps.indices)],
      into: &windows
    )
    windows[0].first = keep(windows[0].first, type, from: batch.strings)
    windows[0].last = keep(windows[0].last, type, from: batch.strings)
    columns[field] = (type, windows[0])
  }

  /// Folds a field that several batches have: of a timestamp the last one's value.
  private mutating func fold(
    contested holders: [(batch: ColumnBatch, column: Int)],
    _ field: FieldID,
    _ type: ColumnType
  ) {
    var cells: [Timestamp: Cell] = [:]
    for (batch, column) in holders {
      for (row, cell) in batch.columns[column].cells.enumerated() {
        cells[batch.timestamps[row]] = keep(cell, type, from: batch.strings)
      }
    }
    let timestamps = cells.keys.sorted()
    guard let first = timestamps.first else { return }
    let sorted = timestamps.map { cells[$0] ?? 0 }
    let run = MinuteRun(minute: Nanoseconds.minute(of: first), rows: timestamps.indices)
    var windows: [Window] = []
    WindowFolder.fold(
      sorted.span,
      type: type,
      timestamps: timestamps.span,
      runs: [run],
      into: &windows
    )
    columns[field] = (type, windows[0])
  }

  private mutating func keep(_ cell: Cell, _ type: ColumnType, from arena: StringArena) -> Cell {
    guard type == .string, let text = arena.slice(cell) else { return cell }
    return strings.append(Array(text)) ?? 0
  }

  /// Adds a window whose timestamps all differ from those in the set.
  mutating func merge(
    _ field: FieldID,
    _ type: ColumnType,
    _ window: Window,
    from arena: StringArena
  ) {
    var window = window
    window.first = keep(window.first, type, from: arena)
    window.last = keep(window.last, type, from: arena)
    guard var column = columns[field] else {
      columns[field] = (type, window)
      return
    }
    column.window.merge(window, type: type)
    columns[field] = column
  }
}

extension WindowSet {
  fileprivate mutating func merge(_ group: MinuteTable.Group, run: Int) {
    let count = group.fold.runs.count
    for (column, field) in group.fields.enumerated() {
      merge(
        field,
        group.types[column],
        group.fold.windows[column * count + run],
        from: group.fold.strings
      )
    }
  }
}
