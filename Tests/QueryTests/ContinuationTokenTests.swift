import Model
import Query
import TestSupport
import Testing

/// Goal: a token is taken back unchanged or not at all. Method: one real token, every damage.
@Suite struct ContinuationTokenTests {
  static func store() -> FakeStore {
    var store = FakeStore()
    let field = FieldDefinition(
      id: FieldID(1),
      measurement: MeasurementID(1),
      name: Array("v".utf8),
      type: .integer
    )
    store.fieldDefinitions = [field]
    store.seriesDefinitions = [
      SeriesDefinition(
        id: SeriesID(7),
        tenant: .default,
        measurement: MeasurementID(1),
        measurementName: store.measurementName,
        tags: []
      )
    ]
    let batch = ColumnBatch(
      timestamps: (0..<10).map { noon - 1_000 + $0 },
      columns: [ColumnBatch.Column(field: FieldID(1), type: .integer, cells: Array(0..<10))]
    )
    store.sealed[SeriesID(7)] = [FakeRows(batch: batch)]
    return store
  }

  @Test func aPageContinuesWhereTheOneBeforeEnded() throws {
    let store = Self.store()
    let first = try store.run("measurement=node&limit=4")
    let token = try #require(first.next).text
    #expect(token.utf8.count == 60)
    #expect(text(first.json()).contains(#"],"next":"\#(token)"},"stats""#))
    let second = try store.run("measurement=node&limit=100&precision=s&next=\(token)")
    #expect(
      RangeQueryModelTests.points(second).map(\.timestamp) == (4..<10).map { noon - 1_000 + $0 }
    )
    #expect(second.next == nil)
  }

  @Test func relativeTimesMeanTheSameOnEveryPage() throws {
    let store = Self.store()
    let query = "measurement=node&start=-1000ns&end=now&limit=4"
    let token = try #require(try store.run(query).next).text
    // An hour later the relative range would hold nothing.
    let later = try request(query + "&next=" + token, now: noon + 3_600_000_000_000)
    #expect(later.range == TimeRange(start: noon - 1_000, end: noon))
    #expect(RangeQueryModelTests.points(try store.run(later)).count == 4)
  }

  static let strangers = [
    "measurement=node&limit=4&field=v", "measurement=node&start=-2h", "measurement=node&end=now-1s",
    "measurement=node&tag.a=b", "measurement=other",
  ]

  @Test(arguments: strangers)
  func aTokenOfAnotherRequestIsRefused(query: String) throws {
    let token = try #require(try Self.store().run("measurement=node&limit=4").next).text
    let message =
      "next: found \"\(token)\", expected the token of a request with the same measurement, "
      + "fields, tags, start and end"
    #expect(throws: QueryError(.badData, message)) { try request(query + "&next=" + token) }
  }

  @Test func everyChangedCharacterIsNoticed() throws {
    let token = try #require(try Self.store().run("measurement=node&limit=4").next).text
    for index in token.indices {
      for replacement in ["A", "b", "0", "_", "+", "é", ""]
      where replacement != String(token[index]) {
        var damaged = token
        damaged.replaceSubrange(index...index, with: replacement)
        #expect(throws: QueryError.self) {
          try request("measurement=node&limit=4&next=\(damaged)")
        }
      }
    }
    #expect(throws: QueryError.self) { try request("measurement=node&limit=4&next=\(token)A") }
  }

  @Test(arguments: UInt64(1)...200)
  func noStringTraps(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let count = Int.random(in: 0...80, using: &random)
    let alphabet = Array("ABCyz019-_".unicodeScalars)
    let token = String(
      String.UnicodeScalarView(
        (0..<count).map { _ in alphabet.randomElement(using: &random) ?? "A" }
      )
    )
    #expect(throws: QueryError.self) { try request("measurement=node&next=\(token)") }
  }

  @Test func aSeriesThatIsGoneEndsThePages() throws {
    var store = Self.store()
    let token = try #require(try store.run("measurement=node&limit=4").next).text
    store.seriesDefinitions[0].id = SeriesID(8)
    #expect(
      throws: QueryError(.badData, "next: the series or field at which the page begins is gone")
    ) { try store.run("measurement=node&limit=4&next=\(token)") }
  }
}
