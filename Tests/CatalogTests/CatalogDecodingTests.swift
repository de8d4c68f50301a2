import Bytes
import Catalog
import Model
import Platform
import TestSupport
import Testing

/// Goal: no bytes in a log can trap or ask for much memory, and whatever makes no sense is named.
/// Method: sound frames around wrong, hostile and random bodies.
@Suite struct CatalogDecodingTests {
  typealias Builder = RecordBuilder

  /// Opens the records and returns what was reported.
  private func damages(_ builder: Builder) throws -> (catalog: Catalog, what: [String]) {
    let (catalog, recovery) = try opened(builder.disk)
    return (catalog, recovery.damages.map(\.what))
  }

  @Test func aLogWrittenByHandIsRead() throws {
    var builder = Builder()
    builder.append(kind: Builder.tenant, Builder.body(1, "acme"))
    builder.append(kind: Builder.measurement, Builder.body(0, 1, "node"))
    builder.append(kind: Builder.field, Builder.body(0, 0, .byte(1), "cpu"))
    builder.append(kind: Builder.field, Builder.body(1, 0, .byte(2), "mem"))
    builder.append(kind: Builder.fieldSet, Builder.body(0, 0, 2, 0, 2))
    builder.append(kind: Builder.series, Builder.body(0, 0, 3, 1, "server", "a1"))
    builder.append(kind: Builder.reservation, Builder.body(3, 1024))
    builder.append(kind: Builder.layout, Builder.body(3, 0, 0, 0))
    builder.append(kind: Builder.scaleTable, Builder.body(1, 0, 2, .byte(2), .byte(0)))
    let (catalog, what) = try damages(builder)
    #expect(what == [])
    #expect(catalog.tenant(TenantID(1))?.name == bytes("acme"))
    #expect(catalog.series(SeriesID(0))?.tags == tags(["server": "a1"]))
    #expect(catalog.fieldSet(FieldSetID(0))?.types == [.float, .integer])
    #expect(catalog.layout(PartitionID(3), LayoutID(0))?.tenant == TenantID(1))
    #expect(catalog.scales(ScaleTableID(1)) == [2, 0])
  }

  static let wrong: [(kind: UInt8, body: [UInt8], what: String)] = [
    (0, [], "kind 0"),
    (200, [1, 2, 3], "kind 200"),
    (Builder.tenant, [], "kind 1"),
    (Builder.tenant, Builder.body(1, "acme", 7), "kind 1"),
    (Builder.tenant, Builder.body(0, "other"), "tenant 0 is defined twice"),
    (Builder.tenant, Builder.body(4_000_000_000, "far"), "tenant 4000000000 is out of reach"),
    (Builder.tenant, Builder.body(0xffff_ffff, "far"), "kind 1"),
    (Builder.measurement, Builder.body(0, 7, "m"), "refers to tenant 7, which is not defined"),
    (Builder.field, Builder.body(0, 5, .byte(1), "f"), "refers to measurement 5"),
    (Builder.field, Builder.body(0, 5, .byte(0), "f"), "kind 3"),
    (Builder.field, Builder.body(0, 5, .byte(6), "f"), "kind 3"),
    (Builder.fieldSet, Builder.body(0, 0, 2, 0, 2), "refers to field 0"),
    (Builder.fieldSet, Builder.body(0, 0, 0), "kind 4"),
    (Builder.fieldSet, Builder.body(0, 0, 2, 0, 1, 0, 1), "kind 4"),
    (Builder.fieldSet, Builder.body(0, 0, 3, 0, 4), "kind 4"),
    (Builder.fieldSet, Builder.body(0, 0, 1_000_000_000, 0, 1_000_000_000), "kind 4"),
    (Builder.fieldSet, Builder.body(0, 0, 2, 4_294_967_290, 2), "out of reach"),
    (Builder.fieldSet, Builder.body(0, 0, 2, 4_294_967_295, 2), "kind 4"),
    (Builder.series, Builder.body(0, 9, 3, 0), "refers to measurement 9"),
    (Builder.series, Builder.body(0, 0, 64, 0), "kind 5"),
    (Builder.series, Builder.body(0, 0, 9, 0), "partition 9 of 8"),
    (Builder.series, Builder.body(0, 0, 1, 2, "b", "x", "a", "y"), "kind 5"),
    (Builder.series, Builder.body(0, 0, 1, 2, "a", "x", "a", "y"), "kind 5"),
    (Builder.series, Builder.body(0, 0, 1, 300), "kind 5"),
    (Builder.series, Builder.body(3_000_000_000, 0, 1, 0), "out of reach"),
    (Builder.series, Builder.body(0, 0, 1, 1, 70_000), "kind 5"),
    (Builder.layout, Builder.body(1, 0, 0, 0), "refers to series 0"),
    (Builder.layout, Builder.body(9, 0, 0, 0), "partition 9 of 8"),
    (Builder.layout, Builder.body(1, 2_000_000_000, 0, 0), "out of reach"),
    (Builder.scaleTable, Builder.body(0, 0, 1, .byte(1)), "scale table 0"),
    (Builder.scaleTable, Builder.body(1, 0, 1, .byte(1)), "refers to field set 0"),
    (Builder.scaleTable, Builder.body(1, 0, 1, .byte(99)), "kind 7"),
    (Builder.reservation, Builder.body(1, 4_294_967_290), "out of reach"),
    (Builder.reservation, Builder.body(10, 5), "partition 10 of 8"),
    (Builder.loss, Builder.body(5, 5, 0, 0, 0, 0, 0, 0, 0), "kind 9"),
    (Builder.loss, Builder.body(5, 6, 4_000_000_000, 0, 0, 0, 0, 0, 0), "out of reach"),
    (Builder.loss, Builder.body(5, 6, 0, 0, 0, 0, 0, 0, 65), "kind 9"),
  ]

  @Test(arguments: wrong)
  func whatMakesNoSenseIsNamed(kind: UInt8, body: [UInt8], what: String) throws {
    var builder = Builder()
    builder.append(kind: kind, body)
    let (catalog, found) = try damages(builder)
    #expect(found.count == 1)
    #expect(found.allSatisfy { $0.contains(what) }, "\(found)")
    // The catalog works on, and the record stays in the log.
    var runs = LayoutRuns()
    _ = try catalog.resolve(
      tenant: .default,
      measurement: bytes("m"),
      tags: [],
      fields: floats("f"),
      runs: &runs
    )
    #expect(catalog.version == 7)
  }

  @Test func contradictionsAreNamedAndTheFirstHolds() throws {
    var builder = Builder()
    builder.append(kind: Builder.measurement, Builder.body(0, 0, "m"))
    builder.append(kind: Builder.measurement, Builder.body(0, 0, "n"))
    builder.append(kind: Builder.measurement, Builder.body(1, 0, "o"))
    builder.append(kind: Builder.field, Builder.body(0, 0, .byte(1), "f"))
    builder.append(kind: Builder.field, Builder.body(0, 0, .byte(2), "f"))
    builder.append(kind: Builder.fieldSet, Builder.body(0, 0, 1, 0, 1))
    builder.append(kind: Builder.fieldSet, Builder.body(1, 1, 1, 0, 1))
    builder.append(kind: Builder.series, Builder.body(0, 1, 0, 0))
    builder.append(kind: Builder.layout, Builder.body(0, 0, 0, 0))
    builder.append(kind: Builder.scaleTable, Builder.body(1, 0, 2, .byte(1), .byte(1)))
    // The very same once more is no contradiction.
    builder.append(kind: Builder.series, Builder.body(0, 1, 0, 0))
    let (catalog, what) = try damages(builder)
    #expect(
      what == [
        "measurement 0 is defined twice",
        "field 0 is defined twice",
        "field set 1 refers to field 0 of another measurement",
        "layout 0 joins series 0 and field set 0 of two measurements",
        "scale table 1 has 2 exponents for another number of columns",
      ]
    )
    #expect(catalog.measurement(MeasurementID(0))?.name == bytes("m"))
    #expect(catalog.field(FieldID(0))?.type == .float)
  }

  @Test func recordsOfALaterVersionAreReportedAndKept() throws {
    var builder = Builder()
    builder.append(kind: Builder.tenant, Builder.body(1, "acme"))
    builder.append(kind: Builder.tenant, [9, 9, 9], version: 2)
    builder.append(kind: 77, [1])
    builder.append(kind: Builder.tenant, Builder.body(2, "next"))
    let disk = builder.disk
    disk.damage("catalog/a.log") { $0[12] ^= 1 }
    let (catalog, recovery) = try opened(disk)
    #expect(recovery.damages.contains { $0.what == "a record of format version 2" })
    #expect(recovery.damages.contains { $0.what.contains("kind 77") })
    #expect(catalog.tenants().count == 3)
    #expect(recovery.healed == ["catalog/a.log"])
    #expect(disk.files["catalog/a.log"] == builder.bytes)
  }

  @Test func sequencesOutOfReachAreNotFollowed() throws {
    var builder = Builder()
    builder.append(kind: Builder.tenant, Builder.body(1, "acme"))
    builder.append(kind: Builder.tenant, Builder.body(2, "far"), sequence: 1 << 60)
    let (catalog, what) = try damages(builder)
    #expect(catalog.version == 1)
    #expect(what.contains { $0.contains("out of reach") })
    #expect(catalog.tenants().count == 2)
  }

  @Test func recordsInTheWrongOrderAreReported() throws {
    var builder = Builder()
    builder.append(kind: Builder.tenant, Builder.body(1, "a"), sequence: 1)
    builder.append(kind: Builder.tenant, Builder.body(2, "b"), sequence: 2)
    builder.append(kind: Builder.tenant, Builder.body(3, "c"), sequence: 1)
    let (catalog, what) = try damages(builder)
    #expect(what.contains("record 1 stands after 2"))
    #expect(catalog.version == 2)
    #expect(catalog.tenants().count == 3)
  }

  @Test func copiesThatDisagreeAreReportedAndTheFirstHolds() throws {
    var first = Builder()
    first.append(kind: Builder.tenant, Builder.body(1, "a"))
    var second = Builder()
    second.append(kind: Builder.tenant, Builder.body(1, "b"))
    let disk = FaultyDisk(
      seed: 1,
      files: ["catalog/a.log": first.bytes, "catalog/b.log": second.bytes]
    )
    let (catalog, recovery) = try opened(disk)
    #expect(recovery.damages.map(\.what) == ["record 1 is another one than in catalog/a.log"])
    #expect(catalog.tenant(TenantID(1))?.name == bytes("a"))
    #expect(disk.files["catalog/b.log"] == first.bytes)
    #expect(recovery.setAside.count == 1)
  }

  @Test(arguments: UInt64(1)...400)
  func randomBodiesNeverTrap(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var builder = Builder()
    for _ in 0..<40 {
      let kind = UInt8.random(in: 0...10, using: &random)
      let isSmall = Bool.random(using: &random)
      let body = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        UInt8.random(in: 0...(isSmall ? 3 : 255), using: &random)
      }
      builder.append(kind: kind, body)
    }
    let disk = builder.disk
    let (catalog, recovery) = try opened(disk)
    #expect(catalog.version >= 40)
    var lines = RandomLines(seed: seed)
    var runs = LayoutRuns()
    // Whatever it believes now, it goes on and stays the same when it is opened again.
    for _ in 0..<10 { _ = try? catalog.resolveRandomLine(&lines, &runs) }
    try catalog.sync(upTo: catalog.version)
    let again = try opened(disk).catalog
    #expect(again.version == catalog.version)
    #expect(
      Contents(again, idMax: 50, layoutMax: 40) == Contents(catalog, idMax: 50, layoutMax: 40)
    )
    _ = recovery.damages.map(\.description)
  }

  @Test(arguments: UInt64(1)...100)
  func randomBytesNeverTrap(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var builder = Builder()
    builder.append(kind: Builder.tenant, Builder.body(1, "acme"))
    let record = builder.bytes
    var noise: [UInt8] = []
    for _ in 0..<20 {
      let part = (0..<Int.random(in: 0...200, using: &random)).map { _ in
        UInt8.random(in: .min ... .max, using: &random)
      }
      noise += part + record.prefix(Int.random(in: 0...record.count, using: &random))
    }
    let disk = FaultyDisk(
      seed: seed,
      files: ["catalog/a.log": noise, "catalog/b.log": noise.reversed()]
    )
    let (catalog, _) = try opened(disk)
    #expect(catalog.version <= 1)
    try catalog.sync(upTo: catalog.version)
    #expect(try Catalog.check(disk: disk, directory: "catalog", partitionCount: 8) == [])
  }
}
