import LineProtocol
import Model

/// A catalog in memory: as much of one as a parser asks for, and the way back from ids to names.
final class TestCatalog: SchemaResolver {
  struct Measurement: Hashable {
    var tenant: TenantID
    var name: [UInt8]
  }

  struct Series: Hashable {
    var measurement: MeasurementID
    var tags: [Model.Tag]
  }

  struct Layout {
    var series: SeriesID
    var fieldSet: FieldSetID
  }

  let partitionCount: Int
  var seriesMax = Int.max
  var scaleTablesMax = Int.max
  private(set) var version: UInt64 = 0
  private(set) var resolveCount = 0

  private(set) var measurements: [Measurement] = []
  private(set) var series: [Series] = []
  private(set) var fields: [(measurement: MeasurementID, field: FieldName)] = []
  private(set) var fieldSets: [[Int]] = []
  private(set) var layouts: [[Layout]]
  private(set) var scaleTables: [[UInt8]] = [[]]

  private var measurementIDs: [Measurement: Int] = [:]
  private var seriesIDs: [Series: Int] = [:]
  private var fieldIDs: [[UInt8]: [(MeasurementID, Int)]] = [:]
  private var fieldSetIDs: [[Int]: Int] = [:]
  private var layoutIDs: [[Int]: Int] = [:]

  init(partitionCount: Int = 8) {
    self.partitionCount = partitionCount
    layouts = Array(repeating: [], count: partitionCount)
  }

  private func fieldID(_ name: [UInt8], of measurement: MeasurementID) -> Int? {
    fieldIDs[name]?.first { $0.0 == measurement }?.1
  }

  func resolve(
    tenant: TenantID,
    measurement name: [UInt8],
    tags: [Model.Tag],
    fields given: [FieldName]
  ) throws(SchemaRefusal) -> ResolvedLayout {
    resolveCount += 1
    precondition(!given.isEmpty)
    precondition(Set(given.map(\.name)).count == given.count, "fields are distinct")
    precondition(Set(tags.map(\.key)).count == tags.count, "tag keys are distinct")
    precondition(tags.allSatisfy { !$0.key.isEmpty && !$0.value.isEmpty })
    let measurement = intern(
      Measurement(tenant: tenant, name: name),
      &measurementIDs,
      &measurements
    )
    let measurementID = MeasurementID(UInt32(measurement))
    for (index, field) in given.enumerated() {
      guard let known = fieldID(field.name, of: measurementID) else { continue }
      let type = fields[known].field.type
      let isWider = type == .float && (field.type == .integer || field.type == .unsigned)
      guard type == field.type || isWider else {
        throw .typeConflict(measurement: measurementID, field: index, existing: type)
      }
    }
    let key = Series(measurement: measurementID, tags: tags.sorted())
    if seriesIDs[key] == nil, series.count >= seriesMax {
      throw .limit(
        measurement: measurementID,
        reason: .seriesLimit,
        message: "series limit of \(seriesMax) reached"
      )
    }
    let ids = given.map { field -> Int in
      if let known = fieldID(field.name, of: measurementID) { return known }
      fields.append((measurementID, field))
      fieldIDs[field.name, default: []].append((measurementID, fields.count - 1))
      return fields.count - 1
    }
    let sorted = ids.sorted()
    let fieldSet = intern(sorted, &fieldSetIDs, &fieldSets)
    let seriesID = intern(key, &seriesIDs, &series)
    let partition = seriesID % partitionCount
    let layoutKey = [partition, seriesID, fieldSet]
    let layout =
      layoutIDs[layoutKey]
      ?? {
        layouts[partition].append(
          Layout(
            series: SeriesID(UInt32(seriesID)),
            fieldSet: FieldSetID(UInt32(fieldSet))
          )
        )
        layoutIDs[layoutKey] = layouts[partition].count - 1
        return layouts[partition].count - 1
      }()
    version += 1
    return ResolvedLayout(
      measurement: measurementID,
      series: SeriesID(UInt32(seriesID)),
      partition: PartitionID(UInt16(partition)),
      layout: LayoutID(UInt32(layout)),
      fieldSet: FieldSetID(UInt32(fieldSet)),
      columnOf: ids.map { id in sorted.firstIndex(of: id) ?? -1 },
      types: sorted.map { fields[$0].field.type }
    )
  }

  private func intern<Value: Hashable>(
    _ value: Value,
    _ ids: inout [Value: Int],
    _ values: inout [Value]
  ) -> Int {
    if let known = ids[value] { return known }
    values.append(value)
    ids[value] = values.count - 1
    return values.count - 1
  }

  func scaleTable(fieldSet: FieldSetID, exponents: [UInt8]) -> ScaleTableID? {
    precondition(exponents.count == fieldSets[Int(fieldSet.rawValue)].count)
    precondition(exponents.allSatisfy { Int($0) <= DecimalScale.exponentMax })
    if exponents.allSatisfy({ $0 == 0 }) { return .zero }
    if let known = scaleTables.firstIndex(of: exponents) { return ScaleTableID(UInt32(known)) }
    guard scaleTables.count < scaleTablesMax else { return nil }
    version += 1
    scaleTables.append(exponents)
    return ScaleTableID(UInt32(scaleTables.count - 1))
  }
}
