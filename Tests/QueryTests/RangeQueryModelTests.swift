import Model
import Query
import TestSupport
import Testing

/// Goal: whatever tier a point lies in, the answer is that of a plain fold over all points that
/// were written. Method: seeded stores (types, duplicates, lateness, cuts, ring hours, damaged
/// windows) against a naive model, at steps that are and are not whole minutes.
@Suite struct RangeQueryModelTests {
  static let steps = ["7s", "60s", "90s", "5m", "1h", "500ms"]

  @Test(arguments: UInt64(1)...40)
  func bucketsEqualAPlainFold(seed: UInt64) throws {
    var generator = StoreGenerator(seed: seed)
    let points = naivePoints(generator.rows)
    for step in Self.steps {
      let start = noon + Int64.random(in: -600...3_000, using: &generator.random) * 1_000_000_000
      let length = Int64.random(in: 1...9_000, using: &generator.random)
      let end = start + length * 1_000_000_000
      for group in ["", "&group_by=az", "&group_by=none"] {
        let parsed = try request(
          "measurement=node&step=\(step)&start=\(start / 1_000_000_000)"
            + "&end=\(end / 1_000_000_000)&agg=count,sum,min,max,avg,first,last\(group)"
        )
        let answer = try generator.store.run(parsed)
        try Self.compare(
          answer,
          parsed,
          points,
          generator.store,
          "seed \(seed) step \(step)\(group)"
        )
      }
    }
  }

  @Test(arguments: UInt64(1)...60)
  func pagesOfPointsAddUpToAllPoints(seed: UInt64) throws {
    var generator = StoreGenerator(seed: seed)
    let points = naivePoints(generator.rows)
    let start = noon + Int64.random(in: -600...3_000, using: &generator.random) * 1_000_000_000
    let end = start + Int64.random(in: 0...9_000, using: &generator.random) * 1_000_000_000
    let limit = [1, 3, 17, 200, 1_000_000].randomElement(using: &generator.random) ?? 1
    let query =
      "measurement=node&start=\(start / 1_000_000_000)&end=\(end / 1_000_000_000)&limit=\(limit)"
    var answer = try generator.store.run(query)
    var found = Self.points(answer)
    var pageCount = 1
    while let next = answer.next {
      #expect(Self.points(answer).count == limit)
      answer = try generator.store.run(query + "&next=" + next.text)
      found += Self.points(answer)
      pageCount += 1
      try #require(pageCount < 10_000)
    }
    let expected = Self.expectedPoints(points, generator.store, TimeRange(start: start, end: end))
    #expect(found == expected, "seed \(seed)")
    #expect(pageCount == max(1, (expected.count + limit - 1) / limit))
  }

  @Test(arguments: UInt64(1)...40)
  func aSmallerBudgetGivesTheSameAnswerOrNone(seed: UInt64) throws {
    var generator = StoreGenerator(seed: seed)
    let queries = [
      "measurement=node&start=-1h&end=now+4h&step=1m&agg=max",
      "measurement=node&start=-1h&end=now+4h",
      "measurement=node&start=-1h&end=now+4h&step=7s&agg=first,last&group_by=az",
    ]
    for query in queries {
      let whole = try generator.store.run(query)
      for _ in 0..<8 {
        let byteCount = 1 << Int.random(in: 8...22, using: &generator.random)
        do {
          let answer = try generator.store.run(
            query,
            options: QueryOptions(byteCountMax: byteCount)
          )
          // A page may end early and is then the beginning of the whole.
          #expect(answer.next != nil || answer.dataJSON == whole.dataJSON, "seed \(seed) \(query)")
          let points = Self.points(answer)
          #expect(points == Array(Self.points(whole).prefix(points.count)), "seed \(seed)")
        } catch let error as QueryError {
          #expect(error.kind == .execution, "seed \(seed)")
        }
      }
    }
  }

  struct Point: Equatable {
    var tags: [Model.Tag]
    var field: [UInt8]
    var timestamp: Timestamp
    var value: NaiveValue
  }

  static func points(_ answer: RangeAnswer) -> [Point] {
    answer.series.flatMap { series -> [Point] in
      guard case .points(let timestamps, let values) = series.content else { return [] }
      return timestamps.indices.map { index in
        Point(
          tags: series.tags,
          field: series.field,
          timestamp: timestamps[index],
          value: values.naive(index, series.type)
        )
      }
    }
  }

  static func expectedPoints(
    _ points: NaivePoints,
    _ store: FakeStore,
    _ range: TimeRange
  ) -> [Point] {
    let definitions = store.seriesDefinitions.sorted {
      $0.tags.lexicographicallyPrecedes($1.tags)
    }
    return definitions.flatMap { definition in
      store.fieldDefinitions.flatMap { field -> [Point] in
        let values = points[definition.id]?[field.id] ?? [:]
        return values.filter { range.contains($0.key) }.sorted { $0.key < $1.key }.map {
          Point(tags: definition.tags, field: field.name, timestamp: $0.key, value: $0.value)
        }
      }
    }
  }

  static func compare(
    _ answer: RangeAnswer,
    _ request: RangeRequest,
    _ points: NaivePoints,
    _ store: FakeStore,
    _ comment: Comment
  ) throws {
    let grid = try #require(request.grid)
    let groups = Dictionary(grouping: store.seriesDefinitions) { definition in
      request.groupBy.map { keys in definition.tags.filter { keys.contains($0.key) } }
        ?? definition.tags
    }
    var remaining = answer.series[...]
    for (tags, members) in groups.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      for field in store.fieldDefinitions {
        let buckets = Self.buckets(members.map(\.id).sorted(), field, points, grid)
        guard !buckets.isEmpty else { continue }
        let popped = remaining.popFirst()
        let series = try #require(popped, comment)
        #expect(series.tags == tags, comment)
        #expect(series.field == field.name, comment)
        #expect(series.type == field.type, comment)
        Self.compare(series, buckets, grid, comment)
      }
    }
    #expect(remaining.isEmpty, comment)
  }

  private static func buckets(
    _ members: [SeriesID],
    _ field: FieldDefinition,
    _ points: NaivePoints,
    _ grid: StepGrid
  ) -> [Int: NaiveBucket] {
    var all: [(timestamp: Timestamp, series: SeriesID, value: NaiveValue)] = []
    for series in members {
      for (timestamp, value) in points[series]?[field.id] ?? [:]
      where grid.range.contains(timestamp) {
        all.append((timestamp, series, value))
      }
    }
    all.sort { $0.timestamp == $1.timestamp ? $0.series < $1.series : $0.timestamp < $1.timestamp }
    return Dictionary(grouping: all) { Int($0.timestamp / grid.step - grid.first) }
      .mapValues { NaiveBucket(values: $0.map(\.value), type: field.type) }
  }

  private static func compare(
    _ series: RangeAnswer.Series,
    _ buckets: [Int: NaiveBucket],
    _ grid: StepGrid,
    _ comment: Comment
  ) {
    guard case .buckets(let present, let columns) = series.content else {
      Issue.record(comment)
      return
    }
    let aggregates = Aggregate.allCases.filter { $0.applies(to: series.type) }
    #expect(columns.map(\.aggregate) == aggregates, comment)
    for index in 0..<grid.count {
      guard present.contains(index) == (buckets[index] != nil) else {
        Issue.record("\(comment) bucket \(index)")
        continue
      }
      guard let bucket = buckets[index] else { continue }
      for (aggregate, values) in columns {
        // An expectation for each of a million values would take longer than all the rest.
        if !isEqual(aggregate, values, index, bucket) {
          Issue.record("\(comment) \(aggregate) of bucket \(index): \(bucket)")
        }
      }
    }
  }

  private static func isEqual(
    _ aggregate: Aggregate,
    _ values: AnswerValues,
    _ index: Int,
    _ bucket: NaiveBucket
  ) -> Bool {
    func isNear(_ found: Double, _ expected: Double, _ tolerance: Double) -> Bool {
      expected.isNaN
        ? found.isNaN
        : found == expected || (found - expected).magnitude <= tolerance
    }
    let shown: ColumnType = bucket.type == .boolean ? .unsigned : bucket.type
    func isSame(_ expected: NaiveValue) -> Bool {
      let found = values.naive(index, shown)
      if case .number(_, let cell) = expected { return found == .number(shown, cell) }
      return found == expected
    }
    // All NaN: which of them is the minimum depends on the tier; every one is told as "NaN".
    let isAllNaN = bucket.type == .float && bucket.min.double.isNaN
    let tolerance = bucket.magnitudeSum * 1e-12
    switch aggregate {
    case .count: return values.naive(index, .unsigned) == .number(.unsigned, UInt64(bucket.count))
    case .min where isAllNaN, .max where isAllNaN:
      return values.naive(index, shown).double.isNaN
    case .min: return isSame(bucket.min)
    case .max: return isSame(bucket.max)
    case .first: return isSame(bucket.first)
    case .last: return isSame(bucket.last)
    case .sum:
      if case .sum(let sums, _) = values { return sums[index] == bucket.integerSum }
      return isNear(values.naive(index, .float).double, bucket.floatSum, tolerance)
    case .avg:
      let sum = bucket.type == .float ? bucket.floatSum : Double(bucket.integerSum)
      return isNear(
        values.naive(index, .float).double,
        sum / Double(bucket.count),
        tolerance / Double(bucket.count)
      )
    }
  }
}

extension RangeAnswer {
  /// The JSON without the figures at its end.
  var dataJSON: String {
    let whole = text(json())
    return String(whole[..<(whole.range(of: #","stats""#)?.lowerBound ?? whole.endIndex)])
  }
}

extension AnswerValues {
  func naive(_ index: Int, _ type: ColumnType) -> NaiveValue {
    switch self {
    case .float(let cells): .number(.float, cells[index])
    case .integer(let cells): .number(.integer, cells[index])
    case .unsigned(let cells): .number(.unsigned, cells[index])
    case .boolean(let cells): .number(.boolean, cells[index])
    case .string(let cells, let strings): .text(Array(strings.slice(cells[index]) ?? []))
    case .sum: .text(Array("a sum".utf8))
    }
  }
}
