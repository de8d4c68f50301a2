import Model
import Platform
import Query
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
  /// Partitions that refuse a view.
  var unavailable: Set<PartitionID> = []

  func measurement(_ name: [UInt8], of tenant: TenantID) -> MeasurementID? {
    name == measurementName && tenant == self.tenant ? MeasurementID(1) : nil
  }

  func fields(of measurement: MeasurementID) -> [FieldDefinition] { fieldDefinitions }

  func series(of measurement: MeasurementID, with tags: [Tag]) -> [SeriesID] {
    seriesDefinitions.filter { definition in
      tags.allSatisfy { definition.tags.contains($0) }
    }.map(\.id)
  }

  func definition(of series: SeriesID) -> SeriesDefinition? {
    seriesDefinitions.first { $0.id == series }
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
      windows: windows,
      open: FakeOpen(rows: open)
    )
  }

  func run(_ query: String, options: QueryOptions = QueryOptions()) throws -> RangeAnswer {
    try run(request(query), options: options)
  }

  func run(_ request: RangeRequest, options: QueryOptions = QueryOptions()) throws -> RangeAnswer {
    try RangeQuery.run(
      request,
      tenant: tenant,
      catalog: self,
      views: self,
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

/// One chunk group.
struct FakeRows: SealedRows {
  var batch: ColumnBatch
  var damage: String?

  var firstTimestamp: Timestamp { batch.timestamps.first ?? 0 }
  var lastTimestamp: Timestamp { batch.timestamps.last ?? 0 }
  var rowCount: Int { batch.timestamps.count }

  func columns(of fields: [FieldID], in range: TimeRange) throws(SealedRowsError) -> ColumnBatch {
    if let damage { throw SealedRowsError(damage) }
    return batch.clipped(to: range, fields: fields)
  }
}

struct FakeSealed: SealedRowsSource {
  var rows: [SeriesID: [FakeRows]]

  func groups(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> [any SealedRows] {
    (rows[series] ?? []).filter { rows in
      range.meets(first: rows.firstTimestamp, last: rows.lastTimestamp)
        && rows.batch.columns.contains { fields.contains($0.field) }
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

struct FakeWindows: WindowSource {
  struct Key: Hashable {
    var series: SeriesID
    var minute: Int64
  }

  struct Record {
    var windows: [FieldID: (type: ColumnType, window: Window)]
    var strings = StringArena()
    var isDamaged = false
  }

  var hours: [Int64] = []
  var records: [Key: Record] = [:]

  func look(up series: SeriesID, minute: Int64, into target: inout FieldWindows) -> WindowLookup {
    precondition(hours.contains(minute / 60))
    guard let record = records[Key(series: series, minute: minute)] else { return .absent }
    guard !record.isDamaged else { return .damaged }
    for (index, field) in target.fields.enumerated() {
      guard var entry = record.windows[field] else { continue }
      if entry.type == .string {
        entry.window.first = copy(entry.window.first, record.strings, &target.strings)
        entry.window.last = copy(entry.window.last, record.strings, &target.strings)
      }
      target.windows[index] = entry.window
    }
    return .found
  }

  private func copy(_ cell: Cell, _ source: StringArena, _ target: inout StringArena) -> Cell {
    target.append(Array(source.slice(cell) ?? [])) ?? 0
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
