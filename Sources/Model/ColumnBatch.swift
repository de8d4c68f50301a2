/// Rows of one series turned into columns: what every tier hands to a query.
public struct ColumnBatch: Sendable {
  /// One field's cells, parallel to the batch's timestamps.
  public struct Column: Sendable {
    public var field: FieldID
    public var type: ColumnType
    public var cells: [Cell]

    public init(field: FieldID, type: ColumnType, cells: [Cell]) {
      self.field = field
      self.type = type
      self.cells = cells
    }
  }

  /// Strictly ascending.
  public var timestamps: [Timestamp]
  public var columns: [Column]
  /// Behind the cells of string columns.
  public var strings: StringArena

  public init(
    timestamps: [Timestamp] = [],
    columns: [Column] = [],
    strings: StringArena = StringArena()
  ) {
    self.timestamps = timestamps
    self.columns = columns
    self.strings = strings
  }
}
