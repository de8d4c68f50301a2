internal import Model

extension CatalogState {
  /// What one line asks for.
  struct Request {
    var tenant: TenantID
    var measurement: [UInt8]
    /// Ascending by key.
    var tags: [Tag]
    var fields: [FieldName]
    var shape: LayoutRuns.Shape?

    /// Bytes of all its names.
    var nameByteCount: Int {
      let tagBytes = tags.reduce(0) { $0 + $1.key.count + $1.value.count }
      return measurement.count + tagBytes + fields.reduce(0) { $0 + $1.name.count }
    }
  }

  /// What a line's measurement and fields stand for; ids of new ones are those that they will get.
  private struct Plan {
    var measurement: UInt32
    var isNewMeasurement: Bool
    /// By place in the line.
    var fields: [UInt32]
    var types: [ColumnType]
    /// Places in the line of fields that are not defined yet.
    var newFields: [Int] = []
  }

  /// Looks names up and defines what is new. A refused line defines nothing.
  mutating func resolve(
    _ request: Request,
    _ runs: inout LayoutRuns
  ) throws(SchemaRefusal) -> (ResolvedLayout, LayoutRuns.Shape) {
    let plan = request.shape == nil ? try plan(request) : nil
    let measurement = request.shape?.measurement ?? plan?.measurement ?? 0
    let isNewMeasurement = plan?.isNewMeasurement ?? false
    let known = isNewMeasurement ? nil : findSeries(measurement, request.tags)

    var columns: [UInt32] = []
    var fieldSet = request.shape?.fieldSet
    if let plan {
      columns = plan.fields.sorted()
      for index in columns.indices.dropFirst() {
        precondition(columns[index - 1] != columns[index], "the fields of a line are distinct")
      }
      if !isNewMeasurement, plan.newFields.isEmpty {
        fieldSet = fieldSets.find(measurement: measurement, fields: columns, keyed)
      }
    }
    if let known, let fieldSet {
      let partition = Int(series.partition(of: known))
      if let layout = layouts[partition].find(series: known, fieldSet: fieldSet, keyed) {
        return answer(request, plan, columns, known, fieldSet, layout)
      }
    }
    try checkLimits(
      request,
      newMeasurement: isNewMeasurement,
      newFieldCount: plan?.newFields.count ?? 0,
      newColumnCount: fieldSet == nil ? columns.count : nil,
      isNewSeries: known == nil,
      measurement: measurement
    )
    if let plan { define(plan, request) }
    let fieldSetID = fieldSet ?? defineFieldSet(columns, measurement)
    let seriesID = known ?? defineSeries(request, measurement)
    let layout = defineLayout(seriesID, fieldSetID, &runs)
    return answer(request, plan, columns, seriesID, fieldSetID, layout)
  }

  /// Refuses what ``resolve(_:_:)`` would refuse of names that are new, and defines nothing.
  ///
  /// - Returns: the measurement, or the id that it would get, and the types of the fields that
  ///   are known, by place in the line.
  func check(
    _ request: Request
  ) throws(SchemaRefusal) -> (measurement: UInt32, types: [ColumnType?]) {
    let plan = try plan(request)
    let columns = plan.fields.sorted()
    var fieldSet: UInt32?
    if !plan.isNewMeasurement, plan.newFields.isEmpty {
      fieldSet = fieldSets.find(measurement: plan.measurement, fields: columns, keyed)
    }
    let known = plan.isNewMeasurement ? nil : findSeries(plan.measurement, request.tags)
    var types: [ColumnType?] = plan.types
    for place in plan.newFields { types[place] = nil }
    if let known, let fieldSet {
      let partition = Int(series.partition(of: known))
      if layouts[partition].find(series: known, fieldSet: fieldSet, keyed) != nil {
        return (plan.measurement, types)
      }
    }
    try checkLimits(
      request,
      newMeasurement: plan.isNewMeasurement,
      newFieldCount: plan.newFields.count,
      newColumnCount: fieldSet == nil ? columns.count : nil,
      isNewSeries: known == nil,
      measurement: plan.measurement
    )
    return (plan.measurement, types)
  }

  /// The series of a measurement with exactly these tags.
  func findSeries(_ measurement: UInt32, _ tags: [Tag]) -> UInt32? {
    var pairs: [UInt32] = []
    pairs.reserveCapacity(tags.count)
    for tag in tags {
      guard let key = symbols.find(tag.key, keyed), let value = symbols.find(tag.value, keyed),
        let column = index.column(measurement, key: key, keyed),
        let pair = index.pair(column: column, value: value, keyed)
      else { return nil }
      pairs.append(pair)
    }
    return series.find(measurement: measurement, pairs: pairs, keyed)
  }

  func findMeasurement(_ tenant: TenantID, _ name: [UInt8]) -> UInt32? {
    guard let symbol = symbols.find(name, keyed) else { return nil }
    return measurements.find(tenant: tenant.rawValue, name: symbol, keyed)
  }

  private func plan(_ request: Request) throws(SchemaRefusal) -> Plan {
    let known = findMeasurement(request.tenant, request.measurement)
    var plan = Plan(
      measurement: known ?? measurements.next,
      isNewMeasurement: known == nil,
      fields: [],
      types: []
    )
    plan.fields.reserveCapacity(request.fields.count)
    plan.types.reserveCapacity(request.fields.count)
    for place in request.fields.indices {
      let field = request.fields[place]
      if let known, let symbol = symbols.find(field.name, keyed),
        let id = fields.find(measurement: known, name: symbol, keyed),
        let found = fields.definition(id)
      {
        guard found.type.accepts(field.type) else {
          throw .typeConflict(
            measurement: MeasurementID(known),
            field: place,
            existing: found.type
          )
        }
        plan.fields.append(id)
        plan.types.append(found.type)
      } else {
        plan.fields.append(fields.next &+ UInt32(plan.newFields.count))
        plan.types.append(field.type)
        plan.newFields.append(place)
      }
    }
    if plan.newFields.count > 1 {
      let names = Set(plan.newFields.map { request.fields[$0].name })
      precondition(names.count == plan.newFields.count, "the fields of a line are distinct")
    }
    return plan
  }

  private mutating func define(_ plan: Plan, _ request: Request) {
    let measurement = MeasurementID(plan.measurement)
    if plan.isNewMeasurement {
      record(.measurement(measurement, tenant: request.tenant, name: request.measurement))
    }
    for place in plan.newFields {
      record(
        .field(
          FieldDefinition(
            id: FieldID(plan.fields[place]),
            measurement: measurement,
            name: request.fields[place].name,
            type: request.fields[place].type
          )
        )
      )
    }
  }

  /// Defines a set of these fields, ascending.
  mutating func defineFieldSet(_ columns: [UInt32], _ measurement: UInt32) -> UInt32 {
    let id = fieldSets.next
    let fields = columns.map { FieldID($0) }
    record(.fieldSet(FieldSetID(id), MeasurementID(measurement), fields: fields))
    return id
  }

  private mutating func defineSeries(_ request: Request, _ measurement: UInt32) -> UInt32 {
    let id = series.next
    guard let tenant = tenants.name(request.tenant.rawValue) else {
      preconditionFailure("the tenant of a line is defined")
    }
    let partition = SeriesKey.partition(
      tenant: symbols[tenant],
      measurement: request.measurement,
      tags: request.tags,
      partitionCount: partitionCount
    )
    record(.series(SeriesID(id), MeasurementID(measurement), partition, tags: request.tags))
    return id
  }

  private mutating func defineLayout(
    _ seriesID: UInt32,
    _ fieldSet: UInt32,
    _ runs: inout LayoutRuns
  ) -> UInt32 {
    let slot = Int(series.partition(of: seriesID))
    let partition = PartitionID(UInt16(slot))
    if !runs.hasNext(slot) {
      let start = layouts[slot].next
      let run = start..<start + LayoutRuns.runCount
      record(.reservation(partition, end: run.upperBound))
      runs.refill(slot, with: run)
    }
    let id = runs.take(slot)
    record(.layout(partition, LayoutID(id), SeriesID(seriesID), FieldSetID(fieldSet)))
    return id
  }

  private func answer(
    _ request: Request,
    _ plan: Plan?,
    _ columns: [UInt32],
    _ seriesID: UInt32,
    _ fieldSet: UInt32,
    _ layout: UInt32
  ) -> (ResolvedLayout, LayoutRuns.Shape) {
    let shape = request.shape ?? shape(plan, columns, fieldSet)
    let resolved = ResolvedLayout(
      measurement: MeasurementID(shape.measurement),
      series: SeriesID(seriesID),
      partition: PartitionID(UInt16(series.partition(of: seriesID))),
      layout: LayoutID(layout),
      fieldSet: FieldSetID(fieldSet),
      columnOf: shape.columnOf,
      types: shape.types
    )
    return (resolved, shape)
  }

  private func shape(
    _ plan: Plan?,
    _ columns: [UInt32],
    _ fieldSet: UInt32
  ) -> LayoutRuns.Shape {
    guard let plan else { preconditionFailure("a line has a plan or a shape") }
    let order = plan.fields.indices.sorted { plan.fields[$0] < plan.fields[$1] }
    var columnOf = Array(repeating: 0, count: order.count)
    for (column, place) in order.enumerated() { columnOf[place] = column }
    return LayoutRuns.Shape(
      measurement: plan.measurement,
      fieldSet: fieldSet,
      columnOf: columnOf,
      types: order.map { plan.types[$0] }
    )
  }
}

extension ColumnType {
  /// Whether a column of this type takes values that a line gave as `other`. An integer fits into a
  /// float column as long as the caller finds it exact.
  fileprivate func accepts(_ other: ColumnType) -> Bool {
    self == other || self == .float && (other == .integer || other == .unsigned)
  }
}
