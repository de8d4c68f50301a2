internal import Model
internal import Rollup

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
  /// Adds the windows of one run of a group.
  mutating func merge(_ group: MinuteTable.Group, run: Int) {
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
