internal import Blocks
internal import Catalog
internal import Model

extension Catalog {
  /// Learns what a block knows of names. In memory only, unless the catalog is synced.
  ///
  /// - Returns: what cannot be, in words.
  @discardableResult
  func relearn(_ found: BlockDefinitions) -> [String] {
    var definitions = CatalogDefinitions()
    definitions.tenants = [TenantDefinition(id: found.tenant, name: found.tenantName)]
    definitions.series = found.series
    definitions.fields = found.fields
    let types = Dictionary(
      found.fields.map { ($0.id, $0.type) },
      uniquingKeysWith: { first, _ in first }
    )
    definitions.fieldSets = found.fieldSets.map { set in
      FieldSetDefinition(
        id: set.id,
        measurement: set.measurement,
        fields: set.fields,
        types: set.fields.map { types[$0] ?? .float }
      )
    }
    return restore(definitions).refused
  }
}

extension Catalog {
  /// A field with its name; made up from its number when the catalog lost it.
  func fieldOrLost(_ id: FieldID, type: ColumnType) -> FieldDefinition {
    field(id)
      ?? FieldDefinition(
        id: id,
        measurement: MeasurementID(.max),
        name: Array("lost-field-\(id.rawValue)".utf8),
        type: type
      )
  }
}
