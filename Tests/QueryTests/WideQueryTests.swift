import Catalog
import Model
import Platform
import Query
import Synchronization
import TestSupport
import Testing

/// Goal: queries over many series, which are split over threads and read in storage order, answer
/// what each series by itself answers. Method: seeded stores of some hundred series against the
/// naive model, with threads that help, and real files against one query a series.
@Suite struct WideQueryTests {
  /// A thread for every offer.
  final class Helpers: QueryHelpers {
    let offers = Atomic<Int>(0)

    func offer(_ work: @escaping @Sendable () -> Void) {
      offers.add(1, ordering: .relaxed)
      _ = try? WorkerThread(name: "helper", work)
    }
  }

  static let numbers = "f0,f1,f2,f3,f5"

  @Test(arguments: UInt64(1)...4)
  func bucketsOfManySeriesEqualAPlainFold(seed: UInt64) throws {
    let generator = StoreGenerator(seed: seed, seriesCount: 200, rowCountMax: 2_500)
    let points = naivePoints(generator.rows)
    let helpers = Helpers()
    for step in ["60s", "1h", "7m"] {
      for group in ["", "&group_by=server", "&group_by=az", "&group_by=none"] {
        let parsed = try request(
          "measurement=node&start=-1h&end=now+4h&step=\(step)"
            + "&agg=count,sum,min,max,avg,first,last\(group)"
        )
        let answer = try generator.store.run(parsed, helpers: helpers)
        try RangeQueryModelTests.compare(
          answer,
          parsed,
          points,
          generator.store,
          "seed \(seed) step \(step)\(group)"
        )
        let alone = try generator.store.run(parsed)
        #expect(answer.dataJSON == alone.dataJSON, "seed \(seed) step \(step)\(group)")
        // Late rows send the windows of their own fields away; fields that are folded apart keep
        // theirs.
        #expect(answer.statistics.rowsOpen <= alone.statistics.rowsOpen)
        #expect(answer.statistics.ringWindows >= alone.statistics.ringWindows)
      }
    }
    #expect(helpers.offers.load(ordering: .relaxed) > 0)
  }

  @Test(arguments: UInt64(1)...6)
  func pointsOfManySeriesAreThoseThatWereWritten(seed: UInt64) throws {
    var generator = StoreGenerator(seed: seed, seriesCount: 200, rowCountMax: 2_500)
    let points = naivePoints(generator.rows)
    generator.store.fieldDefinitions.removeAll { $0.type == .string }
    let start = noon + Int64.random(in: -600...3_000, using: &generator.random) * 1_000_000_000
    let end = start + Int64.random(in: 2_000...9_000, using: &generator.random) * 1_000_000_000
    let range = TimeRange(start: start, end: end)
    let times = "measurement=node&start=\(start / 1_000_000_000)&end=\(end / 1_000_000_000)"
    let expected = RangeQueryModelTests.expectedPoints(points, generator.store, range)
    for limit in [1_000_000, 300, 37] {
      var found: [RangeQueryModelTests.Point] = []
      var next: String?
      repeat {
        let page = try generator.store.run(
          times + "&limit=\(limit)" + (next.map { "&next=\($0)" } ?? ""),
          helpers: Helpers()
        )
        let count = RangeQueryModelTests.points(page).count
        #expect(page.next == nil ? count <= limit : count == limit)
        found += RangeQueryModelTests.points(page)
        next = page.next?.text
        try #require(found.count <= expected.count)
      } while next != nil
      #expect(found == expected, "seed \(seed) limit \(limit)")
    }
    for count in [1, 3] {
      let newest = try generator.store.run(times + "&newest=\(count)", helpers: Helpers())
      #expect(
        RangeQueryModelTests.points(newest) == Self.newest(count, of: expected),
        "seed \(seed) newest \(count)"
      )
    }
    let above = try generator.store.run(times + "&where=f1>2", helpers: Helpers())
    let integers = points.mapValues { $0[FieldID(11)] ?? [:] }
    let kept = points.mapValues { $0 }.reduce(into: NaivePoints()) { result, item in
      let rows = integers[item.key] ?? [:]
      result[item.key] = item.value.mapValues { values in
        values.filter { timestamp, _ in
          guard case .number(_, let cell)? = rows[timestamp] else { return false }
          return Int64(bitPattern: cell) > 2
        }
      }
    }
    #expect(
      RangeQueryModelTests.points(above)
        == RangeQueryModelTests.expectedPoints(kept, generator.store, range),
      "seed \(seed)"
    )
  }

  /// A field that is both asked for and in the condition is read once.
  @Test(arguments: UInt64(1)...4)
  func aFieldAboveItsOwnLimitIsWhatAllFieldsAreThere(seed: UInt64) throws {
    var generator = StoreGenerator(seed: seed, seriesCount: 150, rowCountMax: 2_500)
    generator.store.fieldDefinitions.removeAll { $0.type == .string }
    var count = 0
    for field in generator.store.fieldDefinitions {
      let name = text(field.name)
      let condition = field.type == .boolean ? "\(name)=true" : "\(name)>2"
      let base = "measurement=node&start=-1h&end=now+4h&where=\(condition)"
      let all = try generator.store.run(base, helpers: Helpers())
      let expected = RangeQueryModelTests.points(all).filter { $0.field == field.name }
      for more in ["", "&limit=100000", "&newest=1000000"] {
        let only = try generator.store.run("\(base)&field=\(name)\(more)", helpers: Helpers())
        #expect(RangeQueryModelTests.points(only) == expected, "seed \(seed) \(name)\(more)")
      }
      count += expected.count
    }
    #expect(count > 0)
  }

  /// The last `count` points of each series and field.
  private static func newest(
    _ count: Int,
    of points: [RangeQueryModelTests.Point]
  ) -> [RangeQueryModelTests.Point] {
    points.indices.filter { index in
      let later = index + count
      return later >= points.count || points[later].tags != points[index].tags
        || points[later].field != points[index].field
    }.map { points[$0] }
  }

  @Test func aSmallBudgetGivesTheSameAnswerOrNone() throws {
    var generator = StoreGenerator(seed: 3, seriesCount: 150, rowCountMax: 2_000)
    generator.store.fieldDefinitions.removeAll { $0.type == .string }
    for query in ["&step=1m&agg=max", "&step=1h&agg=avg,last&group_by=az", "&newest=1", ""] {
      let whole = try generator.store.run("measurement=node&start=-1h&end=now+4h" + query)
      for shift in 14...24 {
        do {
          let answer = try generator.store.run(
            "measurement=node&start=-1h&end=now+4h" + query,
            options: QueryOptions(byteCountMax: 1 << shift),
            helpers: Helpers()
          )
          #expect(answer.next != nil || answer.dataJSON == whole.dataJSON, "\(shift) \(query)")
        } catch let error as QueryError {
          #expect(error.kind == .execution, "\(shift) \(query)")
        }
      }
    }
  }

  @Test func aCancelledQueryEndsOnAllThreads() throws {
    let generator = StoreGenerator(seed: 3, seriesCount: 200, rowCountMax: 2_000)
    let memory = QueryMemory()
    memory.cancel()
    for query in ["&step=1m&agg=max", "&newest=1&field=f0"] {
      #expect(throws: QueryError.self) {
        try generator.store.run(
          "measurement=node&start=-1h&end=now+4h" + query,
          options: QueryOptions(memory: memory),
          helpers: Helpers()
        )
      }
    }
  }

  @Test func filesOfManySeriesAnswerAsEachByItself() throws {
    let disk = FaultyDisk()
    var store = try RealStore(disk: disk, directory: "data")
    let fields = [
      FieldName(name: Array("load".utf8), type: .float),
      FieldName(name: Array("users".utf8), type: .integer),
    ]
    let names = (0..<150).map { "s\($0)" }
    let series = try names.map { try store.define($0, fields: fields).series }
    let measurement = try #require(
      store.catalog.measurement(tenant: .default, named: Array("node".utf8))
    )
    let definitions = store.catalog.fields(of: measurement)
    for cut in 0..<3 {
      let start = noon + Int64(cut * 20 - 20) * Nanoseconds.perMinute
      try store.cut(
        series.enumerated().compactMap { index, id in
          // Some series are not in every cut.
          guard (index + cut) % 7 != 0 else { return nil }
          var batch = ColumnBatch(timestamps: (0..<40).map { start + $0 * 30_000_000_000 })
          batch.columns = definitions.map { definition in
            ColumnBatch.Column(
              field: definition.id,
              type: definition.type,
              cells: batch.timestamps.indices.map { row in
                let value = Int64((index * 31 + row * 7 + cut) % 97)
                return definition.type == .float
                  ? (Double(value) / 4).bitPattern : UInt64(bitPattern: value)
              }
            )
          }
          return (id, batch)
        }
      )
    }
    let range = StoredQueryTests.range
    for query in [
      "&step=1m&agg=count,sum,min,max,avg,first,last", "&step=1h&agg=avg",
      "&step=7s&agg=max", "", "&newest=1", "&newest=3", "&where=users>80",
    ] {
      for usesRing in [true, false] {
        let all = try store.run(range + query, usesRing: usesRing)
        let each = try names.sorted().map {
          try store.run(range + query + "&tag.server=\($0)", usesRing: usesRing)
        }
        let expected = each.map { Self.series($0) }.filter { !$0.isEmpty }.joined(separator: ",")
        #expect(Self.series(all) == expected, "\(query) \(usesRing)")
        #expect(
          all.statistics.ringWindows == each.reduce(0) { $0 + $1.statistics.ringWindows }
        )
      }
    }
  }

  /// The series of an answer as JSON.
  private static func series(_ answer: RangeAnswer) -> String {
    let json = answer.dataJSON
    guard let start = json.range(of: #""series":["#) else { return "" }
    return String(json[start.upperBound...].dropLast(2))
  }
}
