import Model
import Platform
import Query
import Testing

/// Goal: what a query reads, skips, charges and refuses. Method: small stores made by hand.
@Suite struct RangeQueryTests {
  static let minute = Nanoseconds.perMinute
  static let hour = noon / Nanoseconds.perHour

  static func field(_ id: UInt32, _ name: String, _ type: ColumnType = .float) -> FieldDefinition {
    FieldDefinition(
      id: FieldID(id),
      measurement: MeasurementID(1),
      name: Array(name.utf8),
      type: type
    )
  }

  static func tag(_ key: String, _ value: String) -> Model.Tag {
    Model.Tag(key: Array(key.utf8), value: Array(value.utf8))
  }

  static func store(_ series: [[Model.Tag]], fields: [FieldDefinition]) -> FakeStore {
    var store = FakeStore()
    store.fieldDefinitions = fields
    store.seriesDefinitions = series.enumerated().map { index, tags in
      SeriesDefinition(
        id: SeriesID(UInt32(index)),
        tenant: .default,
        measurement: MeasurementID(1),
        measurementName: store.measurementName,
        tags: tags
      )
    }
    return store
  }

  static func batch(_ field: UInt32, _ points: [(Timestamp, Double)]) -> ColumnBatch {
    ColumnBatch(
      timestamps: points.map(\.0),
      columns: [
        ColumnBatch.Column(
          field: FieldID(field),
          type: .float,
          cells: points.map(\.1.bitPattern)
        )
      ]
    )
  }

  static func window(_ value: Double, at timestamp: Timestamp) -> Window {
    Window(
      count: 1,
      sum: WindowSum(float: value),
      min: value.bitPattern,
      max: value.bitPattern,
      first: value.bitPattern,
      last: value.bitPattern,
      firstTimestamp: timestamp,
      lastTimestamp: timestamp
    )
  }

  /// One series with a window and a chunk for each of ten minutes; the chunks say 1, the windows 2.
  static func tenMinutes() -> FakeStore {
    var store = store([[tag("server", "a")]], fields: [field(1, "v")])
    store.windows.coveredHours = [hour]
    for index in 0..<10 {
      let time = noon + Int64(index) * minute
      store.sealed[SeriesID(0), default: []].append(FakeRows(batch: batch(1, [(time, 1)])))
      store.windows.records[.init(series: SeriesID(0), minute: time / minute)] =
        FakeWindows.Record(windows: [FieldID(1): (.float, window(2, at: time))])
    }
    return store
  }

  static let query = "measurement=node&start=1769860800&end=1769861400&agg=sum"

  static func sums(_ answer: RangeAnswer) -> [Double?] {
    guard case .buckets(let present, let columns)? = answer.series.first?.content,
      case .float(let cells)? = columns.first?.values
    else { return [] }
    return cells.indices.map { present.contains($0) ? Double(bitPattern: cells[$0]) : nil }
  }

  @Test func wholeMinutesComeFromWindowsAndTouchNoChunk() throws {
    let answer = try Self.tenMinutes().run(Self.query + "&step=5m")
    #expect(Self.sums(answer) == [10, 10])
    #expect(answer.statistics.ringWindows == 10)
    #expect(answer.statistics.chunksDecoded == 0)
  }

  @Test func otherStepsComeFromChunks() throws {
    let answer = try Self.tenMinutes().run(Self.query + "&step=150s")
    #expect(Self.sums(answer) == [3, 2, 3, 2])
    #expect(answer.statistics.ringWindows == 0)
    #expect(answer.statistics.chunksDecoded == 10)
  }

  @Test func aDamagedWindowIsReplacedByItsRows() throws {
    var store = Self.tenMinutes()
    store.windows.records[.init(series: SeriesID(0), minute: noon / Self.minute + 3)]?.damage =
      .checksum
    let answer = try store.run(Self.query + "&step=5m")
    #expect(Self.sums(answer) == [9, 10])
    #expect(answer.statistics.ringWindows == 9)
    #expect(answer.statistics.chunksDecoded == 1)
    #expect(answer.warnings.isEmpty)
  }

  @Test func aWindowOfAnUnknownFieldSetIsReplacedByItsRows() throws {
    var store = Self.tenMinutes()
    store.unknownFieldSets = [fieldSetID(of: [FieldID(1)])]
    let answer = try store.run(Self.query + "&step=5m")
    #expect(Self.sums(answer) == [5, 5])
    #expect(answer.statistics.ringWindows == 0)
  }

  @Test func aLateOpenRowSendsItsMinuteToRawRows() throws {
    var store = Self.tenMinutes()
    let late = Self.batch(1, [(noon + Self.minute, 5), (noon + Self.minute + 1, 7)])
    store.open[SeriesID(0)] = OpenRows(late: [late], rowCount: 2)
    let answer = try store.run(Self.query + "&step=1m")
    // The first late row replaces the chunk's 1, the second joins it.
    #expect(Self.sums(answer) == [2, 12, 2, 2, 2, 2, 2, 2, 2, 2])
    #expect(answer.statistics.rowsOpen == 2)
    #expect(answer.statistics.chunksDecoded == 1)
  }

  @Test func aFreshOpenRowJoinsTheWindowOfItsMinute() throws {
    var store = Self.tenMinutes()
    store.open[SeriesID(0)] = OpenRows(
      fresh: [Self.batch(1, [(noon + 9 * Self.minute + 1, 5)])],
      rowCount: 1
    )
    let answer = try store.run(Self.query + "&step=5m")
    #expect(Self.sums(answer) == [10, 15])
    #expect(answer.statistics.chunksDecoded == 0)
  }

  @Test func anHourOutsideOfTheRingComesFromChunks() throws {
    var store = Self.tenMinutes()
    store.windows.coveredHours = [Self.hour - 1, Self.hour + 1]
    #expect(Self.sums(try store.run(Self.query + "&step=5m")) == [5, 5])
  }

  @Test func anUnreadableChunkIsToldAndTheRestAnswered() throws {
    var store = Self.tenMinutes()
    store.windows.coveredHours = []
    store.sealed[SeriesID(0)]?[4].damage = "x.block: the group at 4096 does not match its checksum"
    let answer = try store.run(Self.query + "&step=5m")
    #expect(Self.sums(answer) == [4, 5])
    #expect(answer.warnings == ["x.block: the group at 4096 does not match its checksum"])
  }

  @Test func manyWarningsAreCounted() throws {
    var store = Self.tenMinutes()
    store.windows.coveredHours = []
    let time = noon + Self.minute
    store.sealed[SeriesID(0)] = (0..<40).map {
      FakeRows(batch: Self.batch(1, [(time, 1)]), damage: "block \($0)")
    }
    let answer = try store.run(Self.query + "&step=5m")
    #expect(answer.series.isEmpty)
    #expect(answer.warnings.count == 17)
    #expect(answer.warnings.last == "and 24 more")
  }

  @Test func whatMatchesNothingIsAnEmptySuccess() throws {
    let store = Self.tenMinutes()
    for query in [
      "measurement=other", "measurement=node&field=w", "measurement=node&tag.server=b",
      "measurement=node&tag.server=", "measurement=node&start=0&end=1",
      "measurement=node&start=now&end=now", "measurement=node&start=0&end=60&step=1m",
      "measurement=other&step=1m", "measurement=node&start=now&end=now&step=1m",
    ] {
      let answer = try store.run(query)
      #expect(answer.series.isEmpty, "\(query)")
      #expect(answer.next == nil)
    }
    let grid = try store.run("measurement=node&start=0&end=120&step=1m")
    #expect(text(grid.json()).contains(#""timestamps":[0,60000],"series":[]"#))
  }

  @Test func anUnknownTenantIsAnEmptySuccess() throws {
    let answer = try RangeQuery.run(
      request(Self.query + "&step=1m"),
      tenant: nil,
      catalog: Self.tenMinutes(),
      views: Self.tenMinutes(),
      clock: TickingClock()
    )
    #expect(answer.series.isEmpty)
  }

  @Test func anEmptyTagValueAsksForSeriesWithoutTheTag() throws {
    var store = Self.store(
      [[Self.tag("server", "a")], [Self.tag("az", "x"), Self.tag("server", "a")]],
      fields: [Self.field(1, "v")]
    )
    for series in store.seriesDefinitions {
      store.sealed[series.id] = [FakeRows(batch: Self.batch(1, [(noon, 1)]))]
    }
    let answer = try store.run("measurement=node&tag.server=a&tag.az=&start=1769860800&end=now+1s")
    #expect(answer.series.map(\.tags) == [[Self.tag("server", "a")]])
  }

  @Test func seriesComeByTagsAndFieldsAsAsked() throws {
    var store = Self.store(
      [[Self.tag("s", "b")], [Self.tag("s", "a")], []],
      fields: [Self.field(1, "x"), Self.field(2, "a")]
    )
    for series in store.seriesDefinitions {
      store.sealed[series.id] = [
        FakeRows(batch: Self.batch(1, [(noon, 1)])), FakeRows(batch: Self.batch(2, [(noon, 1)])),
      ]
    }
    func order(_ answer: RangeAnswer) -> [String] {
      answer.series.map { series in
        text(series.tags.first?.value ?? []) + text(series.field)
      }
    }
    let range = "&start=1769860800&end=now+1s"
    for step in ["", "&step=1m"] {
      let all = try store.run("measurement=node&field=*" + range + step)
      #expect(order(all) == ["a", "x", "aa", "ax", "ba", "bx"])
      let named = try store.run("measurement=node&field=x,nothing,a" + range + step)
      #expect(order(named) == ["x", "a", "ax", "aa", "bx", "ba"])
    }
  }

  @Test func tiesBetweenGroupedSeriesGoByTheirIds() throws {
    var store = Self.store(
      [[Self.tag("s", "b")], [Self.tag("s", "a")]],
      fields: [Self.field(1, "v")]
    )
    store.sealed[SeriesID(0)] = [FakeRows(batch: Self.batch(1, [(noon, 1), (noon + 5, 2)]))]
    store.sealed[SeriesID(1)] = [FakeRows(batch: Self.batch(1, [(noon, 3), (noon + 5, 4)]))]
    let answer = try store.run(
      "measurement=node&start=1769860800&end=now+1s&step=1m&group_by=none&agg=first,last,count"
    )
    #expect(
      text(answer.json()).contains(
        #""series":[{"measurement":"node","tags":{},"field":"v","type":"float","#
          + #""first":[1],"last":[4],"count":[4]}]"#
      )
    )
  }

  @Test func aTypeKeepsTheAggregatesThatItCanHave() throws {
    var store = Self.store(
      [[]],
      fields: [
        Self.field(1, "s", .string), Self.field(2, "b", .boolean), Self.field(3, "i", .integer),
      ]
    )
    var batch = ColumnBatch(timestamps: [noon, noon + 1])
    let cells: [Cell] = [batch.strings.append(Array("on".utf8)) ?? 0, 0]
    batch.columns = [
      ColumnBatch.Column(field: FieldID(1), type: .string, cells: cells),
      ColumnBatch.Column(field: FieldID(2), type: .boolean, cells: [1, 0]),
      ColumnBatch.Column(field: FieldID(3), type: .integer, cells: [.max, UInt64(Int64.max)]),
    ]
    store.sealed[SeriesID(0)] = [FakeRows(batch: batch)]
    let answer = try store.run(
      "measurement=node&start=1769860800&end=now+1s&step=1m"
        + "&agg=count,sum,min,max,avg,first,last&field=s,b,i"
    )
    let json = text(answer.json())
    #expect(json.contains(#""type":"string","count":[2],"first":["on"],"last":[""]}"#))
    #expect(
      json.contains(
        #""type":"boolean","count":[2],"sum":[1],"min":[0],"max":[1],"avg":[0.5],"#
          + #""first":[1],"last":[0]}"#
      )
    )
    #expect(
      json.contains(
        #""type":"integer","count":[2],"sum":["9223372036854775806"],"min":[-1],"#
          + #""max":["9223372036854775807"],"avg":[4611686018427388000],"#
          .replacing("4611686018427388000", with: "4.611686018427388e18")
          + #""first":[-1],"last":["9223372036854775807"]}"#
      )
    )
  }

  @Test func theBudgetIsAnErrorThatSaysWhatToNarrow() throws {
    let store = Self.tenMinutes()
    let error = QueryError(
      .execution,
      "the query needs more than 4096 bytes of memory; shorten the time range, name fewer fields, "
        + "match fewer series by tag.KEY or take a longer step"
    )
    #expect(error.httpStatus == 422)
    #expect(throws: error) {
      try store.run(
        "measurement=node&start=-1h&step=1s",
        options: QueryOptions(byteCountMax: 4_096)
      )
    }
  }

  @Test func aSmallBudgetEndsAPageEarly() throws {
    var store = Self.tenMinutes()
    store.sealed[SeriesID(0)] = (0..<20).map { index in
      FakeRows(batch: Self.batch(1, (0..<5).map { (noon + Int64(index * 5 + $0), 1) }))
    }
    let query = "measurement=node&start=1769860800&end=now+1s"
    let options = QueryOptions(byteCountMax: 1_200)
    var answer = try store.run(query, options: options)
    var count = RangeQueryModelTests.points(answer).count
    #expect(count > 0 && count < 100)
    while let next = answer.next {
      answer = try store.run(query + "&next=\(next.text)", options: options)
      count += RangeQueryModelTests.points(answer).count
      try #require(count <= 100)
    }
    #expect(count == 100)
  }

  @Test func aPassedDeadlineIsATimeout() throws {
    #expect {
      try Self.tenMinutes().run(
        Self.query + "&step=1m",
        options: QueryOptions(deadline: 1_000)
      )
    } throws: { ($0 as? QueryError)?.kind == .timeout }
  }

  @Test func aQueryIsEndedFromOutside() throws {
    let memory = QueryMemory()
    memory.cancel()
    #expect(throws: QueryError(.unavailable, "the server is stopping")) {
      try Self.tenMinutes().run(
        Self.query + "&step=1m",
        options: QueryOptions(memory: memory)
      )
    }
  }

  @Test func aViewThatCannotBeHadIsAnError() throws {
    var store = Self.tenMinutes()
    store.unavailable = [PartitionID(0)]
    #expect(throws: QueryError(.unavailable, "partition 0 is replaying")) {
      try store.run(Self.query + "&step=1m")
    }
  }
}
