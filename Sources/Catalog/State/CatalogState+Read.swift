internal import Model

extension CatalogState {
  func tenantDefinition(_ id: TenantID) -> TenantDefinition? {
    tenants.name(id.rawValue).map { TenantDefinition(id: id, name: symbols[$0]) }
  }

  func measurementDefinition(_ id: MeasurementID) -> MeasurementDefinition? {
    guard let found = measurements.definition(id.rawValue) else { return nil }
    return MeasurementDefinition(
      id: id,
      tenant: TenantID(found.tenant),
      name: symbols[found.name]
    )
  }

  func fieldDefinition(_ id: FieldID) -> FieldDefinition? {
    guard let found = fields.definition(id.rawValue) else { return nil }
    return FieldDefinition(
      id: id,
      measurement: MeasurementID(found.measurement),
      name: symbols[found.name],
      type: found.type
    )
  }

  func fieldSetDefinition(_ id: FieldSetID) -> FieldSetDefinition? {
    guard let measurement = fieldSets.measurement(of: id.rawValue) else { return nil }
    let columns = fieldSets.fields(of: id.rawValue)
    var types: [ColumnType] = []
    types.reserveCapacity(columns.count)
    for column in columns {
      guard let field = fields.definition(column) else { return nil }
      types.append(field.type)
    }
    return FieldSetDefinition(
      id: id,
      measurement: MeasurementID(measurement),
      fields: columns.map { FieldID($0) },
      types: types
    )
  }

  func seriesDefinition(_ id: SeriesID) -> SeriesDefinition? {
    guard let measurement = series.measurement(of: id.rawValue),
      let found = measurements.definition(measurement)
    else { return nil }
    return SeriesDefinition(
      id: id,
      tenant: TenantID(found.tenant),
      measurement: MeasurementID(measurement),
      measurementName: symbols[found.name],
      tags: tags(of: id.rawValue)
    )
  }

  /// The tags of a defined series, ascending by key.
  func tags(of id: UInt32) -> [Tag] {
    series.pairs(of: id).map { pair in
      let tag = index.tag(pair)
      return Tag(key: symbols[tag.key], value: symbols[tag.value])
    }
  }

  func layoutDefinition(_ partition: Int, _ id: UInt32) -> LayoutDefinition? {
    guard let found = layouts[partition].definition(id),
      let measurement = series.measurement(of: found.series),
      let tenant = measurements.definition(measurement)?.tenant
    else { return nil }
    return LayoutDefinition(
      series: SeriesID(found.series),
      fieldSet: FieldSetID(found.fieldSet),
      measurement: MeasurementID(measurement),
      tenant: TenantID(tenant)
    )
  }

  /// The series of a measurement that carry all `tags`, ascending: the shortest list is read and
  /// filtered by the series' own tags, so the cost is that of the rarest tag.
  func series(_ measurement: UInt32, matching tags: [Tag]) -> [UInt32] {
    guard let pairs = pairs(measurement, tags) else { return [] }
    let rarest = pairs.min { index.seriesCount(of: $0) < index.seriesCount(of: $1) }
    guard let rarest else { return series.series(of: measurement) }
    let others = pairs.filter { $0 != rarest }
    let candidates = index.series(of: rarest)
    if others.isEmpty { return candidates }
    return candidates.filter { candidate in
      let own = series.pairs(of: candidate)
      return others.allSatisfy { own.contains($0) }
    }
  }

  /// Series of the rarest of `tags` at most carry all of them.
  func seriesCountMax(_ measurement: UInt32, matching tags: [Tag]) -> Int {
    guard let pairs = pairs(measurement, tags) else { return 0 }
    return pairs.map { Int(index.seriesCount(of: $0)) }.min() ?? .max
  }

  /// The pairs of some tags; `nil` when no series has one of them.
  private func pairs(_ measurement: UInt32, _ tags: [Tag]) -> [UInt32]? {
    var pairs: [UInt32] = []
    for tag in tags {
      guard let key = symbols.find(tag.key, keyed), let value = symbols.find(tag.value, keyed),
        let column = index.column(measurement, key: key, keyed),
        let pair = index.pair(column: column, value: value, keyed)
      else { return nil }
      pairs.append(pair)
    }
    return pairs
  }

  /// The tag keys of a measurement, ascending.
  func tagKeys(_ measurement: UInt32) -> [[UInt8]] {
    index.keys(of: measurement).map { symbols[$0] }
      .sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The values that a tag takes in a measurement, as symbols.
  func tagValueSymbols(_ measurement: UInt32, _ key: [UInt8]) -> [UInt32] {
    guard let symbol = symbols.find(key, keyed),
      let column = index.column(measurement, key: symbol, keyed)
    else { return [] }
    return index.pairs(of: column).map { index.tag($0).value }
  }
}
