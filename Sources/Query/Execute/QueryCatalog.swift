public import Catalog
public import Model

/// What a query asks of the catalog. Thread-safe.
public protocol QueryCatalog: Sendable {
  func measurement(tenant: TenantID, named name: [UInt8]) -> MeasurementID?
  /// All fields of a measurement, in any order.
  func fields(of measurement: MeasurementID) -> [FieldDefinition]
  func field(measurement: MeasurementID, named name: [UInt8]) -> FieldDefinition?
  /// A field set with its columns' types; `nil` for one that is not known.
  func fieldSet(_ id: FieldSetID) -> FieldSetDefinition?
  /// The series of a measurement that have all of `tags`, in any order.
  func series(measurement: MeasurementID, tags: [Tag]) -> [SeriesID]
  /// How many that may be at most, told without looking at them.
  func seriesCountMax(measurement: MeasurementID, tags: [Tag]) -> Int
  /// Definitions, parallel to `ids`; `nil` for one that is not known.
  func series(_ ids: [SeriesID]) -> [SeriesDefinition?]
  func partition(of series: SeriesID) -> PartitionID?
  /// The tags and partitions of series, those left out that are not known.
  func labels(of ids: [SeriesID]) -> SeriesLabels
}

extension QueryCatalog {
  public func seriesCountMax(measurement: MeasurementID, tags: [Tag]) -> Int {
    series(measurement: measurement, tags: tags).count
  }

  public func labels(of ids: [SeriesID]) -> SeriesLabels {
    var labels = SeriesLabels()
    var numbers: [Tag: UInt32] = [:]
    for (id, definition) in zip(ids, series(ids)) {
      guard let definition, let partition = partition(of: id) else { continue }
      let tags = definition.tags.map { tag in
        if let number = numbers[tag] { return number }
        let number = labels.add(tag)
        numbers[tag] = number
        return number
      }
      labels.add(id, in: partition, tags: tags)
    }
    return labels
  }
}

extension Catalog: QueryCatalog {}

/// Field sets that a query has met: chunk groups and window records name theirs by id.
struct FieldSetCache {
  struct Columns {
    let types: [ColumnType]
    let fields: [FieldID]
    let index: [FieldID: Int]
  }

  private let catalog: any QueryCatalog
  private var known: [FieldSetID: Columns?] = [:]
  /// The last one that was asked for.
  private var latest: (id: FieldSetID, columns: Columns)?

  init(_ catalog: any QueryCatalog) { self.catalog = catalog }

  /// The columns of a set, or `nil` when the catalog does not know it.
  mutating func columns(of id: FieldSetID) -> Columns? {
    if let latest, latest.id == id { return latest.columns }
    if let columns = known[id] {
      if let columns { latest = (id, columns) }
      return columns
    }
    let columns = catalog.fieldSet(id).map { definition in
      Columns(
        types: definition.types,
        fields: definition.fields,
        index: Dictionary(
          definition.fields.enumerated().map { ($1, $0) },
          uniquingKeysWith: { first, _ in first }
        )
      )
    }
    known[id] = .some(columns)
    return columns
  }

  /// Whether rows of the set may hold any of `fields`. What is not known may.
  mutating func mayHold(_ fields: [FieldID], in id: FieldSetID) -> Bool {
    guard let columns = columns(of: id) else { return true }
    return fields.contains { columns.index[$0] != nil }
  }
}
