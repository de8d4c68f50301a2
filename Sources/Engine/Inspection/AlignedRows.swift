public import Model

/// Rows of one series with all their fields side by side: what an export writes.
public struct AlignedRows: Sendable {
  public struct Column: Sendable {
    public var field: FieldDefinition
    /// Parallel to the rows; 0 where there is no value.
    public var cells: [Cell]
    /// Parallel to the rows; `nil` when every row has a value.
    public var isPresent: [Bool]?

    public func hasValue(_ row: Int) -> Bool { isPresent.map { $0[row] } ?? true }
  }

  /// Strictly ascending.
  public var timestamps: [Timestamp] = []
  /// Ascending by the fields' names.
  public var columns: [Column] = []
  /// Behind the cells of string columns.
  public var strings = StringArena()

  public init() {}

  /// Aligns batches of one series: the union of their timestamps; of several values of one field
  /// and timestamp the last batch's wins.
  ///
  /// - Parameter field: the definition of a column.
  init(_ batches: [ColumnBatch], field: (FieldID, ColumnType) -> FieldDefinition) {
    let sources = batches.filter { !$0.timestamps.isEmpty }
    if sources.count == 1 {
      timestamps = sources[0].timestamps
      strings = sources[0].strings
      columns = sources[0].columns.map { column in
        Column(field: field(column.field, column.type), cells: column.cells)
      }
    } else {
      var all = sources.flatMap(\.timestamps)
      all.sort()
      for timestamp in all where timestamps.last != timestamp { timestamps.append(timestamp) }
      var places: [FieldID: Int] = [:]
      for source in sources { add(source, &places, field) }
      for index in columns.indices where columns[index].isPresent?.allSatisfy({ $0 }) == true {
        columns[index].isPresent = nil
      }
    }
    columns.sort { $0.field.name.lexicographicallyPrecedes($1.field.name) }
  }

  private mutating func add(
    _ source: ColumnBatch,
    _ places: inout [FieldID: Int],
    _ field: (FieldID, ColumnType) -> FieldDefinition
  ) {
    var rows: [Int] = []
    rows.reserveCapacity(source.timestamps.count)
    var row = 0
    for timestamp in source.timestamps {
      while timestamps[row] < timestamp { row += 1 }
      rows.append(row)
    }
    // A cell of a string holds its offset in the upper half.
    let shift = UInt64(strings.bytes.count) << 32
    if source.columns.contains(where: { $0.type == .string }),
      strings.append(source.strings.bytes) == nil
    {
      return
    }
    for column in source.columns {
      let place: Int
      if let known = places[column.field] {
        place = known
      } else {
        place = columns.count
        places[column.field] = place
        columns.append(
          Column(
            field: field(column.field, column.type),
            cells: Array(repeating: 0, count: timestamps.count),
            isPresent: Array(repeating: false, count: timestamps.count)
          )
        )
      }
      let added = column.type == .string ? shift : 0
      for (index, row) in rows.enumerated() {
        columns[place].cells[row] = column.cells[index] &+ added
        columns[place].isPresent?[row] = true
      }
    }
  }
}
