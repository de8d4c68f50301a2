import Catalog
import Model
import Platform
import Synchronization
import TestSupport
import Testing

/// Goal: receivers on several threads agree on every id, while others sync and read.
@Suite struct CatalogThreadTests {
  @Test func fourReceiversGiveOneIDToEachSeries() throws {
    let disk = FaultyDisk(seed: 2)
    let catalog = try opened(disk).catalog
    let results = Mutex<[[ResolvedLayout]]>([])
    let isDone = Atomic<Bool>(false)
    let receivers = try (0..<4).map { number in
      try WorkerThread(name: "receiver \(number)") {
        var runs = LayoutRuns()
        var answers: [ResolvedLayout] = []
        // Each thread meets the same 500 series, in an order of its own.
        var random = SeededRandom(seed: UInt64(number))
        for series in (0..<500).shuffled(using: &random) {
          let resolved = try? catalog.resolve(
            tenant: .default,
            measurement: bytes("m\(series % 3)"),
            tags: tags(["host": "h\(series)"]),
            fields: floats("a\(series % 5)", "b"),
            runs: &runs
          )
          if let resolved { answers.append(resolved) }
        }
        results.withLock { $0.append(answers) }
      }
    }
    let committer = try WorkerThread(name: "committer") {
      while !isDone.load(ordering: .acquiring) {
        try? catalog.sync(upTo: catalog.version)
        _ = catalog.statistics()
        _ = catalog.series(tenant: .default, measurement: bytes("m1"), tags: [])
      }
    }
    for receiver in receivers { receiver.join() }
    isDone.store(true, ordering: .releasing)
    committer.join()
    try catalog.sync(upTo: catalog.version)

    let answers = results.withLock { $0 }
    #expect(answers.count == 4)
    let first = Set(answers[0])
    #expect(first.count == 500)
    for answer in answers { #expect(Set(answer) == first) }
    #expect(catalog.statistics().series == 500)
    #expect(Set(first.map(\.series)).count == 500)
    #expect(Set(first.map { [UInt32($0.partition.rawValue), $0.layout.rawValue] }).count == 500)
    disk.crash(.powerLosingAll)
    let again = try opened(disk).catalog
    #expect(Contents(again, idMax: 600) == Contents(catalog, idMax: 600))
  }

  /// A limit that several receivers check apart leaks by as many as there are.
  @Test func theSeriesLimitHoldsForAllThreadsTogether() throws {
    let disk = FaultyDisk(seed: 3)
    func open() throws -> Catalog {
      var limits = CatalogLimits()
      limits.seriesMax = 100
      return try Catalog.open(
        disk: disk,
        directory: "catalog",
        partitionCount: 2,
        limits: limits
      ).0
    }
    @Sendable func resolve(_ catalog: Catalog, _ series: Int, _ runs: inout LayoutRuns) -> Bool {
      let found = try? catalog.resolve(
        tenant: series % 2 == 0 ? .default : TenantID(1),
        measurement: bytes("m"),
        tags: tags(["host": "h\(series)"]),
        fields: floats("a"),
        runs: &runs
      )
      return found != nil
    }
    var catalog = try open()
    _ = try catalog.tenant(named: bytes("other"), create: true)
    for _ in 0..<3 {
      let counts = Mutex<[Int]>([])
      let receivers = try (0..<4).map { [catalog] number in
        try WorkerThread(name: "receiver \(number)") {
          var runs = LayoutRuns()
          // Each thread has series of its own, and those that are there already.
          let own = (number * 1_000..<number * 1_000 + 200).filter { resolve(catalog, $0, &runs) }
          counts.withLock { $0.append(own.count) }
        }
      }
      for receiver in receivers { receiver.join() }
      #expect(catalog.statistics().series == 100)
      #expect(counts.withLock { $0.reduce(0, +) } == 100)
      try catalog.sync(upTo: catalog.version)
      disk.crash(.powerLosingAll)
      catalog = try open()
      #expect(catalog.statistics().series == 100)
    }
  }
}
