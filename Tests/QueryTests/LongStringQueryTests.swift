import Blocks
import Catalog
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: what could be asked before a merge can be asked after it. Method: rows of 20 KB, 24 MB
/// of them, and a budget of 40 MiB, one half of which is for what is decoded.
@Suite struct LongStringQueryTests {
  static let options = QueryOptions(byteCountMax: 40 << 20)
  let disk = FaultyDisk()
  var store: RealStore

  init() throws {
    store = try RealStore(disk: disk, directory: "data")
    let layout = try store.define(
      "a",
      fields: [FieldName(name: Array("state".utf8), type: .string)]
    )
    let measurement = try #require(
      store.catalog.measurement(tenant: .default, named: Array("node".utf8))
    )
    let field = try #require(store.catalog.fields(of: measurement).first)
    for cut in 0..<3 {
      var batch = ColumnBatch(
        timestamps: (0..<400).map { noon + Int64(cut * 400 + $0) * Nanoseconds.perSecond }
      )
      let cells = batch.timestamps.indices.map { row -> Cell in
        let start = Array("row \(cut * 400 + row) ".utf8)
        return batch.strings.append(start + Array(repeating: 120, count: 20_000)) ?? 0
      }
      batch.columns = [ColumnBatch.Column(field: field.id, type: .string, cells: cells)]
      try store.cut([(layout.series, batch)])
    }
  }

  private func pointCount(_ query: String) throws -> Int {
    let answer = try store.run("measurement=node&" + query, options: Self.options)
    #expect(answer.warnings == [])
    return RangeQueryModelTests.points(answer).count
  }

  static let narrow = [
    "start=2026-01-31T11:30:00Z&end=2026-01-31T13:00:00Z&newest=1",
    "start=2026-01-31T12:00:05Z&end=2026-01-31T12:00:06Z",
    "start=2026-01-31T12:19:59Z&end=2026-01-31T12:20:00Z",
  ]

  @Test mutating func aMergeTakesNoQueryAway() throws {
    for query in Self.narrow { #expect(try pointCount(query) == 1) }
    let page = "start=2026-01-31T12:00:00Z&end=2026-01-31T13:00:00Z&limit=100"
    #expect(try pointCount(page) == 100)
    try store.merge()
    for query in Self.narrow { #expect(try pointCount(query) == 1) }
    #expect(try pointCount(page) == 100)
    let newest = "start=2026-01-31T11:30:00Z&end=2026-01-31T13:00:00Z&newest=3"
    #expect(try pointCount(newest) == 3)
  }

  /// What merges wrote before groups had a limit of bytes.
  @Test mutating func rowsOfAGroupLargerThanTheBudgetCanBeRead() throws {
    try store.merge(textByteCountMax: .max)
    let entries = try store.blocks[0].entries()
    #expect(entries.map(\.rowCount) == [1_200])
    for query in Self.narrow { #expect(try pointCount(query) == 1) }
    #expect(throws: QueryError.self) {
      try pointCount("start=2026-01-31T12:00:00Z&end=2026-01-31T13:00:00Z&limit=100")
    }
  }
}
