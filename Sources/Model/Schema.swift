/// A tag of a series. Compared bytewise.
public struct Tag: Hashable, Sendable, Comparable {
  public var key: [UInt8]
  public var value: [UInt8]

  public init(key: [UInt8], value: [UInt8]) {
    self.key = key
    self.value = value
  }

  public static func < (left: Self, right: Self) -> Bool {
    left.key == right.key
      ? left.value.lexicographicallyPrecedes(right.value)
      : left.key.lexicographicallyPrecedes(right.key)
  }
}

/// A field as a line names it.
public struct FieldName: Hashable, Sendable {
  public var name: [UInt8]
  public var type: ColumnType

  public init(name: [UInt8], type: ColumnType) {
    self.name = name
    self.type = type
  }
}

/// A column of a measurement.
public struct FieldDefinition: Hashable, Sendable {
  public var id: FieldID
  public var measurement: MeasurementID
  public var name: [UInt8]
  public var type: ColumnType

  public init(id: FieldID, measurement: MeasurementID, name: [UInt8], type: ColumnType) {
    self.id = id
    self.measurement = measurement
    self.name = name
    self.type = type
  }
}

/// A series with all that its identity is made of.
public struct SeriesDefinition: Hashable, Sendable {
  public var id: SeriesID
  public var tenant: TenantID
  public var measurement: MeasurementID
  public var measurementName: [UInt8]
  /// Sorted by key; keys are distinct.
  public var tags: [Tag]

  public init(
    id: SeriesID,
    tenant: TenantID,
    measurement: MeasurementID,
    measurementName: [UInt8],
    tags: [Tag]
  ) {
    self.id = id
    self.tenant = tenant
    self.measurement = measurement
    self.measurementName = measurementName
    self.tags = tags
  }
}

/// What the names of one line stand for.
public struct ResolvedLayout: Hashable, Sendable {
  public var measurement: MeasurementID
  public var series: SeriesID
  public var partition: PartitionID
  public var layout: LayoutID
  public var fieldSet: FieldSetID
  /// For each given field, in line order, its column in the field set.
  public var columnOf: [Int]
  /// The types of the field set's columns, in column order.
  public var types: [ColumnType]

  public init(
    measurement: MeasurementID,
    series: SeriesID,
    partition: PartitionID,
    layout: LayoutID,
    fieldSet: FieldSetID,
    columnOf: [Int],
    types: [ColumnType]
  ) {
    self.measurement = measurement
    self.series = series
    self.partition = partition
    self.layout = layout
    self.fieldSet = fieldSet
    self.columnOf = columnOf
    self.types = types
  }
}

/// Why names were refused; always the line's fault, never the server's.
public enum SchemaRefusal: Error, Hashable, Sendable {
  /// Field number `field` of the line is a column of type `existing`.
  case typeConflict(measurement: MeasurementID, field: Int, existing: ColumnType)
  /// A limit was reached; `message` names the thing and the limit.
  case limit(measurement: MeasurementID?, reason: RefusalReason, message: String)
}
