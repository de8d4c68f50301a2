import Catalog
import Glibc
import Model
import Platform
import TestSupport
import Testing

/// Goal: figures for the documentation. Runs only with `VARVE_MEASURE` in the environment.
@Suite(.enabled(if: unsafe getenv("VARVE_MEASURE") != nil))
struct CatalogMeasureTests {
  /// Processor time of this thread, which neighbours on the machine do not stretch.
  struct ProcessorClock {
    func measure(_ body: () throws -> Void) rethrows -> Duration {
      let start = Self.now()
      try body()
      return Self.now() - start
    }

    private static func now() -> Duration {
      var time = timespec()
      _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
  }

  static func seriesTags(_ number: Int) -> [Tag] {
    tags([
      "dc": "dc-\(number % 7)", "rack": "rack-\(number % 1_000)",
      "server": "server-\(number).example.org",
    ])
  }

  @Test(.serialized, arguments: [10_000, 1_000_000])
  func seriesOfThreeTags(seriesCount: Int) throws {
    let folder = try TemporaryDirectory()
    let directory = folder.file("catalog")
    let clock = ProcessorClock()
    let fields = floats("value")
    let allTags = (0..<seriesCount).map { Self.seriesTags($0) }
    let before = ProcessStatistics.current().residentByteCount
    let (catalog, _) = try Catalog.open(
      disk: RealDisk(),
      directory: directory,
      partitionCount: 8
    )
    var runs = LayoutRuns()
    var syncing = Duration.zero
    let creating = try clock.measure {
      for number in 0..<seriesCount {
        _ = try catalog.resolve(
          tenant: .default,
          measurement: bytes("node"),
          tags: allTags[number],
          fields: fields,
          runs: &runs
        )
        if number % 50_000 == 49_999 || number == seriesCount - 1 {
          syncing += try clock.measure { try catalog.sync(upTo: catalog.version) }
        }
      }
    }
    let after = ProcessStatistics.current().residentByteCount
    let existing = try clock.measure {
      for index in 0..<1_000_000 {
        let number = index % seriesCount
        _ = try catalog.resolve(
          tenant: .default,
          measurement: bytes("node"),
          tags: allTags[number],
          fields: fields,
          runs: &runs
        )
      }
    }
    var sum = 0
    let reading = clock.measure {
      for number in 0..<seriesCount {
        for tag in allTags[number] { sum += Int(tag.key[0]) + tag.value.count + Int(tag.value[0]) }
      }
    }
    #expect(sum > 0)
    func perSeries(_ duration: Duration) -> String {
      let (seconds, attoseconds) = duration.components
      let nanoseconds = Double(seconds) * 1e9 + Double(attoseconds) / 1e9
      return "\((nanoseconds / Double(seriesCount)).rounded()) ns"
    }
    let statistics = catalog.statistics()
    let logged = try RealDisk().byteCount(of: "\(directory)/a.log") ?? 0
    print(
      """
      \(seriesCount) series
      new series: \(perSeries(creating - syncing)), sync: \(perSeries(syncing)),
      existing: \(existing / 1_000_000), touching their tags: \(perSeries(reading)),
      tables: \(statistics.byteCount / seriesCount) B a series,
      resident: \((after - before) / seriesCount) B a series,
      log: \(logged / seriesCount) B a series
      """
    )
    let wanted = Self.seriesTags(7_777)
    let measurement = try #require(catalog.measurement(tenant: .default, named: bytes("node")))
    var found: [SeriesID] = []
    let finding = clock.measure { found = catalog.series(measurement: measurement, tags: wanted) }
    #expect(found.count == 1)
    let listing = clock.measure {
      found = catalog.series(measurement: measurement, tags: [wanted[0], wanted[1]])
    }
    #expect(found.count >= 1)
    var table = LayoutTable(partition: PartitionID(0))
    let refreshing = clock.measure { catalog.refresh(&table) }
    print("one series: \(finding), rack and dc: \(listing), layout table: \(refreshing)")
    let opening = try clock.measure {
      let (again, recovery) = try Catalog.open(
        disk: RealDisk(),
        directory: directory,
        partitionCount: 8
      )
      #expect(again.version == catalog.version)
      #expect(recovery.damages == [])
    }
    print("opening: \(opening)")
    withExtendedLifetime(allTags) {}
  }

  @Test func aNewSeriesOfTwoThousandFields() throws {
    let catalog = try opened(FaultyDisk()).catalog
    let clock = ProcessorClock()
    var runs = LayoutRuns()
    for isSameArray in [true, false] {
      let shared = (0..<2_000).map { FieldName(name: bytes("metric_\($0)"), type: .float) }
      let duration = try clock.measure {
        for number in 0..<1_000 {
          let fields =
            isSameArray ? shared : shared.map { FieldName(name: $0.name + [], type: $0.type) }
          _ = try catalog.resolve(
            tenant: .default,
            measurement: bytes("node"),
            tags: tags(["server": "\(isSameArray)\(number)"]),
            fields: fields,
            runs: &runs
          )
        }
      }
      print("2,000 fields, \(isSameArray ? "same" : "equal") array: \(duration / 1_000)")
    }
  }
}
