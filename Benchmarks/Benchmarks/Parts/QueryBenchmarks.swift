import Benchmark
import Blocks
import Bytes
import Catalog
import Codecs
import ColumnData
import Model
import Platform
import Query
import Ring

/// Series in blocks, and what a query needs to read them: no ring and no open rows, so that every
/// answer comes from chunks.
final class QueryBench: ViewProvider, @unchecked Sendable {
  private let folder = Folder()
  private let disk = RealDisk()
  private let catalog: Catalog
  private var runs = LayoutRuns()
  private var blocks: [BlockReader] = []
  private(set) var pointCount = 0

  struct NoOpenRows: OpenRowsSource {
    func rowCountMax(of series: SeriesID) -> Int { 0 }
    func openRows(of series: SeriesID, fields: [FieldID], in range: TimeRange) -> OpenRows {
      OpenRows()
    }
  }

  /// - Parameters:
  ///   - fields: their names and what they hold.
  ///   - rows: of each series, one every `step` seconds.
  init(
    seriesCount: Int,
    fields: [(name: String, kind: ColumnClass)],
    rows: Int,
    step: Int,
    strength: ChunkStrength,
    groupRows: Int
  ) throws {
    catalog = try Catalog.open(
      disk: disk,
      directory: folder.path + "/catalog",
      partitionCount: 1
    ).catalog
    let identity = BlockIdentity(
      partition: PartitionID(0),
      tenant: .default,
      epoch: Epoch(1),
      a: Offset(1),
      b: Offset(2),
      cut: 1,
      index: 0,
      count: 1,
      strength: strength
    )
    var writer = try BlockWriter(
      disk: disk,
      directory: folder.path,
      identity: identity,
      strength: strength
    )
    let start = Int64(Lines.start) * Nanoseconds.perSecond
    let timestamps = (0..<rows).map { start + Int64($0 * step) * Nanoseconds.perSecond }
    for series in 0..<seriesCount {
      let layout = try catalog.resolve(
        tenant: .default,
        measurement: Array("cpu".utf8),
        tags: [
          Tag(key: Array("hostname".utf8), value: Array("host_\(series)".utf8)),
          Tag(key: Array("region".utf8), value: Array("r\(series % 10)".utf8)),
        ],
        fields: fields.map { FieldName(name: Array($0.name.utf8), type: .float) },
        runs: &runs
      )
      guard let set = catalog.fieldSet(layout.fieldSet) else {
        preconditionFailure("a field set is missing")
      }
      let columns = fields.enumerated().map { place, field in
        field.kind.cells(rows, seed: UInt64(series * fields.count + place))
      }
      for first in stride(from: 0, to: rows, by: groupRows) {
        let range = first..<min(rows, first + groupRows)
        writer.beginGroup(
          series: layout.series,
          fieldSet: layout.fieldSet,
          fields: zip(set.fields, set.types).map { (field: $0, type: $1) },
          timestamps: timestamps.span.extracting(range),
          isLate: false
        )
        for place in columns.indices {
          guard let field = layout.columnOf.firstIndex(of: place) else { continue }
          let cells = columns[field]
          writer.appendColumn(cells.span.extracting(range), type: .float)
        }
        try writer.endGroup()
      }
      pointCount += rows * fields.count
    }
    let definitions = BlockDefinitions(tenant: .default, tenantName: Array("default".utf8))
    _ = try writer.finish(definitions: definitions, ledger: [])
    blocks = [
      try BlockReader.open(disk: disk, path: Path.join(folder.path, identity.fileName))
    ]
  }

  func view(
    of partition: PartitionID,
    series: [SeriesID],
    in range: TimeRange
  ) throws(QueryError) -> PartitionView {
    PartitionView(blocks: blocks, ring: RingSnapshot(), open: NoOpenRows())
  }

  /// Asks with items as in a request's URL.
  func run(_ items: [(name: String, value: String)]) throws -> RangeAnswer {
    try RangeQuery.run(
      RangeRequest.parse(items: items, now: 0),
      tenant: .default,
      catalog: catalog,
      views: self,
      clock: RealClock()
    )
  }
}

func queryBenchmarks() {
  let end = Lines.start + 172_800
  for (strength, rows) in [(ChunkStrength.head, 60), (.young, 1_024), (.cold, 8_192)] {
    Benchmark("query: 172,800 values by minute, all aggregates (\(strength))") { benchmark, bench in
      try measure(benchmark, points: bench.pointCount) {
        let answer = try bench.run([
          ("measurement", "cpu"), ("field", "usage_user"), ("start", "\(Lines.start)"),
          ("end", "\(end)"), ("step", "60s"), ("agg", "count,sum,min,max,avg,first,last"),
        ])
        precondition(answer.series.count == 1, "a series is missing")
      }
    } setup: {
      try QueryBench(
        seriesCount: 1,
        fields: [("usage_user", .gaugeOneDecimal)],
        rows: 172_800,
        step: 1,
        strength: strength,
        groupRows: rows
      )
    }
  }
  // 400 hosts, an hour of ten fields every ten seconds.
  let range = [("start", "\(Lines.start)"), ("end", "\(Lines.start + 3_600)")]
  let wide: [(String, [(name: String, value: String)], Int)] = [
    (
      "filter: 144,000 values against a condition",
      [("where", "usage_0>90"), ("field", "usage_0")], 1
    ),
    (
      "group by: mean of 400 hosts by region and minute",
      [("field", "usage_0"), ("step", "60s"), ("agg", "avg"), ("group_by", "region")], 1
    ),
    (
      "mean of each of 400 hosts by the hour, from statistics",
      [("field", "usage_0"), ("step", "1h"), ("agg", "avg")], 1
    ),
    ("newest row of ten fields of 400 hosts", [("newest", "1")], 10),
  ]
  for (name, items, fields) in wide {
    Benchmark("query: \(name)") { benchmark, bench in
      try measure(benchmark, points: bench.pointCount / 10 * fields) {
        let answer = try bench.run([("measurement", "cpu")] + range + items)
        precondition(!answer.series.isEmpty, "the answer is empty")
      }
    } setup: {
      try QueryBench(
        seriesCount: 400,
        fields: (0..<10).map { ("usage_\($0)", .percentInteger) },
        rows: 360,
        step: 10,
        strength: .young,
        groupRows: 360
      )
    }
  }
}
