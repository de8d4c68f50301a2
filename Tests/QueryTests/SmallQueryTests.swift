import Catalog
import Model
import Query
import TestSupport
import Testing

/// Goal: a query that is answered on the spot answers what the same one answers elsewhere, and what
/// may take longer is not begun. Method: seeded stores, both ways.
@Suite struct SmallQueryTests {
  private func small(
    _ store: FakeStore,
    _ query: String,
    options: QueryOptions = QueryOptions()
  ) throws -> RangeAnswer? {
    SmallQuery.run(
      try request("measurement=node&start=-1h&end=now+4h&" + query),
      tenant: store.tenant,
      catalog: store,
      views: store,
      clock: TickingClock(),
      options: options
    )
  }

  @Test(arguments: UInt64(1)...12)
  func answersOnTheSpotAreThoseOfAnyQuery(seed: UInt64) throws {
    let generator = StoreGenerator(seed: seed, seriesCount: 4, rowCountMax: 400)
    var count = 0
    for query in [
      "step=1m&agg=max&field=f0", "step=1h&agg=avg,last,first&field=f0,f1,f2",
      "step=7m&agg=min,count,sum&field=f1,f5&group_by=none", "step=1m&agg=last&field=f4",
      "step=5m&agg=avg&field=f0&group_by=az",
    ] {
      guard let answer = try small(generator.store, query) else { continue }
      count += 1
      let expected = try generator.store.run("measurement=node&start=-1h&end=now+4h&" + query)
      #expect(answer.dataJSON == expected.dataJSON, "seed \(seed) \(query)")
      #expect(answer.warnings == expected.warnings, "seed \(seed) \(query)")
    }
    #expect(count > 0, "seed \(seed)")
  }

  @Test func whatMayTakeLongerIsNotBegun() throws {
    let store = StoreGenerator(seed: 3, seriesCount: 100, rowCountMax: 400).store
    for query in [
      "field=f0", "field=f0&newest=1", "step=1m&agg=max&field=f0", "step=1m&agg=max",
      "step=30s&agg=max&field=f0", "step=1m&agg=max&field=f0&where=f1>2",
    ] {
      #expect(try small(store, query) == nil, "\(query)")
    }
  }

  @Test func aQueryThatReadsTooMuchIsGivenUp() throws {
    // Many rows that no window stands for.
    let store = StoreGenerator(seed: 5, seriesCount: 1, rowCountMax: 60_000).store
    let fields = "field=f0,f1,f2,f3,f5"
    #expect(
      try !store.run("measurement=node&start=-1h&end=now+4h&step=1h&" + fields).series.isEmpty
    )
    let late = QueryOptions(deadline: 0, timeoutNanoseconds: 1)
    #expect(try small(store, "step=1h&" + fields, options: late) == nil)
  }
}
