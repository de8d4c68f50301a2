import Catalog
import Model
import TestSupport
import Testing

/// Goal: the same names always mean the same ids, other names never do, and a refused line leaves
/// nothing behind.
@Suite struct CatalogResolveTests {
  let catalog: Catalog
  var runs = LayoutRuns()

  init() throws { catalog = try opened(FaultyDisk()).catalog }

  mutating func resolve(
    _ measurement: String,
    _ tags: [Tag],
    _ fields: [FieldName]
  ) throws -> ResolvedLayout {
    try catalog.resolve(
      tenant: .default,
      measurement: bytes(measurement),
      tags: tags,
      fields: fields,
      runs: &runs
    )
  }

  @Test mutating func theSameNamesGetTheSameIDs() throws {
    let first = try resolve("cpu", tags(["host": "a"]), floats("user", "system"))
    let version = catalog.version
    #expect(try resolve("cpu", tags(["host": "a"]), floats("user", "system")) == first)
    #expect(catalog.version == version)
    let other = try resolve("cpu", tags(["host": "b"]), floats("user", "system"))
    #expect(other.series != first.series)
    #expect(other.fieldSet == first.fieldSet)
    #expect(other.measurement == first.measurement)
  }

  @Test mutating func theOrderOfTagsDoesNotMatter() throws {
    let fields = floats("user")
    let first = try resolve("cpu", tags(["az": "1", "dc": "x", "host": "a"]), fields)
    let second = try resolve("cpu", tags(["host": "a", "az": "1", "dc": "x"]), fields)
    #expect(first == second)
    #expect(catalog.statistics().series == 1)
  }

  @Test mutating func columnsAscendByFieldWhateverTheOrderOfTheLine() throws {
    let first = try resolve("cpu", [], floats("a", "b", "c"))
    #expect(first.columnOf == [0, 1, 2])
    let second = try resolve("cpu", [], floats("c", "a", "b"))
    #expect(second.columnOf == [2, 0, 1])
    #expect(second.fieldSet == first.fieldSet)
    #expect(second.layout == first.layout)
    let third = try resolve("cpu", [], floats("c", "d", "a"))
    #expect(third.columnOf == [1, 2, 0])
    #expect(third.fieldSet != first.fieldSet)
    #expect(third.series == first.series)
  }

  @Test mutating func typesStandInColumnOrder() throws {
    let fields = ColumnType.allCases.map { FieldName(name: bytes($0.name), type: $0) }
    _ = try resolve("m", [], fields)
    let reversed = try resolve("m", [], fields.reversed())
    #expect(reversed.types == ColumnType.allCases)
    #expect(reversed.columnOf == [4, 3, 2, 1, 0])
    let set = try #require(catalog.fieldSet(reversed.fieldSet))
    #expect(set.types == ColumnType.allCases)
    #expect(
      set.fields.map { catalog.field($0)?.name } == ColumnType.allCases.map { bytes($0.name) }
    )
  }

  @Test mutating func layoutsOfOneReceiverAreConsecutiveInAPartition() throws {
    var last: [PartitionID: UInt32] = [:]
    for number in 0..<3_000 {
      let resolved = try resolve("cpu", tags(["host": "h\(number)"]), floats("user"))
      if let previous = last[resolved.partition] {
        #expect(resolved.layout.rawValue == previous + 1)
      }
      last[resolved.partition] = resolved.layout.rawValue
    }
    #expect(last.count == 8)
  }

  @Test mutating func receiversTakeRunsOfTheirOwn() throws {
    var others = LayoutRuns()
    var seen: Set<[UInt32]> = []
    for number in 0..<400 {
      let resolved = try catalog.resolve(
        tenant: .default,
        measurement: bytes("cpu"),
        tags: tags(["host": "h\(number)"]),
        fields: floats("user"),
        runs: &others
      )
      swap(&others, &runs)
      let isNew = seen.insert([UInt32(resolved.partition.rawValue), resolved.layout.rawValue])
      #expect(isNew.inserted)
    }
    let runsSeen = Set(seen.map { [$0[0], $0[1] / LayoutRuns.runCount] })
    #expect(runsSeen.count == 16)
  }

  @Test mutating func anotherTypeIsRefusedWithFieldAndExistingType() throws {
    let first = try resolve("cpu", tags(["host": "a"]), floats("user", "system"))
    let before = (catalog.version, catalog.statistics())
    let conflict = SchemaRefusal.typeConflict(
      measurement: first.measurement,
      field: 2,
      existing: .float
    )
    #expect(throws: conflict) {
      try catalog.resolve(
        tenant: .default,
        measurement: bytes("cpu"),
        tags: tags(["host": "new"]),
        fields: floats("brandnew", "user") + [FieldName(name: bytes("system"), type: .string)],
        runs: &runs
      )
    }
    #expect(before == (catalog.version, catalog.statistics()))
  }

  @Test(arguments: ColumnType.allCases, ColumnType.allCases)
  func aFirstTypeHolds(existing: ColumnType, given: ColumnType) throws {
    let catalog = try opened(FaultyDisk()).catalog
    var runs = LayoutRuns()
    func resolve(_ type: ColumnType) throws -> ResolvedLayout {
      try catalog.resolve(
        tenant: .default,
        measurement: bytes("m"),
        tags: [],
        fields: [FieldName(name: bytes("f"), type: type)],
        runs: &runs
      )
    }
    let first = try resolve(existing)
    let isAccepted =
      existing == given || existing == .float && (given == .integer || given == .unsigned)
    if isAccepted {
      #expect(try resolve(given) == first)
    } else {
      #expect(throws: SchemaRefusal.self) { try resolve(given) }
    }
    // Once more: what a receiver remembers must not change the answer.
    #expect(try resolve(existing) == first)
  }

  @Test mutating func typesHoldForTheirMeasurementAndTenantOnly() throws {
    let other = try #require(try catalog.tenant(named: bytes("other"), create: true))
    _ = try resolve("cpu", [], floats("f"))
    let string = [FieldName(name: bytes("f"), type: .string)]
    let second = try resolve("disk", [], string)
    #expect(second.types == [.string])
    let third = try catalog.resolve(
      tenant: other,
      measurement: bytes("cpu"),
      tags: [],
      fields: string,
      runs: &runs
    )
    #expect(third.types == [.string])
    #expect(catalog.measurements(of: other).map(\.name) == [bytes("cpu")])
    #expect(catalog.seriesCount(of: .default) == 2)
    #expect(catalog.seriesCount(of: other) == 1)
  }

  @Test func tenantsAreFoundByName() throws {
    #expect(try catalog.tenant(named: bytes("default"), create: false) == .default)
    #expect(try catalog.tenant(named: bytes("a"), create: false) == nil)
    let made = try #require(try catalog.tenant(named: bytes("a"), create: true))
    #expect(try catalog.tenant(named: bytes("a"), create: false) == made)
    #expect(catalog.tenant(made)?.name == bytes("a"))
    #expect(catalog.tenant(TenantID(77)) == nil)
  }

  @Test mutating func thePartitionIsAFunctionOfTheNames() throws {
    for number in 0..<50 {
      let own = tags(["host": "h\(number)"])
      let resolved = try resolve("cpu", own, floats("user"))
      let expected = SeriesKey.partition(
        tenant: bytes("default"),
        measurement: bytes("cpu"),
        tags: own,
        partitionCount: 8
      )
      #expect(resolved.partition == expected)
      #expect(catalog.partition(of: resolved.series) == expected)
    }
    // The worked example of docs/format/catalog.md.
    let key = SeriesKey.bytes(
      tenant: bytes("default"),
      measurement: bytes("node"),
      tags: tags(["server": "a1"])
    )
    #expect(key == bytes("\u{7}default\u{4}node\u{6}server\u{2}a1"))
  }

  @Test mutating func scaleTablesAreInterned() throws {
    let resolved = try resolve("cpu", [], floats("a", "b"))
    #expect(try catalog.scaleTable(fieldSet: resolved.fieldSet, exponents: [0, 0]) == .zero)
    let first = try catalog.scaleTable(fieldSet: resolved.fieldSet, exponents: [2, 0])
    let second = try catalog.scaleTable(fieldSet: resolved.fieldSet, exponents: [2, 1])
    #expect(first != .zero)
    #expect(second != first)
    #expect(try catalog.scaleTable(fieldSet: resolved.fieldSet, exponents: [2, 0]) == first)
    #expect(catalog.scales(first) == [2, 0])
    #expect(catalog.scales(.zero) == [])
    #expect(catalog.scales(ScaleTableID(9)) == nil)
    let other = try resolve("cpu", [], floats("c", "d"))
    #expect(try catalog.scaleTable(fieldSet: other.fieldSet, exponents: [2, 0]) != first)
  }

  @Test mutating func unionsAndSubsetsOfFieldSetsAreInterned() throws {
    let first = try resolve("cpu", [], floats("a", "b"))
    let second = try resolve("cpu", [], floats("b", "c"))
    let fields = catalog.fields(of: first.measurement).map(\.id)
    #expect(fields.count == 3)
    let union = try catalog.fieldSet(of: fields.reversed())
    #expect(try catalog.fieldSet(of: fields + fields) == union)
    #expect(catalog.fieldSet(union)?.fields == fields)
    #expect(try resolve("cpu", [], floats("c", "b", "a")).fieldSet == union)
    #expect(try catalog.fieldSet(of: [fields[1], fields[0]]) == first.fieldSet)
    #expect(try catalog.fieldSet(of: [fields[1], fields[2]]) == second.fieldSet)
  }

  @Test mutating func aReceiverThatSawManyShapesStillAnswersRight() throws {
    var answers: [String: ResolvedLayout] = [:]
    for round in 0..<3 {
      for number in 0..<40 {
        let resolved = try resolve("m\(number)", [], floats("a\(number % 7)", "b\(number % 5)"))
        if round == 0 {
          answers["\(number)"] = resolved
        } else {
          #expect(answers["\(number)"] == resolved)
        }
      }
    }
  }
}
