internal import Blocks
internal import Model
internal import Query
internal import Ring
internal import Rollup

/// The sealed rows of a view: chunk groups of its blocks, oldest offsets first.
struct SealedView: SealedRowsSource {
  let blocks: [BlockReader]

  func groups(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> [any SealedRows] {
    var result: [any SealedRows] = []
    for block in blocks where block.summary.meets(range) {
      guard let entries = try? block.groups(series: series) else { continue }
      for entry in entries
      where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
        result.append(Group(block: block, entry: entry))
      }
    }
    return result
  }

  private struct Group: SealedRows {
    let block: BlockReader
    let entry: ChunkGroupEntry

    var firstTimestamp: Timestamp { entry.firstTimestamp }
    var lastTimestamp: Timestamp { entry.lastTimestamp }
    var rowCount: Int { entry.rowCount }

    func columns(
      of fields: [FieldID], in range: TimeRange
    ) throws(SealedRowsError) -> ColumnBatch {
      do throws(BlockError) {
        return try block.read(entry, fields: fields, range: range)
      } catch {
        throw SealedRowsError("\(block.path): \(error)")
      }
    }
  }
}

/// The minute windows of a view.
struct WindowView: WindowSource {
  let ring: RingSnapshot
  let columns: FieldSets

  var hours: [Int64] { ring.coveredHours }

  func look(up series: SeriesID, minute: Int64, into target: inout FieldWindows) -> WindowLookup {
    switch ring.record(series: series, minute: minute) {
    case .absent: return .absent
    case .damaged: return .damaged
    case .found(let bytes):
      return columns.decode(bytes, minute: minute, into: &target) ? .found : .damaged
    }
  }
}

/// The open rows of a view.
struct OpenView: OpenRowsSource {
  let store: StoreView

  func openRows(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> OpenRows {
    let rows = store.openRows(of: series, fields: Set(fields), range: range)
    return OpenRows(fresh: rows.fresh, late: rows.late, rowCount: rows.rowCount)
  }
}

extension StoreView {
  /// The view as Query reads it.
  var partitionView: PartitionView {
    PartitionView(
      sealed: SealedView(blocks: blocks), windows: WindowView(ring: ring, columns: fieldSets),
      open: OpenView(store: self))
  }
}

/// Names of the catalog, as Query asks for them.
struct CatalogNames: QueryCatalog {
  let catalog: Catalog

  func measurement(_ name: [UInt8], of tenant: TenantID) -> MeasurementID? {
    catalog.measurement(tenant: tenant, named: name)
  }
  func fields(of measurement: MeasurementID) -> [FieldDefinition] { catalog.fields(of: measurement) }
  func series(of measurement: MeasurementID, with tags: [Tag]) -> [SeriesID] {
    catalog.series(measurement: measurement, tags: tags)
  }
  func definition(of series: SeriesID) -> SeriesDefinition? { catalog.series(series) }
  func partition(of series: SeriesID) -> PartitionID? { catalog.partition(of: series) }
}
