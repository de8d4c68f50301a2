import Catalog
import Model
import TestSupport
import Testing

/// Goal: every limit refuses what is new and nothing else, with a reason that names the thing and
/// the limit.
@Suite struct CatalogLimitsTests {
  /// A catalog with limits and one receiver.
  final class Bench {
    let catalog: Catalog
    var runs = LayoutRuns()

    init(_ change: (inout CatalogLimits) -> Void) throws {
      var limits = CatalogLimits()
      change(&limits)
      catalog = try opened(FaultyDisk(), limits: limits).catalog
    }

    func resolve(
      _ measurement: String,
      _ tags: [Tag],
      _ fields: [FieldName] = floats("value")
    ) throws(SchemaRefusal) -> ResolvedLayout {
      try catalog.resolve(
        tenant: .default,
        measurement: bytes(measurement),
        tags: tags,
        fields: fields,
        runs: &runs
      )
    }

    /// Reason and message of the refusal that `body` must meet, which must define nothing.
    func refusal(
      _ body: () throws(SchemaRefusal) -> some Any
    ) throws -> (reason: RefusalReason, message: String) {
      let before = (catalog.version, catalog.statistics())
      do throws(SchemaRefusal) {
        _ = try body()
      } catch .limit(_, let reason, let message) {
        #expect(before == (catalog.version, catalog.statistics()))
        #expect(!message.contains("\n"))
        return (reason, message)
      } catch {
        Issue.record("\(error)")
      }
      Issue.record("nothing was refused")
      return (.cut, "")
    }
  }

  @Test func theSeriesLimitRefusesOnlyNewSeries() throws {
    let bench = try Bench { $0.seriesMax = 3 }
    let known = try (0..<3).map { try bench.resolve("cpu", tags(["host": "h\($0)"])) }
    let refusal = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("cpu", tags(["host": "one\nmore"]))
    }
    #expect(refusal.reason == .seriesLimit)
    #expect(refusal.message.contains("cpu,host=one\\x0amore"))
    #expect(refusal.message.contains("limit of 3 series"))
    for number in 0..<3 {
      #expect(try bench.resolve("cpu", tags(["host": "h\(number)"])) == known[number])
      // A new field of a known series is no new series.
      _ = try bench.resolve("cpu", tags(["host": "h\(number)"]), floats("value", "other"))
    }
  }

  @Test func everyOtherLimitIsNamed() throws {
    let bench = try Bench {
      $0.tenantsMax = 2
      $0.measurementsMax = 2
      $0.fieldsPerMeasurementMax = 3
      $0.fieldsMax = 4
      $0.fieldSetsMax = 3
      $0.fieldSetColumnsMax = 6
      $0.layoutsMax = 4
      $0.scaleTablesMax = 1
    }
    _ = try bench.catalog.tenant(named: bytes("second"), create: true)
    let tenant = try bench.refusal { () throws(SchemaRefusal) in
      try bench.catalog.tenant(named: bytes("third"), create: true)
    }
    #expect(tenant.reason == .seriesLimit)
    #expect(tenant.message.contains("third"))
    #expect(tenant.message.contains("2 tenants"))

    let first = try bench.resolve("a", [], floats("x", "y"))
    let wide = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("a", [], floats("p", "q"))
    }
    #expect(wide.reason == .tooWide)
    #expect(wide.message.contains("3 fields of measurement a"))

    _ = try bench.resolve("b", [], floats("x", "y"))
    let fields = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("b", [], floats("z"))
    }
    #expect(fields.reason == .tooWide)
    #expect(fields.message.contains("limit of 4 fields"))
    let measurement = try bench.refusal { () throws(SchemaRefusal) in try bench.resolve("c", []) }
    #expect(measurement.reason == .seriesLimit)
    #expect(measurement.message.contains("2 measurements"))

    _ = try bench.resolve("a", [], floats("x"))
    let sets = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("a", [], floats("y"))
    }
    #expect(sets.reason == .tooWide)
    #expect(sets.message.contains("3 field sets"))

    _ = try bench.resolve("a", tags(["host": "1"]), floats("x"))
    let layouts = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("a", tags(["host": "2"]), floats("x"))
    }
    #expect(layouts.reason == .seriesLimit)
    #expect(layouts.message.contains("4 layouts"))

    _ = try bench.catalog.scaleTable(fieldSet: first.fieldSet, exponents: [1, 1])
    let scales = try bench.refusal { () throws(SchemaRefusal) in
      try bench.catalog.scaleTable(fieldSet: first.fieldSet, exponents: [1, 2])
    }
    #expect(scales.reason == .tooWide)
    #expect(try bench.catalog.scaleTable(fieldSet: first.fieldSet, exponents: [0, 0]) == .zero)
  }

  @Test func columnsOfAllFieldSetsAreBounded() throws {
    let bench = try Bench { $0.fieldSetColumnsMax = 5 }
    let resolved = try bench.resolve("a", [], floats("x", "y", "z"))
    let refusal = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("a", [], floats("x", "y", "w"))
    }
    #expect(refusal.message.contains("limit of 5 columns"))
    let fields = bench.catalog.fields(of: resolved.measurement).map(\.id)
    _ = try bench.catalog.fieldSet(of: [fields[0], fields[1]])
    let union = try bench.refusal { () throws(SchemaRefusal) in
      try bench.catalog.fieldSet(of: [fields[0]])
    }
    #expect(union.reason == .tooWide)
  }

  @Test func widthsOfOneLineAreBounded() throws {
    let bench = try Bench { $0.seriesByteCountMax = 100_000 }
    let long = String(repeating: "x", count: Limits.nameByteCountMax + 1)
    let longName = String(repeating: "y", count: Limits.nameByteCountMax)
    let manyTags = (0...Limits.tagsPerSeriesMax).map { Tag(key: bytes("k\($0)"), value: [1]) }
    let manyFields = (0...Limits.fieldsPerRowMax).map {
      FieldName(name: bytes("f\($0)"), type: .float)
    }
    let lines: [(String, [Tag], [FieldName], String)] = [
      (long, [], floats("f"), "65535"),
      ("m", tags([long: "v"]), floats("f"), "65535"),
      ("m", tags(["k": long]), floats("f"), "65535"),
      ("m", [], floats(long), "65535"),
      ("m", manyTags.sorted(), floats("f"), "limit of 255"),
      ("m", [], manyFields, "limit of 65535"),
      ("m", tags(["a": longName, "b": longName]), floats("f"), "limit of 100000"),
    ]
    for line in lines {
      let refusal = try bench.refusal { () throws(SchemaRefusal) in
        try bench.resolve(line.0, line.1, line.2)
      }
      #expect(refusal.reason == .tooWide)
      #expect(refusal.message.contains(line.3), "\(refusal.message)")
      #expect(refusal.message.utf8.count < 300)
    }
    _ = try bench.resolve(longName, [], floats("f"))
    _ = try bench.resolve("m", Array(manyTags.sorted().prefix(255)), floats("f"))
    _ = try bench.resolve("m", [], Array(manyFields.dropLast()))
  }

  @Test func namesThatWaitForTheDiskAreBounded() throws {
    let bench = try Bench { $0.unsyncedByteCountMax = 2_000 }
    var count = 0
    while count < 1_000, (try? bench.resolve("cpu", tags(["host": "h\(count)"]))) != nil {
      count += 1
    }
    #expect((5..<100).contains(count))
    let refusal = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("cpu", tags(["host": "another"]))
    }
    #expect(refusal.message.contains("wait for the disk"))
    #expect(try bench.resolve("cpu", tags(["host": "h0"])).layout.rawValue == 0)
    try bench.catalog.sync(upTo: bench.catalog.version)
    #expect(bench.catalog.statistics().unsyncedByteCount == 0)
    _ = try bench.resolve("cpu", tags(["host": "another"]))
  }

  @Test func bytesOfNamesAreBounded() throws {
    let bench = try Bench { $0.nameByteCountMax = 500 }
    var count = 0
    while count < 1_000, (try? bench.resolve("cpu", tags(["host": "host-\(count)"]))) != nil {
      count += 1
    }
    #expect((40..<80).contains(count))
    let refusal = try bench.refusal { () throws(SchemaRefusal) in
      try bench.resolve("cpu", tags(["host": "another"]))
    }
    #expect(refusal.message.contains("500 bytes"))
    // Names that are there make new series still.
    _ = try bench.resolve("cpu", tags(["host": "host-0"]), floats("value"))
  }
}
