public import Model

/// The names behind a block's identifiers: all that a reader without the catalog needs, and what a
/// catalog that lost them is re-taught from.
public struct BlockDefinitions: Hashable, Sendable {
  /// The fields of a row, ascending by id.
  public struct FieldSet: Hashable, Sendable {
    public var id: FieldSetID
    public var measurement: MeasurementID
    public var fields: [FieldID]

    public init(id: FieldSetID, measurement: MeasurementID, fields: [FieldID]) {
      self.id = id
      self.measurement = measurement
      self.fields = fields
    }
  }

  public var tenant: TenantID
  public var tenantName: [UInt8]
  /// Each list ascending by id. Fields and field sets of a measurement that has no series here are
  /// not stored.
  public var fields: [FieldDefinition]
  public var fieldSets: [FieldSet]
  public var series: [SeriesDefinition]

  public init(
    tenant: TenantID,
    tenantName: [UInt8],
    fields: [FieldDefinition] = [],
    fieldSets: [FieldSet] = [],
    series: [SeriesDefinition] = []
  ) {
    self.tenant = tenant
    self.tenantName = tenantName
    self.fields = fields
    self.fieldSets = fieldSets
    self.series = series
  }

  /// The payload of the definitions section.
  package func encoded() -> [UInt8] { DefinitionsWriter.payload(of: self) }

  /// Reads the payload of the definitions section.
  package static func decode(_ payload: [UInt8]) throws(BlockError) -> BlockDefinitions {
    try DefinitionsReader.definitions(payload.span)
  }

  /// The definition of a series, by binary search.
  public func definition(of id: SeriesID) -> SeriesDefinition? {
    var low = 0
    var high = series.count
    while low < high {
      let middle = (low + high) / 2
      if series[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < series.count && series[low].id == id ? series[low] : nil
  }
}
