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
    } else if let ordered = Self.ordered(sources) {
      join(ordered, field)
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

  /// Batches in order of time, when each ends before the next one begins: then nothing is to align.
  private static func ordered(_ sources: [ColumnBatch]) -> [ColumnBatch]? {
    let sorted = sources.sorted { $0.timestamps[0] < $1.timestamps[0] }
    let areApart = zip(sorted, sorted.dropFirst()).allSatisfy { batch, next in
      batch.timestamps[batch.timestamps.count - 1] < next.timestamps[0]
    }
    return areApart ? sorted : nil
  }

  /// Lays batches one behind another.
  private mutating func join(
    _ sources: [ColumnBatch],
    _ field: (FieldID, ColumnType) -> FieldDefinition
  ) {
    let count = sources.reduce(0) { $0 + $1.timestamps.count }
    timestamps.reserveCapacity(count)
    var places: [FieldID: Int] = [:]
    for source in sources {
      let start = timestamps.count
      timestamps += source.timestamps
      if let shift = takeStrings(of: source) {
        for column in source.columns {
          let place = place(of: column, &places, rowCount: start, field)
          columns[place].cells.reserveCapacity(count)
          if column.type == .string {
            columns[place].cells += column.cells.map { $0 &+ shift }
          } else {
            columns[place].cells += column.cells
          }
          columns[place].isPresent?
            .append(contentsOf: repeatElement(true, count: column.cells.count))
        }
      }
      for index in columns.indices where columns[index].cells.count < timestamps.count {
        let known = columns[index].cells.count
        var isPresent = columns[index].isPresent ?? Array(repeating: true, count: known)
        columns[index].isPresent = nil
        isPresent += repeatElement(false, count: timestamps.count - known)
        columns[index].isPresent = isPresent
        columns[index].cells += repeatElement(0, count: timestamps.count - known)
      }
    }
  }

  /// Where a column is; a new one has no value in the rows so far.
  private mutating func place(
    of column: ColumnBatch.Column,
    _ places: inout [FieldID: Int],
    rowCount: Int,
    _ field: (FieldID, ColumnType) -> FieldDefinition
  ) -> Int {
    if let known = places[column.field] { return known }
    places[column.field] = columns.count
    columns.append(
      Column(
        field: field(column.field, column.type),
        cells: Array(repeating: 0, count: rowCount),
        isPresent: rowCount > 0 ? Array(repeating: false, count: rowCount) : nil
      )
    )
    return columns.count - 1
  }

  /// Takes the strings of a batch over.
  ///
  /// - Returns: what is added to its cells; `nil` when there is no room.
  private mutating func takeStrings(of source: ColumnBatch) -> UInt64? {
    // A cell of a string holds its offset in the upper half.
    let shift = UInt64(strings.bytes.count) << 32
    guard source.columns.contains(where: { $0.type == .string }) else { return 0 }
    return strings.append(source.strings.bytes) == nil ? nil : shift
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
    guard let shift = takeStrings(of: source) else { return }
    for column in source.columns {
      let place = place(of: column, &places, rowCount: timestamps.count, field)
      let added = column.type == .string ? shift : 0
      // Taken out, so that they are nobody else's while they are written.
      var (cells, isPresent) = (columns[place].cells, columns[place].isPresent ?? [])
      columns[place].cells = []
      columns[place].isPresent = nil
      for (index, row) in rows.enumerated() {
        cells[row] = column.cells[index] &+ added
        isPresent[row] = true
      }
      columns[place].cells = cells
      columns[place].isPresent = isPresent
    }
  }
}
