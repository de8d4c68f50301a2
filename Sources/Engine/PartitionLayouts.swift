internal import Blocks
internal import Catalog
internal import Model

/// What a worker knows of one layout, so that no row asks the catalog.
final class LayoutInfo: Sendable {
  let layout: LayoutID
  let tenant: TenantID
  let measurement: MeasurementID
  let series: SeriesID
  let fieldSet: FieldSetID
  /// The columns, in order.
  let fields: [FieldID]
  let types: [ColumnType]
  let columns: [(field: FieldID, type: ColumnType)]
  let hasStrings: Bool
  /// The series' place in the partition's own tables.
  let seriesSlot: Int
  /// The (tenant, measurement)'s place in the partition's ledger.
  let ledgerSlot: Int

  init(
    layout: LayoutID,
    tenant: TenantID,
    measurement: MeasurementID,
    series: SeriesID,
    fieldSet: FieldSetID,
    set: FieldSetColumns,
    seriesSlot: Int,
    ledgerSlot: Int
  ) {
    self.layout = layout
    self.tenant = tenant
    self.measurement = measurement
    self.series = series
    self.fieldSet = fieldSet
    fields = set.fields
    types = set.types
    columns = set.columns
    hasStrings = set.hasStrings
    self.seriesSlot = seriesSlot
    self.ledgerSlot = ledgerSlot
  }

  var width: Int { fields.count }
}

/// The columns of a field set, shared by all its layouts.
struct FieldSetColumns {
  let fields: [FieldID]
  let types: [ColumnType]
  let columns: [(field: FieldID, type: ColumnType)]
  let hasStrings: Bool

  init(fields: [FieldID], types: [ColumnType]) {
    self.fields = fields
    self.types = types
    columns = zip(fields, types).map { (field: $0, type: $1) }
    hasStrings = types.contains(.string)
  }
}

/// The layouts of one partition by id, and the layouts of each series. Grows from the catalog.
struct PartitionLayouts {
  /// The catalog's own table, which knows what is new.
  private var known: LayoutTable
  private(set) var infos: [LayoutInfo?] = []
  /// Parallel to `infos`.
  private(set) var hot: [RunLayout] = []
  /// By series slot: the newest timestamp that is in a block. A row not newer than it is late.
  var lastSealed: [Timestamp] = []
  /// Rows of any series up to this one may be in a block whose index cannot be read.
  private var sealedFloor: Timestamp = .min
  private var slots: [SeriesID: Int] = [:]
  /// Parallel to `lastSealed`.
  private(set) var seriesOfSlot: [SeriesID] = []
  /// By series slot: the series' first layout, and by layout: the next one of its series; -1 ends.
  private var firstLayout: [Int32] = []
  private var nextLayout: [Int32] = []
  private var fieldSets: [FieldSetID: FieldSetColumns] = [:]

  init(partition: PartitionID) { known = LayoutTable(partition: partition) }

  /// Learns the layouts that the catalog has handed out since the last call.
  mutating func refresh(from catalog: Catalog, ledger: inout LedgerBook) {
    for id in catalog.refresh(&known) {
      guard let definition = known[id] else { continue }
      let index = Int(id.rawValue)
      while infos.count <= index {
        infos.append(nil)
        hot.append(RunLayout())
        nextLayout.append(-1)
      }
      guard infos[index] == nil else { continue }
      let columns: FieldSetColumns
      if let known = fieldSets[definition.fieldSet] {
        columns = known
      } else {
        guard let set = catalog.fieldSet(definition.fieldSet) else { continue }
        columns = FieldSetColumns(fields: set.fields, types: set.types)
        fieldSets[definition.fieldSet] = columns
      }
      let slot = slot(of: definition.series)
      let info = LayoutInfo(
        layout: id,
        tenant: definition.tenant,
        measurement: definition.measurement,
        series: definition.series,
        fieldSet: definition.fieldSet,
        set: columns,
        seriesSlot: slot,
        ledgerSlot: ledger.slot(
          LedgerKey(tenant: definition.tenant, measurement: definition.measurement)
        )
      )
      infos[index] = info
      hot[index] = RunLayout(
        tenant: info.tenant,
        ledgerSlot: UInt32(info.ledgerSlot),
        width: UInt32(info.width)
      )
      nextLayout[index] = firstLayout[slot]
      firstLayout[slot] = Int32(index)
    }
  }

  /// The slot of a series, made when it is new.
  mutating func slot(of series: SeriesID) -> Int {
    if let slot = slots[series] { return slot }
    let slot = lastSealed.count
    slots[series] = slot
    lastSealed.append(sealedFloor)
    seriesOfSlot.append(series)
    firstLayout.append(-1)
    return slot
  }

  /// Takes every row up to `timestamp` for late: it is compared with what can be read, and its
  /// minute is folded anew. Right whatever is there, only slower.
  mutating func seal(upTo timestamp: Timestamp) {
    sealedFloor = max(sealedFloor, timestamp)
    for slot in lastSealed.indices { lastSealed[slot] = max(lastSealed[slot], sealedFloor) }
  }

  /// Takes rows that are not newer than those of a block for late.
  mutating func noteSealed(_ block: BlockReader) {
    do {
      try block.forEachGroup { entry in
        let slot = slot(of: entry.series)
        lastSealed[slot] = max(lastSealed[slot], entry.lastTimestamp)
      }
    } catch {
      seal(upTo: block.summary.lastTimestamp)
    }
  }

  func knownSlot(of series: SeriesID) -> Int? { slots[series] }

  /// The layouts of a series, oldest first.
  func layouts(ofSlot slot: Int) -> [LayoutInfo] {
    var result: [LayoutInfo] = []
    var index = firstLayout[slot]
    while index >= 0 {
      if let info = infos[Int(index)] { result.append(info) }
      index = nextLayout[Int(index)]
    }
    return result.reversed()
  }
}
