public import Model
internal import Synchronization

extension Catalog {
  /// The tenant of a name.
  ///
  /// - Parameter create: whether an unknown name becomes a new tenant.
  /// - Returns: `nil` for an unknown name when `create` is false.
  /// - Throws: When the name is too long or there are too many tenants.
  public func tenant(named name: [UInt8], create: Bool) throws(SchemaRefusal) -> TenantID? {
    guard name.count <= Limits.nameByteCountMax else { throw Self.nameTooLong("tenant", name) }
    return try update { (state: inout CatalogState) throws(SchemaRefusal) in
      if let symbol = state.symbols.find(name, state.keyed),
        let id = state.tenants.find(symbol, state.keyed)
      {
        return TenantID(id)
      }
      guard create else { return nil }
      let id = state.tenants.next
      guard state.tenants.count < limits.tenantsMax, !state.isSpent(id) else {
        throw .limit(
          measurement: nil,
          reason: .seriesLimit,
          message: "tenant \(SeriesKey.quoted(name)) would exceed the limit of"
            + " \(limits.tenantsMax) tenants"
        )
      }
      try state.checkMemory(nil, "of a new tenant", nameByteCount: name.count)
      state.record(.tenant(TenantID(id), name: name))
      return TenantID(id)
    }
  }

  /// What the names of one line stand for; new names are defined.
  ///
  /// A refused line defines nothing. Of a line like an earlier one of the same receiver (the same
  /// measurement and fields) only the tags are looked up.
  ///
  /// - Parameters:
  ///   - tenant: one that ``tenant(named:create:)`` gave out.
  ///   - tags: distinct keys; best ascending by key.
  ///   - fields: 1 or more, distinct names, in line order. An integer may be given for a float
  ///     column, the caller checks that it is exact.
  ///   - runs: the calling receiver's own.
  /// - Throws: A type conflict, or a limit that is named.
  /// - Complexity: O(names); about 1 µs for a known series of three tags, 2 µs among a million.
  public func resolve(
    tenant: TenantID,
    measurement: [UInt8],
    tags: [Tag],
    fields: [FieldName],
    runs: inout LayoutRuns
  ) throws(SchemaRefusal) -> ResolvedLayout {
    precondition(!fields.isEmpty, "a line has a field")
    let tags = Self.sorted(tags)
    let shape = runs.shape(tenant: tenant, measurement: measurement, fields: fields)
    let request = CatalogState.Request(
      tenant: tenant,
      measurement: measurement,
      tags: tags,
      fields: fields,
      shape: shape
    )
    try checkWidth(request)
    let (resolved, resolvedShape) = try update {
      (state: inout CatalogState) throws(SchemaRefusal) in
      try state.resolve(request, &runs)
    }
    if shape == nil {
      runs.remember(resolvedShape, tenant: tenant, measurement: measurement, fields: fields)
    }
    return resolved
  }

  /// Refuses what ``resolve(tenant:measurement:tags:fields:runs:)`` would refuse and defines
  /// nothing.
  ///
  /// - Parameter tenant: may be one that does not exist.
  /// - Returns: the measurement, or the id that it would get, and the types of the known fields.
  public func check(
    tenant: TenantID,
    measurement: [UInt8],
    tags: [Tag],
    fields: [FieldName]
  ) throws(SchemaRefusal) -> (measurement: MeasurementID, types: [ColumnType?]) {
    precondition(!fields.isEmpty, "a line has a field")
    let request = CatalogState.Request(
      tenant: tenant,
      measurement: measurement,
      tags: Self.sorted(tags),
      fields: fields,
      shape: nil
    )
    try checkWidth(request)
    return try state.withLock { (state: inout CatalogState) throws(SchemaRefusal) in
      let (measurement, types) = try state.check(request)
      return (MeasurementID(measurement), types)
    }
  }

  /// The scale table of these exponents; a new one if need be.
  ///
  /// - Parameter exponents: one for each column of the set, 0 ... ``DecimalScale/exponentMax``.
  /// - Throws: A limit; the caller stays with the table that it has.
  public func scaleTable(
    fieldSet: FieldSetID,
    exponents: [UInt8]
  ) throws(SchemaRefusal) -> ScaleTableID {
    if exponents.allSatisfy({ $0 == 0 }) { return .zero }
    precondition(exponents.allSatisfy { Int($0) <= DecimalScale.exponentMax })
    return try update { (state: inout CatalogState) throws(SchemaRefusal) in
      let set = fieldSet.rawValue
      guard let measurement = state.fieldSets.measurement(of: set) else {
        preconditionFailure("the field set of a scale table is defined")
      }
      precondition(state.fieldSets.columnCount(of: set) == exponents.count)
      if let known = state.scales.find(fieldSet: set, exponents: exponents, state.keyed) {
        return ScaleTableID(known)
      }
      let id = state.scales.next
      let bytes = state.scales.exponentCount + exponents.count
      guard state.scales.count < limits.scaleTablesMax, bytes <= limits.scaleTableByteCountMax,
        state.unsyncedByteCount < limits.unsyncedByteCountMax, !state.isSpent(id)
      else {
        throw .limit(
          measurement: MeasurementID(measurement),
          reason: .tooWide,
          message: "a scale table would exceed the limit of \(limits.scaleTablesMax) tables or"
            + " \(limits.scaleTableByteCountMax) bytes"
        )
      }
      state.record(.scaleTable(ScaleTableID(id), fieldSet, exponents: exponents))
      return ScaleTableID(id)
    }
  }

  /// The set of these fields, which a cut or a compaction makes by joining or splitting others.
  ///
  /// - Parameter fields: 1 or more defined fields of one measurement, in any order.
  /// - Throws: A limit.
  public func fieldSet(of fields: [FieldID]) throws(SchemaRefusal) -> FieldSetID {
    let columns = Set(fields.map(\.rawValue)).sorted()
    guard columns.count <= Limits.fieldsPerRowMax else {
      throw Self.tooWide(
        "a set of \(columns.count) fields exceeds the limit of \(Limits.fieldsPerRowMax)"
      )
    }
    return try update { (state: inout CatalogState) throws(SchemaRefusal) in
      guard let first = columns.first, let field = state.fields.definition(first) else {
        preconditionFailure("a field set has defined fields")
      }
      let measurement = field.measurement
      precondition(
        columns.allSatisfy { state.fields.definition($0)?.measurement == measurement },
        "a field set stays within its measurement"
      )
      if let known = state.fieldSets.find(
        measurement: measurement,
        fields: columns,
        state.keyed
      ) {
        return FieldSetID(known)
      }
      let name = state.measurements.definition(measurement).map { state.symbols[$0.name] } ?? []
      let text = SeriesKey.quoted(name)
      try state.checkFieldSet(MeasurementID(measurement), text, columns.count)
      try state.checkMemory(MeasurementID(measurement), text, nameByteCount: 0)
      return FieldSetID(state.defineFieldSet(columns, measurement))
    }
  }

  private static func sorted(_ tags: [Tag]) -> [Tag] {
    var isSorted = true
    for index in tags.indices.dropFirst() where isSorted {
      isSorted = tags[index - 1].key.lexicographicallyPrecedes(tags[index].key)
    }
    if isSorted { return tags }
    let sorted = tags.sorted()
    for index in sorted.indices.dropFirst() {
      precondition(sorted[index - 1].key != sorted[index].key, "the tags of a line are distinct")
    }
    return sorted
  }

  /// Refuses names and counts beyond what a record, a row and a block can carry.
  private func checkWidth(_ request: CatalogState.Request) throws(SchemaRefusal) {
    if request.measurement.count > Limits.nameByteCountMax {
      throw Self.nameTooLong("measurement", request.measurement)
    }
    guard request.tags.count <= Limits.tagsPerSeriesMax else {
      throw Self.tooWide(
        "\(request.tags.count) tags of a series exceed the limit of \(Limits.tagsPerSeriesMax)"
      )
    }
    var byteCount = request.measurement.count
    for tag in request.tags {
      if tag.key.count > Limits.nameByteCountMax { throw Self.nameTooLong("tag key", tag.key) }
      if tag.value.count > Limits.nameByteCountMax {
        throw Self.nameTooLong("tag value", tag.value)
      }
      byteCount += tag.key.count + tag.value.count
    }
    guard byteCount <= limits.seriesByteCountMax else {
      throw Self.tooWide(
        "the \(byteCount) bytes of a series' names and tags exceed the limit of"
          + " \(limits.seriesByteCountMax)"
      )
    }
    if request.shape != nil { return }
    guard request.fields.count <= Limits.fieldsPerRowMax else {
      throw Self.tooWide(
        "\(request.fields.count) fields of a row exceed the limit of \(Limits.fieldsPerRowMax)"
      )
    }
    for field in request.fields where field.name.count > Limits.nameByteCountMax {
      throw Self.nameTooLong("field", field.name)
    }
  }

  private static func nameTooLong(_ what: String, _ name: [UInt8]) -> SchemaRefusal {
    tooWide(
      "\(what) \(SeriesKey.quoted(name)) of \(name.count) bytes exceeds the limit of"
        + " \(Limits.nameByteCountMax)"
    )
  }

  private static func tooWide(_ message: String) -> SchemaRefusal {
    .limit(measurement: nil, reason: .tooWide, message: message)
  }
}
