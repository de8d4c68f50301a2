internal import Model

extension CatalogState {
  /// Takes a definition in, from the log or of our own.
  ///
  /// - Returns: What is wrong with it, or `nil`. What can be used of a wrong one is used: a
  ///   reference to an undefined id stays, for the definition may be restored.
  mutating func apply(_ definition: Definition) -> Fault? {
    switch definition {
    case .tenant(let id, let name): applyTenant(id.rawValue, name)
    case .measurement(let id, let tenant, let name):
      applyMeasurement(id.rawValue, tenant: tenant.rawValue, name)
    case .field(let field): applyField(field)
    case .fieldSet(let id, let measurement, let fields):
      applyFieldSet(id.rawValue, measurement: measurement.rawValue, fields.map(\.rawValue))
    case .series(let id, let measurement, let partition, let tags):
      applySeries(id.rawValue, measurement: measurement.rawValue, partition, tags)
    case .layout(let partition, let id, let series, let fieldSet):
      applyLayout(partition, id.rawValue, series: series.rawValue, fieldSet: fieldSet.rawValue)
    case .scaleTable(let id, let fieldSet, let exponents):
      applyScaleTable(id.rawValue, fieldSet: fieldSet.rawValue, exponents)
    case .reservation(let partition, let end): applyReservation(partition, end)
    case .loss(let loss): applyLoss(loss)
    }
  }

  /// Whether an id lies where the next ones may lie.
  private func isReachable(_ id: UInt32, _ next: UInt32) -> Bool {
    UInt64(id) < UInt64(next) + UInt64(Self.idGapMax) && id <= Self.idMax
  }

  private mutating func applyTenant(_ id: UInt32, _ name: [UInt8]) -> Fault? {
    guard isReachable(id, tenants.next) else { return .wrong("tenant \(id) is out of reach") }
    let known = tenants.name(id)
    let symbol = symbols.intern(name, keyed)
    if let known { return known == symbol ? nil : .wrong("tenant \(id) is defined twice") }
    tenants.define(id, name: symbol, keyed)
    return nil
  }

  private mutating func applyMeasurement(
    _ id: UInt32,
    tenant: UInt32,
    _ name: [UInt8]
  ) -> Fault? {
    guard isReachable(id, measurements.next), isReachable(tenant, tenants.next) else {
      return .wrong("measurement \(id) of tenant \(tenant) is out of reach")
    }
    let symbol = symbols.intern(name, keyed)
    if let known = measurements.definition(id) {
      let isSame = known == (tenant, symbol)
      return isSame ? nil : .wrong("measurement \(id) is defined twice")
    }
    measurements.define(id, tenant: tenant, name: symbol, keyed)
    // Series that came without their measurement count from now on.
    for _ in 0..<series.count(of: id) { tenants.countSeries(of: tenant) }
    guard tenants.isDefined(tenant) else {
      tenants.refer(to: tenant)
      return undefined("measurement \(id)", .tenant(tenant))
    }
    return nil
  }

  private mutating func applyField(_ field: FieldDefinition) -> Fault? {
    let id = field.id.rawValue
    let measurement = field.measurement.rawValue
    guard isReachable(id, fields.next), isReachable(measurement, measurements.next) else {
      return .wrong("field \(id) of measurement \(measurement) is out of reach")
    }
    let symbol = symbols.intern(field.name, keyed)
    if let known = fields.definition(id) {
      let isSame = known == (measurement, symbol, field.type)
      return isSame ? nil : .wrong("field \(id) is defined twice")
    }
    fields.define(id, measurement: measurement, name: symbol, type: field.type, keyed)
    guard measurements.definition(measurement) != nil else {
      measurements.refer(to: measurement)
      return undefined("field \(id)", .measurement(measurement))
    }
    return nil
  }

  private mutating func applyFieldSet(
    _ id: UInt32,
    measurement: UInt32,
    _ columns: [UInt32]
  ) -> Fault? {
    guard isReachable(id, fieldSets.next), isReachable(measurement, measurements.next),
      let last = columns.last, isReachable(last, fields.next),
      fieldSets.columnCount + columns.count <= Self.arenaCountMax
    else { return .wrong("field set \(id) of measurement \(measurement) is out of reach") }
    if fieldSets.measurement(of: id) != nil {
      let isSame =
        fieldSets.measurement(of: id) == measurement && fieldSets.fields(of: id) == columns[...]
      return isSame ? nil : .wrong("field set \(id) is defined twice")
    }
    fieldSets.define(id, measurement: measurement, fields: columns, keyed)
    fields.refer(to: last)
    for column in columns {
      guard let field = fields.definition(column) else {
        return undefined("field set \(id)", .field(column))
      }
      guard field.measurement == measurement else {
        return .wrong("field set \(id) refers to field \(column) of another measurement")
      }
    }
    return nil
  }

  private mutating func applySeries(
    _ id: UInt32,
    measurement: UInt32,
    _ partition: PartitionID,
    _ tags: [Tag]
  ) -> Fault? {
    guard isReachable(id, series.next), isReachable(measurement, measurements.next),
      series.tagCount + tags.count <= Self.arenaCountMax / 2
    else {
      return .wrong("series \(id) of measurement \(measurement) is out of reach")
    }
    guard Int(partition.rawValue) < partitionCount else {
      return .wrong("series \(id) lies in partition \(partition.rawValue) of \(partitionCount)")
    }
    var pairs: [UInt32] = []
    pairs.reserveCapacity(tags.count)
    for tag in tags {
      let key = symbols.intern(tag.key, keyed)
      let value = symbols.intern(tag.value, keyed)
      pairs.append(index.intern(measurement: measurement, key: key, value: value, keyed))
    }
    if series.measurement(of: id) != nil {
      let isSame =
        series.measurement(of: id) == measurement && series.pairs(of: id) == pairs[...]
      return isSame ? nil : .wrong("series \(id) is defined twice")
    }
    series.define(
      id,
      measurement: measurement,
      partition: UInt8(partition.rawValue),
      pairs: pairs,
      keyed
    )
    for pair in pairs { index.add(id, to: pair) }
    guard let tenant = measurements.definition(measurement)?.tenant else {
      measurements.refer(to: measurement)
      return undefined("series \(id)", .measurement(measurement))
    }
    tenants.countSeries(of: tenant)
    return nil
  }

  private mutating func applyLayout(
    _ partition: PartitionID,
    _ id: UInt32,
    series seriesID: UInt32,
    fieldSet: UInt32
  ) -> Fault? {
    let slot = Int(partition.rawValue)
    guard slot < partitionCount else {
      return .wrong("layout \(id) lies in partition \(slot) of \(partitionCount)")
    }
    guard isReachable(id, layouts[slot].next), isReachable(seriesID, series.next),
      isReachable(fieldSet, fieldSets.next)
    else { return .wrong("layout \(id) of partition \(slot) is out of reach") }
    if let known = layouts[slot].definition(id) {
      let isSame = known == (seriesID, fieldSet)
      return isSame ? nil : .wrong("layout \(id) of partition \(slot) is defined twice")
    }
    layouts[slot].define(id, series: seriesID, fieldSet: fieldSet, keyed)
    layoutCount += 1
    guard let measurement = series.measurement(of: seriesID) else {
      series.refer(to: seriesID)
      return undefined("layout \(id)", .series(seriesID))
    }
    guard fieldSets.measurement(of: fieldSet) != nil else {
      fieldSets.refer(to: fieldSet)
      return undefined("layout \(id)", .fieldSet(fieldSet))
    }
    guard fieldSets.measurement(of: fieldSet) == measurement else {
      return .wrong(
        "layout \(id) joins series \(seriesID) and field set \(fieldSet) of two measurements"
      )
    }
    return nil
  }

  private mutating func applyScaleTable(
    _ id: UInt32,
    fieldSet: UInt32,
    _ exponents: [UInt8]
  ) -> Fault? {
    guard isReachable(id, scales.next), isReachable(fieldSet, fieldSets.next), id > 0,
      scales.exponentCount + exponents.count <= Self.arenaCountMax
    else {
      return .wrong("scale table \(id) is out of reach")
    }
    if scales.fieldSet(of: id) != nil {
      let isSame = scales.fieldSet(of: id) == fieldSet && scales.exponents(of: id) == exponents[...]
      return isSame ? nil : .wrong("scale table \(id) is defined twice")
    }
    scales.define(id, fieldSet: fieldSet, exponents: exponents, keyed)
    guard fieldSets.measurement(of: fieldSet) != nil else {
      fieldSets.refer(to: fieldSet)
      return undefined("scale table \(id)", .fieldSet(fieldSet))
    }
    guard fieldSets.columnCount(of: fieldSet) == exponents.count else {
      return .wrong(
        "scale table \(id) has \(exponents.count) exponents for another number of columns"
      )
    }
    return nil
  }

  private mutating func applyReservation(_ partition: PartitionID, _ end: UInt32) -> Fault? {
    let slot = Int(partition.rawValue)
    guard slot < partitionCount else {
      return .wrong("a reservation in partition \(slot) of \(partitionCount)")
    }
    guard isReachable(end, layouts[slot].next) else {
      return .wrong("a reservation up to \(end) in partition \(slot) is out of reach")
    }
    layouts[slot].raise(next: end)
    return nil
  }

  private mutating func applyLoss(_ loss: LossNotice) -> Fault? {
    guard isReachable(loss.tenants, tenants.next),
      isReachable(loss.measurements, measurements.next), isReachable(loss.fields, fields.next),
      isReachable(loss.fieldSets, fieldSets.next), isReachable(loss.series, series.next),
      isReachable(loss.scaleTables, scales.next)
    else { return .wrong("a loss notice is out of reach") }
    tenants.raise(next: loss.tenants)
    measurements.raise(next: loss.measurements)
    fields.raise(next: loss.fields)
    fieldSets.raise(next: loss.fieldSets)
    series.raise(next: loss.series)
    scales.raise(next: loss.scaleTables)
    for (slot, floor) in loss.layouts.prefix(partitionCount).enumerated() {
      layouts[slot].raise(next: floor)
    }
    return nil
  }
}
