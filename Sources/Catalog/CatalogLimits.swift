/// What a catalog takes at most. A limit refuses what is new, never what is there; what a log holds
/// beyond a limit is read all the same.
public struct CatalogLimits: Sendable, Equatable {
  /// Series of all tenants together.
  public var seriesMax = 1_000_000
  public var tenantsMax = 10_000
  /// Measurements of all tenants together.
  public var measurementsMax = 100_000
  public var fieldsPerMeasurementMax = 100_000
  /// Fields of all measurements together.
  public var fieldsMax = 1_000_000
  public var fieldSetsMax = 1_000_000
  /// Columns of all field sets together, 4 bytes each.
  public var fieldSetColumnsMax = 32_000_000
  public var scaleTablesMax = 1_000_000
  /// Exponents of all scale tables together, one byte each.
  public var scaleTableByteCountMax = 64 << 20
  /// (series, field set) pairs of all partitions together.
  public var layoutsMax = 4_000_000
  /// Bytes of all distinct names and tag values together.
  public var nameByteCountMax = 512 << 20
  /// Bytes of one series' names and tags together.
  public var seriesByteCountMax = 4 << 20
  /// Bytes of records that wait for a sync; beyond, new names are refused.
  public var unsyncedByteCountMax = 64 << 20

  public init() {}
}
