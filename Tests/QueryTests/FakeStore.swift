import Bytes
import Catalog
import Model
import Platform
import Query
import Rollup
import Synchronization

/// A catalog, blocks, a ring and open rows that are plain arrays.
struct FakeStore: QueryCatalog, ViewProvider {
  var tenant = TenantID.default
  var measurementName = Array("node".utf8)
  var fieldDefinitions: [FieldDefinition] = []
  var seriesDefinitions: [SeriesDefinition] = []
  var partitionCount: UInt32 = 3
  var sealed: [SeriesID: [FakeRows]] = [:]
  var windows = FakeWindows()
  var open: [SeriesID: OpenRows] = [:]
  var unknownFieldSets: Set<FieldSetID> = []
  /// Partitions that refuse a view.
  var unavailable: Set<PartitionID> = []

  func measurement(tenant: TenantID, named name: [UInt8]) -> MeasurementID? {
    name == measurementName && tenant == self.tenant ? MeasurementID(1) : nil
  }

  func fields(of measurement: MeasurementID) -> [FieldDefinition] { fieldDefinitions }

  func field(measurement: MeasurementID, named name: [UInt8]) -> FieldDefinition? {
    fieldDefinitions.first { $0.name == name }
  }

  func fieldSet(_ id: FieldSetID) -> FieldSetDefinition? {
    guard !unknownFieldSets.contains(id) else { return nil }
    let fields = fieldDefinitions.filter { id.rawValue & 1 << $0.id.rawValue != 0 }
    return FieldSetDefinition(
      id: id,
      measurement: MeasurementID(1),
      fields: fields.map(\.id),
      types: fields.map(\.type)
    )
  }

  func series(measurement: MeasurementID, tags: [Tag]) -> [SeriesID] {
    seriesDefinitions.filter { definition in
      tags.allSatisfy { definition.tags.contains($0) }
    }.map(\.id)
  }

  func series(_ ids: [SeriesID]) -> [SeriesDefinition?] {
    ids.map { id in seriesDefinitions.first { $0.id == id } }
  }

  func partition(of series: SeriesID) -> PartitionID? {
    PartitionID(UInt16(series.rawValue % partitionCount))
  }

  func view(
    of partition: PartitionID,
    series: [SeriesID],
    in range: TimeRange
  ) throws(QueryError) -> PartitionView {
    guard !unavailable.contains(partition) else {
      throw QueryError(.unavailable, "partition \(partition.rawValue) is replaying")
    }
    for id in series { precondition(self.partition(of: id) == partition) }
    return PartitionView(
      sealed: FakeSealed(rows: sealed),
      ring: windows,
      open: FakeOpen(rows: open)
    )
  }

  func run(
    _ query: String,
    options: QueryOptions = QueryOptions(),
    helpers: (any QueryHelpers)? = nil
  ) throws -> RangeAnswer {
    try run(request(query), options: options, helpers: helpers)
  }

  func run(
    _ request: RangeRequest,
    options: QueryOptions = QueryOptions(),
    helpers: (any QueryHelpers)? = nil
  ) throws -> RangeAnswer {
    try RangeQuery.run(
      request,
      tenant: tenant,
      catalog: self,
      views: self,
      helpers: helpers,
      clock: TickingClock(),
      options: options
    )
  }
}

/// Each look is a microsecond after the one before.
final class TickingClock: Clock {
  private let ticks = Atomic<UInt64>(0)
  func now() -> Int64 { noon }
  func monotonic() -> UInt64 { ticks.add(1_000, ordering: .relaxed).newValue }
}

/// The field set of these fields: one bit each.
func fieldSetID(of fields: some Sequence<FieldID>) -> FieldSetID {
  FieldSetID(fields.reduce(0) { $0 | 1 << $1.rawValue })
}

/// One chunk group.
struct FakeRows: SealedRows {
  var batch: ColumnBatch
  var damage: String?

  var fieldSet: FieldSetID { fieldSetID(of: batch.columns.map(\.field)) }
  var firstTimestamp: Timestamp { batch.timestamps.first ?? 0 }
  var lastTimestamp: Timestamp { batch.timestamps.last ?? 0 }
  var rowCount: Int { batch.timestamps.count }

  func columns(of fields: [FieldID], in range: TimeRange) throws(UnreadableRows) -> ColumnBatch {
    if let damage { throw UnreadableRows(damage) }
    return batch.clipped(to: range, fields: fields)
  }
}

struct FakeSealed: SealedRowsSource {
  var rows: [SeriesID: [FakeRows]]

  func groups(
    of series: SeriesID,
    tenant: TenantID,
    in range: TimeRange,
    failures: inout [String]
  ) -> [any SealedRows] {
    (rows[series] ?? []).filter { rows in
      range.meets(first: rows.firstTimestamp, last: rows.lastTimestamp)
    }
  }
}

struct FakeOpen: OpenRowsSource {
  var rows: [SeriesID: OpenRows]

  func rowCountMax(of series: SeriesID) -> Int { rows[series]?.rowCount ?? 0 }

  func openRows(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> OpenRows {
    guard let open = rows[series] else { return OpenRows() }
    func clipped(_ batches: [ColumnBatch]) -> [ColumnBatch] {
      batches.map { $0.clipped(to: range, fields: fields) }
        .filter { !$0.timestamps.isEmpty && !$0.columns.isEmpty }
    }
    let (fresh, late) = (clipped(open.fresh), clipped(open.late))
    let count = (fresh + late).reduce(0) { $0 + $1.timestamps.count }
    return OpenRows(fresh: fresh, late: late, rowCount: count)
  }
}

/// Window records, encoded when they are asked for.
struct FakeWindows: WindowRecordSource {
  struct Key: Hashable {
    var series: SeriesID
    var minute: Int64
  }

  struct Record {
    var windows: [FieldID: (type: ColumnType, window: Window)]
    var strings = StringArena()
    var damage: Damage?
  }

  /// How a record is damaged: known to the ring, or found out when it is read.
  enum Damage: CaseIterable { case checksum, length, version }

  var coveredHours: [Int64] = []
  var records: [Key: Record] = [:]

  func withRecord(
    series: SeriesID,
    minute: Int64,
    _ body: (Span<UInt8>) -> Bool
  ) -> WindowLookup {
    precondition(coveredHours.contains(minute / 60))
    guard let record = records[Key(series: series, minute: minute)] else { return .absent }
    guard record.damage != .checksum else { return .damaged }
    let fields = record.windows.keys.sorted()
    let entries = fields.compactMap { record.windows[$0] }
    var writer = OutputBuffer()
    WindowRecord.encode(
      fieldSet: fieldSetID(of: fields),
      minute: minute,
      types: entries.map(\.type),
      windows: entries.map(\.window),
      strings: record.strings,
      into: &writer
    )
    var bytes = writer.array()
    if record.damage == .length { bytes.removeLast(bytes.count / 2) }
    if record.damage == .version { bytes[0] = 0 }
    return body(bytes.span) ? .found : .damaged
  }
}

extension ColumnBatch {
  func clipped(to range: TimeRange, fields: [FieldID]) -> ColumnBatch {
    let rows = timestamps.indices.filter { range.contains(timestamps[$0]) }
    return ColumnBatch(
      timestamps: rows.map { timestamps[$0] },
      columns: columns.filter { fields.contains($0.field) }.map { column in
        Column(field: column.field, type: column.type, cells: rows.map { column.cells[$0] })
      },
      strings: strings
    )
  }
}
