internal import Blocks
internal import Model
internal import Rollup

/// The windows of one series' minute in the order of a field set's columns: the form in which a
/// record is read back, merged with what a cut has folded, and written again.
///
/// Nothing is looked up by field, so a minute that several cuts have rows of costs each of them
/// little more than its first. Columns of different field sets meet in a ``WindowSet``.
struct MinuteColumns {
  private(set) var fieldSet: FieldSetID
  private(set) var types: [ColumnType]
  /// Parallel to `types`; `nil` where the minute has no value of a column.
  private(set) var windows: [Window?]
  /// Behind the first and last of string columns.
  private(set) var strings = StringArena()

  /// Columns without values.
  init(fieldSet: FieldSetID = FieldSetID(0), types: [ColumnType] = []) {
    self.fieldSet = fieldSet
    self.types = types
    windows = Array(repeating: nil, count: types.count)
  }

  /// Takes the columns of a field set, without values; memory is kept.
  mutating func reset(fieldSet: FieldSetID, types: [ColumnType]) {
    self.fieldSet = fieldSet
    self.types = types
    windows.removeAll(keepingCapacity: true)
    windows.append(contentsOf: repeatElement(nil, count: types.count))
    strings = StringArena()
  }

  /// Takes a record's windows in place of those it has; memory is kept.
  ///
  /// - Throws: ``WindowError`` where the record does not decode; what is here then is nothing.
  mutating func read(
    _ record: Span<UInt8>,
    fieldSet: FieldSetID,
    columns: FieldSets.Columns,
    minute: Int64
  ) throws(WindowError) {
    self.fieldSet = fieldSet
    types = columns.types
    windows.removeAll(keepingCapacity: true)
    strings = StringArena()
    try WindowRecord.decode(
      record,
      types: columns.types,
      wanted: columns.all,
      minute: minute,
      into: &windows,
      strings: &strings
    )
  }

  /// Adds the windows of one run of a fold of the same field set, whose timestamps all differ from
  /// those that are here.
  ///
  /// - Parameters:
  ///   - folded: column by column the windows of `runCount` runs.
  ///   - arena: behind the first and last of string columns.
  mutating func merge(_ folded: [Window], run: Int, of runCount: Int, from arena: StringArena) {
    precondition(folded.count == types.count * runCount && run >= 0 && run < runCount)
    for column in types.indices {
      var window = folded[column * runCount + run]
      if types[column] == .string {
        window.first = strings.append(copying: window.first, from: arena)
        window.last = strings.append(copying: window.last, from: arena)
      }
      guard windows[column] != nil else {
        windows[column] = window
        continue
      }
      windows[column]?.merge(window, type: types[column])
    }
  }
}
