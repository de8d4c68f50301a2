import Model
import Query
import TestSupport
import Testing

/// Goal: `where` keeps exactly the rows that a plain look at all points keeps, raw and folded, and
/// `newest` is the end of what comes without it, whatever tier the points lie in.
@Suite struct RowConditionTests {
  private struct Term {
    var text: String
    var field: FieldID
    var holds: (NaiveValue) -> Bool
  }

  /// A random condition on one of the store's fields.
  private func term(_ generator: inout StoreGenerator) throws -> Term {
    let definition = try #require(
      generator.store.fieldDefinitions.randomElement(using: &generator.random)
    )
    let operators = ["<", "<=", ">", ">=", "=", "!="]
    let symbol = try #require(operators.randomElement(using: &generator.random))
    let name = text(definition.name)
    func compare<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
      switch symbol {
      case "<": left < right
      case "<=": left <= right
      case ">": left > right
      case ">=": left >= right
      case "=": left == right
      default: left != right
      }
    }
    switch definition.type {
    case .float:
      let value = try #require([0, 1, 0.5, -2e8].randomElement(using: &generator.random))
      return Term(text: "\(name)\(symbol)\(value)", field: definition.id) {
        compare($0.double, value)
      }
    case .integer, .unsigned:
      let wide = Int128(UInt64.max) - 1
      let value = try #require([3, 4, 1 << 62, wide].randomElement(using: &generator.random))
      return Term(text: "\(name) \(symbol) \(value)", field: definition.id) {
        compare($0.integer, value)
      }
    case .boolean:
      let equals = symbol == "=" ? "=" : "!="
      return Term(text: "\(name)\(equals)true", field: definition.id) {
        ($0.cell == 1) == (equals == "=")
      }
    case .string:
      let equals = symbol == "=" ? "=" : "!="
      return Term(text: "\(name)\(equals)\"\"", field: definition.id) {
        ($0 == .text([])) == (equals == "=")
      }
    }
  }

  private func kept(_ points: NaivePoints, _ terms: [Term]) -> NaivePoints {
    points.mapValues { fields in
      fields.mapValues { values in
        values.filter { timestamp, _ in
          terms.allSatisfy { term in fields[term.field]?[timestamp].map(term.holds) ?? false }
        }
      }
    }
  }

  @Test(arguments: UInt64(1)...120)
  func conditionsKeepTheRowsThatMeetThem(seed: UInt64) throws {
    var generator = StoreGenerator(seed: seed)
    let points = naivePoints(generator.rows)
    let start = noon + Int64.random(in: -600...3_000, using: &generator.random) * 1_000_000_000
    let end = start + Int64.random(in: 0...9_000, using: &generator.random) * 1_000_000_000
    let times = "measurement=node&start=\(start / 1_000_000_000)&end=\(end / 1_000_000_000)"
    let terms = try (0..<Int.random(in: 1...2, using: &generator.random)).map { _ in
      try term(&generator)
    }
    let conditions = terms.map { "&where=\($0.text)" }.joined()
    let wanted = kept(points, terms)
    let raw = try generator.store.run(times + conditions)
    let range = TimeRange(start: start, end: end)
    let expected = RangeQueryModelTests.expectedPoints(wanted, generator.store, range)
    #expect(RangeQueryModelTests.points(raw) == expected, "seed \(seed) \(conditions)")
    // In pages.
    let limit = Int.random(in: 1...50, using: &generator.random)
    var found: [RangeQueryModelTests.Point] = []
    var next: String?
    repeat {
      let page = try generator.store.run(
        times + conditions + "&limit=\(limit)" + (next.map { "&next=\($0)" } ?? "")
      )
      found += RangeQueryModelTests.points(page)
      next = page.next?.text
      try #require(found.count <= expected.count)
    } while next != nil
    #expect(found == expected, "seed \(seed) \(conditions) limit \(limit)")
    for step in ["7s", "60s", "1h"] {
      let parsed = try request(
        times + conditions + "&step=\(step)&agg=count,sum,min,max,avg,first,last"
      )
      let answer = try generator.store.run(parsed)
      try RangeQueryModelTests.compare(
        answer,
        parsed,
        wanted,
        generator.store,
        "seed \(seed) step \(step) \(conditions)"
      )
    }
  }

  @Test(arguments: UInt64(1)...120)
  func theNewestPointsAreTheEndOfAll(seed: UInt64) throws {
    var generator = StoreGenerator(seed: seed)
    let points = naivePoints(generator.rows)
    let start = noon + Int64.random(in: -600...3_000, using: &generator.random) * 1_000_000_000
    let end = start + Int64.random(in: 0...9_000, using: &generator.random) * 1_000_000_000
    let count = try #require([1, 1, 2, 7, 1_000].randomElement(using: &generator.random))
    let terms = Bool.random(using: &generator.random) ? [try term(&generator)] : []
    let conditions = terms.map { "&where=\($0.text)" }.joined()
    let answer = try generator.store.run(
      "measurement=node&start=\(start / 1_000_000_000)&end=\(end / 1_000_000_000)"
        + "&newest=\(count)" + conditions
    )
    var expected = kept(points, terms)
    for (series, fields) in expected {
      for (field, values) in fields {
        let inside = values.filter { TimeRange(start: start, end: end).contains($0.key) }
        let newest = Set(inside.keys.sorted().suffix(count))
        expected[series]?[field] = inside.filter { newest.contains($0.key) }
      }
    }
    let range = TimeRange(start: start, end: end)
    let all = RangeQueryModelTests.expectedPoints(expected, generator.store, range)
    #expect(RangeQueryModelTests.points(answer) == all, "seed \(seed) \(count) \(conditions)")
  }

  @Test func severalValuesOfATagAreAlternatives() throws {
    var generator = StoreGenerator(seed: 7)
    let names = generator.store.seriesDefinitions.map { text($0.tags[1].value) }
    let times = "measurement=node&start=-1h&end=now+4h"
    let all = RangeQueryModelTests.points(try generator.store.run(times))
    func server(_ point: RangeQueryModelTests.Point) -> String { text(point.tags[1].value) }
    let two = Array(names.prefix(2))
    let query = times + two.map { "&tag.server=\($0)" }.joined() + "&tag.az=z0&tag.az=z1"
    let some = RangeQueryModelTests.points(try generator.store.run(query))
    #expect(some == all.filter { two.contains(server($0)) })
    let lacking = try generator.store.run(times + "&tag.server=s0&tag.server=&tag.rack=")
    #expect(RangeQueryModelTests.points(lacking) == all.filter { server($0) == "s0" })
    generator.store.seriesDefinitions.removeAll()
    #expect(try generator.store.run(query).series.isEmpty)
  }

  @Test(arguments: [
    ("f0", "expected a field, one of"), ("f0>", "expected a field, one of"),
    (">1", "expected a field, one of"), ("f0>nan", "expected a field, one of"),
    ("f0>0x10", "expected a field, one of"), ("f0>1e999", "expected a field, one of"),
    ("f0>\"a\"", "expected = or != before a text"), ("f0=true", "the field f0 is float"),
    ("f0=\"a\"", "expected a number to compare it with"),
  ])
  func aBadConditionIsExplained(condition: String, message: String) throws {
    let generator = StoreGenerator(seed: 3)
    let error = #expect(throws: QueryError.self) {
      try generator.store.run("measurement=node&where=\(condition)")
    }
    #expect(error?.kind == .badData)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func namesMayHoldOperators() throws {
    let parsed = try request(#"measurement=m&where=a\>b\\ >=-1.5&where=c!="x=y""#)
    #expect(
      parsed.conditions == [
        RowCondition(
          field: Array(#"a>b\"#.utf8),
          comparison: .greaterOrEqual,
          operand: .float(-1.5)
        ),
        RowCondition(
          field: Array("c".utf8),
          comparison: .notEqual,
          operand: .string(Array("x=y".utf8))
        ),
      ]
    )
    #expect(throws: QueryError.self) {
      try request("measurement=m" + String(repeating: "&where=a>1", count: 17))
    }
    #expect(throws: QueryError.self) { try request("measurement=m&newest=0") }
    #expect(throws: QueryError.self) { try request("measurement=m&newest=1&step=1m") }
  }
}
