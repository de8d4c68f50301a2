public import Model

/// Names of the catalog that a query asks for. Thread-safe.
public protocol QueryCatalog: Sendable {
  func measurement(_ name: [UInt8], of tenant: TenantID) -> MeasurementID?
  /// All fields of a measurement, in any order.
  func fields(of measurement: MeasurementID) -> [FieldDefinition]
  /// The series of a measurement that have all of `tags`, in any order.
  func series(of measurement: MeasurementID, with tags: [Tag]) -> [SeriesID]
  func definition(of series: SeriesID) -> SeriesDefinition?
  func partition(of series: SeriesID) -> PartitionID?
}

/// Rows of one series that lie sealed in one place: a chunk group of a block.
public protocol SealedRows: Sendable {
  var firstTimestamp: Timestamp { get }
  var lastTimestamp: Timestamp { get }
  var rowCount: Int { get }
  /// Decodes the columns of `fields` that are here, for rows in `range`; may read the disk.
  ///
  /// - Throws: ``SealedRowsError`` when the stored bytes cannot be read.
  func columns(
    of fields: [FieldID],
    in range: TimeRange
  ) throws(SealedRowsError) -> ColumnBatch
}

/// Stored rows that cannot be read. The message names file and cause.
public struct SealedRowsError: Error, Hashable, Sendable {
  public var message: String
  public init(_ message: String) { self.message = message }
}

/// All sealed rows of a partition at one moment.
public protocol SealedRowsSource: Sendable {
  /// Groups that may hold any of `fields` in `range`, oldest offsets first: the later one wins.
  func groups(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> [any SealedRows]
}

/// Minute windows of a partition's sealed rows: the hot ring.
public protocol WindowSource: Sendable {
  /// Hours since the epoch of which every sealed row is in a window, ascending.
  var hours: [Int64] { get }
  /// Looks up one minute of a series in one of ``hours``.
  ///
  /// - Parameter target: gets the windows of ``FieldWindows/fields``; `nil` where the minute has no
  ///   value of a field.
  func look(up series: SeriesID, minute: Int64, into target: inout FieldWindows) -> WindowLookup
}

public enum WindowLookup: Hashable, Sendable {
  /// The minute has no sealed row of the series.
  case absent
  /// The record is there and cannot be believed: raw rows answer for it.
  case damaged
  case found
}

/// The windows of some fields in one minute.
public struct FieldWindows: Sendable {
  /// The fields asked for.
  public let fields: [FieldID]
  /// Parallel to `fields`.
  public var windows: [Window?]
  /// Behind the `first` and `last` of string columns.
  public var strings = StringArena()

  public init(fields: [FieldID]) {
    self.fields = fields
    windows = Array(repeating: nil, count: fields.count)
  }

  /// Forgets the windows and keeps the memory.
  public mutating func removeAll() {
    for index in windows.indices { windows[index] = nil }
    strings.removeAll()
  }
}

/// Rows that no cut has sealed yet, of one series.
public struct OpenRows: Sendable {
  /// Rows newer than every sealed row of the series; where two hold the same field and timestamp,
  /// the later batch wins.
  public var fresh: [ColumnBatch]
  /// All others, by the same rule; they win over sealed rows.
  public var late: [ColumnBatch]
  /// Rows behind both.
  public var rowCount: Int

  public init(fresh: [ColumnBatch] = [], late: [ColumnBatch] = [], rowCount: Int = 0) {
    self.fresh = fresh
    self.late = late
    self.rowCount = rowCount
  }
}

/// All open rows of a partition at one moment.
public protocol OpenRowsSource: Sendable {
  /// At least as many rows as ``openRows(of:fields:in:)`` would decode; cheap.
  func rowCountMax(of series: SeriesID) -> Int
  /// Decodes the columns of `fields` of the open rows in `range`.
  func openRows(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> OpenRows
}

/// One state of a partition: immutable, readable on any thread. Open rows, windows and blocks belong
/// to the same manifest.
public struct PartitionView: Sendable {
  let sealed: any SealedRowsSource
  let windows: any WindowSource
  let open: any OpenRowsSource

  public init(
    sealed: any SealedRowsSource,
    windows: any WindowSource,
    open: any OpenRowsSource
  ) {
    self.sealed = sealed
    self.windows = windows
    self.open = open
  }
}

/// Hands out views. May block until what was acknowledged before the query is applied.
public protocol ViewProvider: Sendable {
  /// - Parameters:
  ///   - series: series of `partition`; the view need not know others.
  ///   - range: the times that will be read.
  func view(
    of partition: PartitionID,
    series: [SeriesID],
    in range: TimeRange
  ) throws(QueryError) -> PartitionView
}
