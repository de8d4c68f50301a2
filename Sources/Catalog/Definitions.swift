public import Model

/// The columns of a row: ascending, distinct fields of one measurement, with their types.
public struct FieldSetDefinition: Hashable, Sendable {
  public var id: FieldSetID
  public var measurement: MeasurementID
  public var fields: [FieldID]
  /// Parallel to `fields`.
  public var types: [ColumnType]

  public init(
    id: FieldSetID,
    measurement: MeasurementID,
    fields: [FieldID],
    types: [ColumnType]
  ) {
    self.id = id
    self.measurement = measurement
    self.fields = fields
    self.types = types
  }
}

/// What a row's layout stands for.
@frozen public struct LayoutDefinition: Hashable, Sendable {
  public var series: SeriesID
  public var fieldSet: FieldSetID
  public var measurement: MeasurementID
  public var tenant: TenantID

  @inlinable
  public init(
    series: SeriesID,
    fieldSet: FieldSetID,
    measurement: MeasurementID,
    tenant: TenantID
  ) {
    self.series = series
    self.fieldSet = fieldSet
    self.measurement = measurement
    self.tenant = tenant
  }
}

/// A measurement with its name.
public struct MeasurementDefinition: Hashable, Sendable {
  public var id: MeasurementID
  public var tenant: TenantID
  public var name: [UInt8]

  public init(id: MeasurementID, tenant: TenantID, name: [UInt8]) {
    self.id = id
    self.tenant = tenant
    self.name = name
  }
}

/// A tenant with its name.
public struct TenantDefinition: Hashable, Sendable {
  public var id: TenantID
  public var name: [UInt8]

  public init(id: TenantID, name: [UInt8]) {
    self.id = id
    self.name = name
  }
}

/// How much a catalog holds, for metrics.
public struct CatalogStatistics: Hashable, Sendable {
  public var tenants = 0
  public var measurements = 0
  public var fields = 0
  public var fieldSets = 0
  public var series = 0
  public var layouts = 0
  public var scaleTables = 0
  /// Memory of all tables.
  public var byteCount = 0
  /// Records that wait for a sync.
  public var unsyncedByteCount = 0

  public init() {}
}
