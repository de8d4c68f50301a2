import Catalog
import Model
import Platform
import TestSupport
import Testing

/// Goal: a catalog's log of format version 1 opens for ever and means the same, and the writer
/// still writes those bytes. Method: `Fixtures/format-v1/catalog.log`, which holds every kind of
/// record.
@Suite struct CatalogFormatTests {
  private func text(_ value: String) -> [UInt8] { Array(value.utf8) }

  /// Makes the fixture's names, in its order.
  private func write(_ disk: FaultyDisk) throws {
    let (catalog, _) = try Catalog.open(disk: disk, directory: "catalog", partitionCount: 8)
    var runs = LayoutRuns()
    let acme = try #require(try catalog.tenant(named: text("acme"), create: true))
    // Every type; then a subset with a gap, in another order.
    let fields = ColumnType.allCases.map { FieldName(name: text("f.\($0.name)"), type: $0) }
    let node = try catalog.resolve(
      tenant: .default,
      measurement: text("node"),
      tags: [Model.Tag(key: text("server"), value: text("a1"))],
      fields: fields,
      runs: &runs
    )
    try catalog.sync(upTo: catalog.version)
    _ = try catalog.resolve(
      tenant: acme,
      measurement: text("température"),
      tags: [
        Model.Tag(key: text("city"), value: text("Genève")),
        Model.Tag(key: text("room"), value: [0xff, 0x00]),
      ],
      fields: [FieldName(name: text("value"), type: .float)],
      runs: &runs
    )
    _ = try catalog.resolve(
      tenant: .default,
      measurement: text("node"),
      tags: [],
      fields: [fields[4], fields[0]],
      runs: &runs
    )
    _ = try catalog.scaleTable(fieldSet: node.fieldSet, exponents: [2, 0, 0, 0, 0])
    try catalog.sync(upTo: catalog.version)
    // Something durable names a version that the log does not reach: a loss.
    #expect(catalog.expect(version: catalog.version + 2) != nil)
    try catalog.sync(upTo: catalog.version)
  }

  @Test func theWriterStillWritesTheSameBytes() throws {
    let disk = FaultyDisk()
    try write(disk)
    let files = disk.files
    #expect(try Fixtures.matches("format-v1/catalog.log", files["catalog/a.log"] ?? []))
    #expect(files["catalog/a.log"] == files["catalog/b.log"])
  }

  @Test func theFixtureMeansWhatItMeant() throws {
    let log = try Fixtures.bytes("format-v1/catalog.log")
    let disk = FaultyDisk(files: ["catalog/a.log": log, "catalog/b.log": log])
    let (catalog, recovery) = try Catalog.open(
      disk: disk,
      directory: "catalog",
      partitionCount: 8
    )
    #expect(recovery.damages.map(\.severity) == [.note])
    #expect(recovery.damages.map(\.range) == ["versions 23 to 24"])
    #expect(recovery.records == 23)
    #expect(catalog.version == 25)
    #expect(catalog.tenants().map(\.name) == [text("default"), text("acme")])
    #expect(catalog.measurements(of: .default).map(\.name) == [text("node")])
    #expect(catalog.measurements(of: TenantID(1)).map(\.name) == [text("température")])
    let fields = catalog.fields(of: MeasurementID(0))
    #expect(fields.map(\.type) == ColumnType.allCases)
    #expect(fields.map(\.name) == ColumnType.allCases.map { text("f.\($0.name)") })
    #expect(fields.map(\.id.rawValue) == [0, 1, 2, 3, 4])
    #expect(catalog.fieldSet(FieldSetID(0))?.fields == fields.map(\.id))
    #expect(catalog.fieldSet(FieldSetID(2))?.fields == [FieldID(0), FieldID(4)])
    #expect(catalog.series(SeriesID(0))?.tags.map(\.value) == [text("a1")])
    #expect(catalog.series(SeriesID(1))?.tags.map(\.value) == [text("Genève"), [0xff, 0x00]])
    #expect(catalog.series(SeriesID(2))?.tags == [])
    let partitions = (0..<3).map { catalog.partition(of: SeriesID($0))?.rawValue }
    #expect(partitions == [3, 0, 4])
    for series in UInt32(0)..<3 {
      let partition = try #require(catalog.partition(of: SeriesID(series)))
      let layout = try #require(catalog.layout(partition, LayoutID(0)))
      #expect(layout.series == SeriesID(series))
      #expect(layout.fieldSet == FieldSetID(series))
    }
    #expect(catalog.scales(ScaleTableID(1)) == [2, 0, 0, 0, 0])
    // Two lost records: two ids of each kind, and two runs of each partition, are never used.
    var runs = LayoutRuns()
    let next = try catalog.resolve(
      tenant: .default,
      measurement: text("next"),
      tags: [],
      fields: [FieldName(name: text("f"), type: .float)],
      runs: &runs
    )
    #expect(next.measurement == MeasurementID(4))
    #expect(next.series == SeriesID(5))
    #expect(next.fieldSet == FieldSetID(5))
    #expect(next.layout.rawValue >= 2 * LayoutRuns.runCount)
  }
}
