public import Blocks
public import Model
public import Ring

/// One state of a partition: immutable, readable on any thread. Open rows, ring and blocks belong
/// to the same manifest.
public struct PartitionView: Sendable {
  let sealed: any SealedRowsSource & Sendable
  let ring: any WindowRecordSource & Sendable
  let open: any OpenRowsSource
  let rollups: RollupSet
  /// Blocks that are there and cannot be opened now.
  private(set) var unread: [BlockSummary] = []

  /// - Parameters:
  ///   - blocks: oldest offsets first; of any tenant.
  ///   - unread: others that cannot be opened now.
  public init(
    blocks: [BlockReader],
    unread: [BlockSummary] = [],
    ring: RingSnapshot,
    open: any OpenRowsSource,
    rollups: RollupSet = .none
  ) {
    self.init(sealed: BlockRowsSource(blocks), ring: ring, open: open, rollups: rollups)
    self.unread = unread
  }

  package init(
    sealed: any SealedRowsSource & Sendable,
    ring: any WindowRecordSource & Sendable,
    open: any OpenRowsSource,
    rollups: RollupSet = .none
  ) {
    self.sealed = sealed
    self.ring = ring
    self.open = open
    self.rollups = rollups
  }
}

/// Hands out views. May block until what was acknowledged before the query is applied.
public protocol ViewProvider: Sendable {
  /// - Parameters:
  ///   - series: series of `partition`; the view need not know the open rows of others.
  ///   - range: the times that will be read.
  func view(
    of partition: PartitionID,
    series: [SeriesID],
    in range: TimeRange
  ) throws(QueryError) -> PartitionView
  /// The same of several partitions at once.
  func views(
    of partitions: [(partition: PartitionID, series: [SeriesID])],
    in range: TimeRange
  ) throws(QueryError) -> [PartitionView]
}

extension ViewProvider {
  public func views(
    of partitions: [(partition: PartitionID, series: [SeriesID])],
    in range: TimeRange
  ) throws(QueryError) -> [PartitionView] {
    var views: [PartitionView] = []
    for (partition, series) in partitions {
      views.append(try view(of: partition, series: series, in: range))
    }
    return views
  }
}

/// All open rows of a partition at one moment.
public protocol OpenRowsSource: Sendable {
  /// At least as many rows as ``openRows(of:fields:in:)`` would decode; cheap.
  func rowCountMax(of series: SeriesID) -> Int
  /// The same of the rows in `range`; exact where there are many, which are gone through then.
  func rowCountMax(of series: SeriesID, in range: TimeRange) -> Int
  /// Decodes the columns of `fields` of the open rows in `range`.
  func openRows(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> OpenRows
  /// A way to read the same rows bit by bit, where they are too many to be read at once.
  func stretches(
    of series: SeriesID,
    fields: [FieldID],
    in range: TimeRange
  ) -> (any OpenStretches)?
}

extension OpenRowsSource {
  public func rowCountMax(of series: SeriesID, in range: TimeRange) -> Int {
    rowCountMax(of: series)
  }

  public func stretches(
    of series: SeriesID,
    fields: [FieldID],
    in range: TimeRange
  ) -> (any OpenStretches)? { nil }
}

/// Many open rows of one series.
public protocol OpenStretches: Sendable {
  /// Times that hold about as many rows each: ascending, without gaps between them, all rows.
  var ranges: [TimeRange] { get }
  /// Rows from here on are fresh, others late.
  var freshStart: Timestamp { get }
  /// How many rows ``rows(in:)`` goes through.
  func rowCount(in range: TimeRange) -> Int
  func rows(in range: TimeRange) -> OpenRows
}

/// Rows of one series that no cut has sealed yet.
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

  /// Memory of one row while rows are collected and sorted, beside its columns.
  static let referenceByteCount = 72

  /// Memory of all batches.
  var byteCount: Int { (fresh + late).reduce(0) { $0 + $1.byteCount } }
}

/// The window records of a partition's sealed rows.
package protocol WindowRecordSource {
  /// The same for one thread that goes from series to series, ascending.
  func scan() -> any WindowRecordSource
  /// Hours since the epoch of which every sealed row is in a record, ascending.
  var coveredHours: [Int64] { get }
  /// Lends the record of one minute of a series in one of ``coveredHours``.
  ///
  /// - Parameter body: says `false` of bytes that make no sense.
  func withRecord(
    series: SeriesID,
    minute: Int64,
    _ body: (Span<UInt8>) -> Bool
  ) -> WindowLookup
  /// The windows of a series in one of ``coveredHours``, when it is frozen.
  func frozen(series: SeriesID, hour: Int64) -> FrozenLookup
  /// A bit for each minute of a frozen hour that has a record, which replaces what was frozen.
  func patches(series: SeriesID, hour: Int64) -> UInt64
}

extension WindowRecordSource {
  package func scan() -> any WindowRecordSource { self }
  package func frozen(series: SeriesID, hour: Int64) -> FrozenLookup { .open }
  package func patches(series: SeriesID, hour: Int64) -> UInt64 { 0 }
}

package enum WindowLookup: Hashable, Sendable {
  /// The minute has no sealed row of the series.
  case absent
  /// What is stored of the minute cannot be believed: raw rows answer for it.
  case damaged
  case found
}

extension RingSnapshot: WindowRecordSource {
  package func scan() -> any WindowRecordSource { RingScan(self) }

  package func withRecord(
    series: SeriesID,
    minute: Int64,
    _ body: (Span<UInt8>) -> Bool
  ) -> WindowLookup {
    record(series: series, minute: minute).lend(to: body)
  }
}

extension RingLookup {
  fileprivate func lend(to body: (Span<UInt8>) -> Bool) -> WindowLookup {
    switch self {
    case .absent: .absent
    case .damaged: .damaged
    case .found(let record): body(record.bytes) ? .found : .damaged
    }
  }
}

extension RingScan: WindowRecordSource {
  package func withRecord(
    series: SeriesID,
    minute: Int64,
    _ body: (Span<UInt8>) -> Bool
  ) -> WindowLookup {
    record(series: series, minute: minute).lend(to: body)
  }
}

/// All sealed rows of a partition at one moment.
package protocol SealedRowsSource {
  /// The same for one thread that goes from series to series, ascending.
  func scan() -> any SealedRowsSource
  /// The groups that may hold rows of a series in `range`, oldest offsets first: where two hold the
  /// same point, the later one wins.
  ///
  /// - Parameter failures: gets what could not be looked up, by file and cause.
  func groups(
    of series: SeriesID,
    tenant: TenantID,
    in range: TimeRange,
    failures: inout [String]
  ) -> [any SealedRows]
}

extension SealedRowsSource {
  package func scan() -> any SealedRowsSource { self }
}

/// Rows of one series and field set that lie sealed in one place: a chunk group of a block.
package protocol SealedRows: Sendable {
  var fieldSet: FieldSetID { get }
  /// Inclusive, both.
  var firstTimestamp: Timestamp { get }
  var lastTimestamp: Timestamp { get }
  var rowCount: Int { get }
  /// Whether they lie in a cold store.
  var isCold: Bool { get }
  /// Decodes the columns of `fields` that are here, for rows in `range`; reads the disk.
  ///
  /// - Throws: ``UnreadableRows`` when the stored bytes cannot be read.
  func columns(
    of fields: [FieldID],
    in range: TimeRange
  ) throws(UnreadableRows) -> ColumnBatch
  /// The same for a caller with a budget.
  ///
  /// - Parameter claim: told how many bytes of strings a column adds before they are decoded; when
  ///   it says no, what is returned means nothing.
  func columns(
    of fields: [FieldID],
    in range: TimeRange,
    claim: (Int) -> Bool
  ) throws(UnreadableRows) -> ColumnBatch
  /// What the columns of `fields` that are here say of themselves, all rows together; `nil` when
  /// that is nothing. Reads the disk.
  func statistics(of fields: [FieldID]) throws(UnreadableRows) -> GroupStatistics?
  /// The last row, and how many columns were decoded for it; reads the disk.
  func lastRow(
    of fields: [FieldID]
  ) throws(UnreadableRows) -> (row: ColumnBatch, decodedCount: Int)
}

extension SealedRows {
  package var isCold: Bool { false }

  package func columns(
    of fields: [FieldID],
    in range: TimeRange,
    claim: (Int) -> Bool
  ) throws(UnreadableRows) -> ColumnBatch {
    try columns(of: fields, in: range)
  }

  package func statistics(of fields: [FieldID]) throws(UnreadableRows) -> GroupStatistics? { nil }

  package func lastRow(
    of fields: [FieldID]
  ) throws(UnreadableRows) -> (row: ColumnBatch, decodedCount: Int) {
    let end = TimeRange(start: lastTimestamp, end: lastTimestamp &+ 1)
    let row = try columns(of: fields, in: end)
    return (row, row.columns.count)
  }
}

/// Stored rows that cannot be read. The message names file and cause.
package struct UnreadableRows: Error, Hashable, Sendable {
  package var message: String
  package init(_ message: String) { self.message = message }
}
