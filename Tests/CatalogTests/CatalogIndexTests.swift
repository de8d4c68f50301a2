import Catalog
import Model
import TestSupport
import Testing

/// Goal: the inverted index finds what a scan over all series finds. Method: seeded schemas against
/// a model of plain dictionaries.
@Suite struct CatalogIndexTests {
  @Test(arguments: UInt64(1)...10)
  func theIndexAgreesWithAScan(seed: UInt64) throws {
    let disk = FaultyDisk(seed: seed)
    let catalog = try opened(disk).catalog
    var lines = RandomLines(seed: seed)
    var runs = LayoutRuns()
    for _ in 0..<300 { try catalog.resolveRandomLine(&lines, &runs) }
    try catalog.sync(upTo: catalog.version)
    for known in [catalog, try opened(disk).catalog] {
      let all = known.series((0..<400).map { SeriesID($0) }).compactMap { $0 }
      #expect(all.count == known.statistics().series)
      for tenant in known.tenants() {
        for measurement in known.measurements(of: tenant.id) {
          try expectScan(known, measurement, all.filter { $0.measurement == measurement.id })
        }
        #expect(known.seriesCount(of: tenant.id) == all.filter { $0.tenant == tenant.id }.count)
      }
    }
  }

  private func expectScan(
    _ catalog: Catalog,
    _ measurement: MeasurementDefinition,
    _ all: [SeriesDefinition]
  ) throws {
    let id = measurement.id
    #expect(catalog.measurement(tenant: measurement.tenant, named: measurement.name) == id)
    #expect(catalog.series(measurement: id) == all.map(\.id))
    let keys = Set(all.flatMap { $0.tags.map(\.key) })
    #expect(catalog.tagKeys(of: id) == keys.sorted { $0.lexicographicallyPrecedes($1) })
    for key in keys {
      let values = Set(all.flatMap { $0.tags.filter { $0.key == key }.map(\.value) })
      for value in values {
        let expected = all.filter { series in
          series.tags.contains { $0.key == key && $0.value != value }
        }
        let others = Array(values.subtracting([value])) + [bytes("nowhere")]
        #expect(catalog.series(measurement: id, key: key, anyOf: others) == expected.map(\.id))
      }
      #expect(
        catalog.tagValues(of: id, key: key) == values.sorted { $0.lexicographicallyPrecedes($1) }
      )
    }
    let allTags = Array(Set(all.flatMap(\.tags))).sorted()
    for first in allTags {
      for second in allTags {
        let expected = all.filter { $0.tags.contains(first) && $0.tags.contains(second) }
        let found = catalog.series(
          tenant: measurement.tenant,
          measurement: measurement.name,
          tags: [first, second]
        )
        #expect(found == expected.map(\.id))
      }
    }
    #expect(catalog.series(measurement: id, tags: tags(["dc": "nowhere"])) == [])
    #expect(catalog.series(measurement: id, tags: tags(["no such key": "v1"])) == [])
  }

  @Test func longListsAreWhole() throws {
    let catalog = try opened(FaultyDisk()).catalog
    var runs = LayoutRuns()
    // Every length around the sizes of chunks, and beyond the largest.
    var expected: [Int: [SeriesID]] = [:]
    for number in 0..<9_000 {
      let residue = number.trailingZeroBitCount
      let resolved = try catalog.resolve(
        tenant: .default,
        measurement: bytes("m"),
        tags: tags(["n": "\(number)", "zeros": "\(residue)"]),
        fields: floats("f"),
        runs: &runs
      )
      expected[residue, default: []].append(resolved.series)
    }
    let measurement = MeasurementID(0)
    #expect(catalog.series(measurement: measurement).count == 9_000)
    for (residue, series) in expected {
      #expect(
        catalog.series(measurement: measurement, tags: tags(["zeros": "\(residue)"])) == series
      )
    }
    #expect(catalog.tagValues(of: measurement, key: bytes("n")).count == 9_000)
    #expect(
      catalog.series(measurement: measurement, tags: tags(["n": "77", "zeros": "0"])).count == 1
    )
    #expect(catalog.series(measurement: measurement, tags: tags(["n": "77", "zeros": "1"])) == [])
  }

  @Test func aLayoutTableFollowsTheCatalog() throws {
    let catalog = try opened(FaultyDisk(), partitionCount: 2).catalog
    var lines = RandomLines(seed: 9)
    var runs = LayoutRuns()
    var tables = [LayoutTable(partition: PartitionID(0)), LayoutTable(partition: PartitionID(1))]
    for _ in 0..<20 {
      for _ in 0..<20 {
        let resolved = try catalog.resolveRandomLine(&lines, &runs)
        let slot = Int(resolved.partition.rawValue)
        if tables[slot][resolved.layout] == nil { catalog.refresh(&tables[slot]) }
        let known = try #require(tables[slot][resolved.layout])
        #expect(known.series == resolved.series)
        #expect(known.fieldSet == resolved.fieldSet)
        #expect(known.measurement == resolved.measurement)
        #expect(catalog.layout(resolved.partition, resolved.layout) == known)
        #expect(known.tenant == catalog.series(resolved.series)?.tenant)
      }
    }
    #expect(tables[0][LayoutID(5_000)] == nil)
    #expect(tables[0][LayoutID(1_023)] == nil)
    #expect(tables[1][LayoutID(.max)] == nil)
  }
}
