import Bytes
import Catalog
import Model
import Platform
import TestSupport
import Testing

/// Goal: records that both copies lost cost names and never mix series up: their ids are not given
/// out again, and definitions found in blocks come back under the ids that they had.
@Suite struct CatalogRestoreTests {
  let paths = ["catalog/a.log", "catalog/b.log"]

  /// All definitions of a catalog, as blocks would repeat them.
  private func definitions(_ catalog: Catalog) -> CatalogDefinitions {
    var result = CatalogDefinitions()
    result.tenants = catalog.tenants()
    result.series = catalog.series((0..<300).map { SeriesID($0) }).compactMap { $0 }
    result.fields = (0..<300).compactMap { catalog.field(FieldID($0)) }
    result.fieldSets = (0..<300).compactMap { catalog.fieldSet(FieldSetID($0)) }
    return result
  }

  /// Where the records of a log begin.
  private func bounds(_ log: [UInt8]) -> [Int] {
    var bounds = [0]
    while let start = bounds.last, start < log.count {
      let body = (0..<4).reduce(0) { $0 | Int(log[start + 16 + $1]) << (8 * $1) }
      bounds.append(start + 24 + body)
    }
    return bounds
  }

  private func filled(_ seed: UInt64, _ disk: FaultyDisk) throws -> Catalog {
    let catalog = try opened(disk).catalog
    var lines = RandomLines(seed: seed)
    var runs = LayoutRuns()
    for _ in 0..<30 { try catalog.resolveRandomLine(&lines, &runs) }
    try catalog.sync(upTo: catalog.version)
    for _ in 0..<3 { try catalog.resolveRandomLine(&lines, &runs) }
    try catalog.sync(upTo: catalog.version)
    return catalog
  }

  @Test(arguments: UInt64(1)...30)
  func aRecordThatBothCopiesLostIsReportedAndItsIDStaysTaken(seed: UInt64) throws {
    let disk = FaultyDisk(seed: seed)
    let catalog = try filled(seed, disk)
    let all = definitions(catalog)
    let contents = Contents(catalog)
    let log = try #require(disk.files[paths[0]])
    let bounds = bounds(log)
    var random = SeededRandom(seed: seed)
    let lost = Int.random(in: 0..<bounds.count - 20, using: &random)
    for path in paths { disk.damage(path) { $0[bounds[lost] + 24] ^= 1 } }

    let (damaged, recovery) = try opened(disk)
    #expect(recovery.lost == [UInt64(lost) + 1..<UInt64(lost) + 2])
    #expect(recovery.damages.contains { $0.what == "records that neither copy holds" })
    #expect(recovery.setAside.count == 2)
    #expect(CatalogCrashTests.includes(contents, Contents(damaged)))
    #expect(damaged.version == catalog.version + 1)

    // New names get ids that the lost record cannot have had.
    var runs = LayoutRuns()
    let new = try damaged.resolve(
      tenant: .default,
      measurement: bytes("brand new"),
      tags: [],
      fields: floats("brand new"),
      runs: &runs
    )
    #expect(contents.series[Int(new.series.rawValue)] == nil)
    #expect(contents.layout(new) == nil)
    #expect(contents.fieldSets[Int(new.fieldSet.rawValue)] == nil)
    #expect(contents.measurements.joined().allSatisfy { $0.id != new.measurement })

    // What blocks repeat comes back, layouts that referred to it too.
    let restoration = damaged.restore(all)
    #expect(restoration.refused == [])
    try damaged.sync(upTo: damaged.version)
    let (again, second) = try opened(disk)
    #expect(second.damages.allSatisfy { $0.severity == .note })
    #expect(second.lost == [])
    let found = Contents(again)
    #expect(found.series.prefix(200) == Contents(damaged).series.prefix(200))
    for (index, series) in contents.series.enumerated() where series != nil {
      #expect(found.series[index] == series)
    }
    #expect(all.fields.allSatisfy { again.field($0.id) == $0 })
    #expect(all.fieldSets.allSatisfy { again.fieldSet($0.id) == $0 })
    #expect(all.tenants.allSatisfy { again.tenant($0.id) == $0 })
    #expect(again.restore(all).restoredCount == 0)
  }

  @Test func everythingComesBackWhenBothCopiesAreGone() throws {
    let catalog = try filled(3, FaultyDisk(seed: 3))
    let all = definitions(catalog)
    let disk = FaultyDisk(seed: 4)
    let empty = try opened(disk).catalog
    let damage = try #require(empty.expect(version: catalog.version))
    #expect(damage.range == "versions 1 to \(catalog.version)")
    #expect(empty.expect(version: catalog.version) == nil)
    let restoration = empty.restore(all)
    #expect(restoration.refused == [])
    #expect(restoration.restoredCount >= all.series.count + all.fields.count + all.fieldSets.count)
    try empty.sync(upTo: empty.version)
    let (again, recovery) = try opened(disk)
    #expect(recovery.lost == [])
    #expect(recovery.damages.allSatisfy { $0.severity == .note })
    let (before, after) = (Contents(catalog), Contents(again))
    #expect(after.series == before.series)
    #expect(after.fields == before.fields)
    #expect(after.fieldSets == before.fieldSets)
    #expect(after.partitions == before.partitions)
    #expect(after.tenants == before.tenants)
    for measurement in before.measurements.joined() {
      #expect(again.measurement(measurement.id) == measurement)
      #expect(
        again.series(measurement: measurement.id) == catalog.series(measurement: measurement.id)
      )
    }
    // Layouts are not restored, and theirs are not given out for others.
    var runs = LayoutRuns()
    let series = try #require(all.series.first { $0.tenant == .default })
    let resolved = try again.resolve(
      tenant: .default,
      measurement: series.measurementName,
      tags: series.tags,
      fields: floats("brand new"),
      runs: &runs
    )
    #expect(resolved.series == series.id)
    let used = before.layouts[Int(resolved.partition.rawValue)].lastIndex { $0 != nil } ?? 0
    #expect(Int(resolved.layout.rawValue) > used)
  }

  @Test func aVersionThatSomethingNamesIsNeverReused() throws {
    let disk = FaultyDisk(seed: 5)
    let catalog = try filled(5, disk)
    let contents = Contents(catalog)
    let bounds = bounds(try #require(disk.files[paths[0]]))
    // Both copies lose their end; nothing in them tells.
    for path in paths { disk.damage(path) { $0 = Array($0[..<bounds[bounds.count - 9]]) } }
    let (short, recovery) = try opened(disk)
    #expect(recovery.lost == [])
    #expect(short.version == catalog.version - 8)
    #expect(short.expect(version: short.version) == nil)
    #expect(short.expect(version: catalog.version)?.severity == .damage)
    #expect(short.version == catalog.version + 1)
    var lines = RandomLines(seed: 50)
    var runs = LayoutRuns()
    for _ in 0..<50 {
      let resolved = try short.resolveRandomLine(&lines, &runs)
      let old = contents.series[Int(resolved.series.rawValue)]
      #expect(old == nil || old == short.series(resolved.series))
      let layout = contents.layout(resolved)
      #expect(layout == nil || layout?.series == resolved.series)
    }
    try short.sync(upTo: short.version)
    let (again, second) = try opened(disk)
    #expect(second.damages.allSatisfy { $0.severity == .note })
    #expect(again.version == short.version)
  }

  @Test func aVersionOutOfReachIsRefused() throws {
    let catalog = try opened(FaultyDisk()).catalog
    #expect(catalog.expect(version: .max)?.what.contains("out of reach") == true)
    #expect(catalog.version == 0)
  }

  @Test func nonsenseIsRefusedWithAReason() throws {
    let disk = FaultyDisk(seed: 6)
    let catalog = try filled(6, disk)
    let contents = Contents(catalog)
    let version = catalog.version
    func series(_ id: UInt32, _ tags: [Tag], tenant: UInt32 = 0) -> SeriesDefinition {
      SeriesDefinition(
        id: SeriesID(id),
        tenant: TenantID(tenant),
        measurement: MeasurementID(0),
        measurementName: catalog.measurement(MeasurementID(0))?.name ?? [],
        tags: tags
      )
    }
    let owner = catalog.measurement(MeasurementID(0))?.tenant.rawValue ?? 0
    var wrong = CatalogDefinitions()
    wrong.series = [
      series(500, tags(["b": "1", "a": "2"]), tenant: owner),
      series(500, tags(["a": "1", "a": "2"]), tenant: owner),
      series(4_000_000_000, tags(["a": "1"]), tenant: owner),
      series(.max, [], tenant: owner),
      series(501, [], tenant: 999),
      series(0, tags(["another": "series"]), tenant: owner),
    ]
    wrong.fields = [
      FieldDefinition(
        id: FieldID(0),
        measurement: MeasurementID(0),
        name: bytes("renamed"),
        type: .float
      )
    ]
    wrong.fieldSets = [
      FieldSetDefinition(
        id: FieldSetID(700),
        measurement: MeasurementID(0),
        fields: [FieldID(3), FieldID(1)],
        types: [.float, .float]
      ),
      FieldSetDefinition(
        id: FieldSetID(700),
        measurement: MeasurementID(0),
        fields: [],
        types: []
      ),
    ]
    let restoration = catalog.restore(wrong)
    #expect(restoration.restoredCount == 0)
    // The series of the unknown tenant is refused twice: as measurement and as series.
    #expect(restoration.refused.count == 10)
    #expect(catalog.version == version)
    #expect(Contents(catalog) == contents)
  }

  @Test func layoutTablesLearnOfRestoredSeries() throws {
    var builder = RecordBuilder()
    builder.append(kind: RecordBuilder.measurement, RecordBuilder.body(0, 0, "m"))
    builder.append(kind: RecordBuilder.field, RecordBuilder.body(0, 0, .byte(1), "f"))
    builder.append(kind: RecordBuilder.fieldSet, RecordBuilder.body(0, 0, 1, 0, 1))
    builder.append(kind: RecordBuilder.layout, RecordBuilder.body(2, 5, 0, 0))
    let (catalog, recovery) = try opened(builder.disk)
    #expect(recovery.damages.map(\.what) == ["layout 5 refers to series 0, which is not defined"])
    var table = LayoutTable(partition: PartitionID(2))
    catalog.refresh(&table)
    #expect(table[LayoutID(5)] == nil)
    var found = CatalogDefinitions()
    found.series = [
      SeriesDefinition(
        id: SeriesID(0),
        tenant: .default,
        measurement: MeasurementID(0),
        measurementName: bytes("m"),
        tags: tags(["host": "a"])
      )
    ]
    #expect(catalog.restore(found).restoredCount == 1)
    catalog.refresh(&table)
    #expect(table[LayoutID(5)]?.series == SeriesID(0))
    #expect(catalog.seriesCount(of: .default) == 1)
  }
}
