internal import Catalog
internal import LineProtocol
internal import Model
internal import Platform

/// Judges the lines of a body as a receiver would and stores nothing: no row, no name, no refusal.
///
/// Used by one task at a time. Names that the body would define hold within it, so that its second
/// line conflicts with its first as it would for good; limits are those of the catalog as it is.
public final class DryRun {
  public let body: LineBody
  private var parser: LineParser
  private let clock: any Clock

  init(
    catalog: Catalog,
    retention: Retention,
    clock: any Clock,
    lineByteCountMax: Int,
    body: LineBody
  ) {
    self.body = body
    self.clock = clock
    parser = LineParser(
      options: LineParserOptions(
        lineByteCountMax: lineByteCountMax,
        keyByteCountMax: 16 << 20,
        shapeByteCountMax: 8 << 20
      ),
      partitionCount: 1,
      resolver: DryResolver(catalog: catalog, retention: retention)
    )
  }

  public func receive(_ bytes: UnsafeRawBufferPointer) {
    _ = unsafe parser.parse(bytes, on: body, arrival: clock.now()) { _ in }
    _ = parser.takeSealed()
  }

  public func refuse(_ item: RefusedItem) {
    parser.refuse(
      item.text,
      column: item.column,
      message: item.message,
      session: body.session,
      arrival: clock.now()
    )
    _ = body.takeVerdicts()
  }

  /// - Parameter endsLine: whether the last line ends with the body; else it is refused as cut.
  public func end(endsLine: Bool) {
    guard body.fault == nil else { return }
    parser.finish(session: body.session, arrival: clock.now(), endsLine: endsLine)
    _ = body.takeVerdicts()
    _ = parser.takeSealed()
  }
}

/// Answers from the catalog without teaching it anything.
private final class DryResolver: SchemaResolver {
  private struct Name: Hashable {
    var measurement: [UInt8]
    var field: [UInt8]
  }

  private let catalog: Catalog
  private let retention: Retention
  /// Fields that the body would define.
  private var newFields: [Name: ColumnType] = [:]
  private var next: UInt32 = 1

  init(catalog: Catalog, retention: Retention) {
    self.catalog = catalog
    self.retention = retention
  }

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

  func resolve(
    tenant: TenantID,
    measurement: [UInt8],
    tags: [Tag],
    fields: [FieldName]
  ) throws(SchemaRefusal) -> ResolvedLayout {
    let known = try catalog.check(
      tenant: tenant,
      measurement: measurement,
      tags: tags,
      fields: fields
    )
    var types = known.types
    for (place, field) in fields.enumerated() where types[place] == nil {
      let name = Name(measurement: measurement, field: field.name)
      let type = newFields[name] ?? field.type
      guard type == field.type || type == .float && field.type.isInteger else {
        throw .typeConflict(measurement: known.measurement, field: place, existing: type)
      }
      types[place] = type
    }
    for (place, field) in fields.enumerated() {
      newFields[Name(measurement: measurement, field: field.name)] = types[place]
    }
    next += 1
    return ResolvedLayout(
      measurement: known.measurement,
      series: SeriesID(next),
      partition: PartitionID(0),
      layout: LayoutID(next),
      fieldSet: FieldSetID(next),
      columnOf: Array(fields.indices),
      types: types.map { $0 ?? .float }
    )
  }

  /// Values then ride as exceptions, which changes no verdict.
  func scaleTable(fieldSet: FieldSetID, exponents: [UInt8]) -> ScaleTableID? { nil }

  var version: UInt64 { 0 }
}

extension ColumnType {
  fileprivate var isInteger: Bool { self == .integer || self == .unsigned }
}
