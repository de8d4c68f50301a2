import Catalog
import Model
import Platform
import TestSupport
import Testing

/// Testing has tags of its own.
typealias Tag = Model.Tag

/// Bytes of a name.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Tags from pairs of text.
func tags(_ pairs: KeyValuePairs<String, String>) -> [Tag] {
  pairs.map { Tag(key: bytes($0.key), value: bytes($0.value)) }
}

/// Float fields of these names.
func floats(_ names: String...) -> [FieldName] {
  names.map { FieldName(name: bytes($0), type: .float) }
}

/// A catalog in `catalog/` of a disk, and what its opening found.
func opened(
  _ disk: any Disk,
  partitionCount: Int = 8,
  limits: CatalogLimits = CatalogLimits()
) throws(SystemError) -> (catalog: Catalog, recovery: CatalogRecovery) {
  try Catalog.open(
    disk: disk,
    directory: "catalog",
    partitionCount: partitionCount,
    limits: limits
  )
}

/// Everything that a catalog answers, by id: two catalogs that know the same have equal ones.
struct Contents: Equatable {
  var tenants: [TenantDefinition]
  var measurements: [[MeasurementDefinition]]
  var fields: [FieldDefinition?]
  var fieldSets: [FieldSetDefinition?]
  var series: [SeriesDefinition?]
  var partitions: [PartitionID?]
  var layouts: [[LayoutDefinition?]]
  var scales: [[UInt8]?]
  var seriesCounts: [Int]

  /// - Parameters:
  ///   - idMax: ids are asked for up to here.
  ///   - layoutMax: layouts of each partition likewise.
  init(_ catalog: Catalog, idMax: UInt32 = 400, layoutMax: UInt32 = 4 * LayoutRuns.runCount) {
    tenants = catalog.tenants()
    measurements = tenants.map { catalog.measurements(of: $0.id) }
    fields = (0..<idMax).map { catalog.field(FieldID($0)) }
    fieldSets = (0..<idMax).map { catalog.fieldSet(FieldSetID($0)) }
    series = catalog.series((0..<idMax).map { SeriesID($0) })
    partitions = (0..<idMax).map { catalog.partition(of: SeriesID($0)) }
    layouts = (0..<catalog.partitionCount).map { partition in
      (0..<layoutMax).map {
        catalog.layout(PartitionID(UInt16(partition)), LayoutID($0))
      }
    }
    scales = (0..<idMax).map { catalog.scales(ScaleTableID($0)) }
    seriesCounts = tenants.map { catalog.seriesCount(of: $0.id) }
  }

  /// A layout; `nil` beyond those that were asked for.
  func layout(_ resolved: ResolvedLayout) -> LayoutDefinition? {
    let known = layouts[Int(resolved.partition.rawValue)]
    return Int(resolved.layout.rawValue) < known.count ? known[Int(resolved.layout.rawValue)] : nil
  }
}

/// Lines with seeded names, small enough that many repeat.
struct RandomLines {
  var random: SeededRandom
  var fieldNameCount = 12

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func name(_ prefix: String, _ count: Int) -> [UInt8] {
    bytes("\(prefix)\(Int.random(in: 0..<count, using: &random))")
  }

  mutating func tags() -> [Tag] {
    let count = Int.random(in: 0...3, using: &random)
    let keys = ["dc", "host", "rack", "äöü"].shuffled(using: &random).prefix(count).sorted()
    return keys.map { Tag(key: bytes($0), value: name("v", 5)) }.sorted()
  }

  /// Fields whose type follows from the name, so that no two lines conflict.
  mutating func fields() -> [FieldName] {
    let count = Int.random(in: 1...fieldNameCount, using: &random)
    return (0..<fieldNameCount).shuffled(using: &random).prefix(count).map { number in
      FieldName(name: bytes("f\(number)"), type: ColumnType.allCases[number % 5])
    }
  }
}

extension Catalog {
  /// Resolves one random line, now and then with a new tenant or a scale table.
  @discardableResult
  func resolveRandomLine(
    _ lines: inout RandomLines,
    _ runs: inout LayoutRuns
  ) throws -> ResolvedLayout {
    let name = lines.name("tenant", 3)
    let tenant =
      Bool.random(using: &lines.random) ? TenantID.default : try tenant(named: name, create: true)
    let resolved = try resolve(
      tenant: #require(tenant),
      measurement: lines.name("m", 4),
      tags: lines.tags(),
      fields: lines.fields(),
      runs: &runs
    )
    if Int.random(in: 0..<4, using: &lines.random) == 0 {
      let exponents = resolved.types.map { _ in UInt8.random(in: 0...3, using: &lines.random) }
      _ = try scaleTable(fieldSet: resolved.fieldSet, exponents: exponents)
    }
    return resolved
  }
}
