import Benchmark
import Catalog
import LineProtocol
import Model
import Platform

/// A parser on a catalog of its own.
final class ParserBench: SchemaResolver {
  static let arrival = Timestamp(Lines.start) * 1_000_000_000

  let catalog: Catalog
  private let folder = Folder()
  private var runs = LayoutRuns()
  private var parser: LineParser?
  private let session = LineSession(tenant: .default)

  init() throws {
    catalog = try Catalog.open(disk: RealDisk(), directory: folder.path, partitionCount: 1).catalog
  }

  /// Parses all lines and returns the batches of rows that they become.
  func parse(_ text: [UInt8]) -> [RowBatch] {
    var parser = self.parser.take() ?? LineParser(partitionCount: 1, resolver: self)
    var batches: [RowBatch] = []
    text.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        // A receiver reads up to so much at a time.
        let end = min(bytes.count, done + 1 << 18)
        let part = UnsafeRawBufferPointer(rebasing: bytes[done..<end])
        done += parser.parse(part, session: session, arrival: Self.arrival).consumed
        batches += parser.takeSealed()
      }
    }
    parser.closeBatches(arrival: Self.arrival)
    batches += parser.takeSealed()
    precondition(session.rejected == 0, "a line was refused")
    self.parser = consume parser
    return batches
  }

  /// Ends the circle of parser and resolver.
  func close() { parser = nil }

  func resolve(
    tenant: TenantID,
    measurement: [UInt8],
    tags: [Tag],
    fields: [FieldName]
  ) throws(SchemaRefusal) -> ResolvedLayout {
    try catalog.resolve(
      tenant: tenant,
      measurement: measurement,
      tags: tags,
      fields: fields,
      runs: &runs
    )
  }

  func scaleTable(fieldSet: FieldSetID, exponents: [UInt8]) -> ScaleTableID? {
    try? catalog.scaleTable(fieldSet: fieldSet, exponents: exponents)
  }

  var version: UInt64 { catalog.version }
}

func parserBenchmarks() {
  for lines in Lines.allCases {
    Benchmark("parser: \(lines.rawValue), known") { benchmark, state in
      let (bench, text) = state
      let points = bench.parse(text).reduce(0) { $0 + Int($1.header.pointCount) }
      measure(benchmark, points: points, bytes: text.count) { blackHole(bench.parse(text)) }
    } setup: {
      (try ParserBench(), lines.text(rows: 1))
    }
    Benchmark("parser: \(lines.rawValue), new series") { benchmark, text in
      let bench = try ParserBench()
      defer { bench.close() }
      measure(benchmark, points: lines.seriesCount * lines.fieldCount, bytes: text.count) {
        blackHole(bench.parse(text))
      }
    } setup: {
      lines.text(rows: 1)
    }
  }
}
