internal import Catalog
internal import LineProtocol
internal import Model

/// Answers a receiver's questions about new names from the catalog. One per receiver, used on its
/// thread; asked once per new series, field set and scale table, never per row.
final class CatalogResolver: SchemaResolver {
  private let catalog: Catalog
  private let retention: Retention
  private var runs: LayoutRuns

  init(catalog: Catalog, retention: Retention) {
    self.catalog = catalog
    self.retention = retention
    runs = LayoutRuns()
  }

  func resolve(
    tenant: TenantID,
    measurement: [UInt8],
    tags: [Tag],
    fields: [FieldName]
  ) throws(SchemaRefusal) -> ResolvedLayout {
    try catalog.resolve(
      tenant: tenant,
      measurement: measurement,
      tags: tags,
      fields: fields,
      runs: &runs
    )
  }

  func scaleTable(fieldSet: FieldSetID, exponents: [UInt8]) -> ScaleTableID? {
    try? catalog.scaleTable(fieldSet: fieldSet, exponents: exponents)
  }

  var version: UInt64 { catalog.version }

  func oldestTimestamp(arrival: Timestamp) -> Timestamp {
    retention.oldestOfShortest(now: arrival)
  }

  func oldestTimestamp(
    tenant: TenantID,
    measurement: [UInt8],
    arrival: Timestamp
  ) -> Timestamp {
    retention.oldest(tenant: tenant, measurement: measurement, catalog, now: arrival)
  }
}
