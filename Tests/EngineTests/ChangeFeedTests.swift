import Engine
import Query
import Testing

/// The change feed over an engine in memory. The clock starts at a full minute; minutes are
/// numbered by their last six digits.
struct ChangeFeedTests {
  /// The minute that begins at the harness' start.
  static let minute: Int64 = 1_795_373_340 / 60 % 1_000_000

  @Test func aWindowIsClosedOnceWhenTheWatermarkHasPassedIt() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness)
    #expect(try await reader.wait() == [])
    _ = try harness.send(lines(-60..<0))
    #expect(try await reader.wait() == [])
    _ = try harness.send(lines(0..<9))
    #expect(try await reader.wait() == [])
    _ = try harness.send(lines(9..<11))
    #expect(try await reader.wait() == ["closed a \(Self.minute - 1) f.count=60 f.sum=60.0"])
    #expect(try await reader.wait(seconds: 20) == [])
  }

  @Test func silenceClosesTheLastWindow() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness)
    try await reader.wait()
    _ = try harness.send(lines(-30..<0))
    #expect(try await reader.wait(seconds: 50) == [])
    #expect(
      try await reader.wait(seconds: 25) == ["closed a \(Self.minute - 1) f.count=30 f.sum=30.0"]
    )
    #expect(try await reader.wait(seconds: 200) == [])
    // Rows that come after the silence, and a gap, close their own minutes.
    _ = try harness.send(lines(120..<200))
    #expect(
      try await reader.wait(seconds: 90) == [
        "closed a \(Self.minute + 2) f.count=60 f.sum=60.0",
        "closed a \(Self.minute + 3) f.count=20 f.sum=20.0",
      ]
    )
  }

  @Test func aLateRowRestatesItsWindowAndARetryDoesNot() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness)
    try await reader.wait()
    _ = try harness.send(lines(-60..<20))
    #expect(try await reader.wait().count == 1)
    _ = try harness.send(lines(-50..<(-49), value: 5))
    #expect(try await reader.wait() == ["restated a \(Self.minute - 1) f.count=60 f.sum=64.0"])
    // In the engine's own form every look is told of; text that is equal is kept back.
    let request = try StreamRequest.parse(items: EngineHarness.items("measurement=m"))
    let text = try harness.engine.subscribe(to: request, tenant: "default")
    try await reader.wait()
    _ = try harness.send(lines(-50..<(-49), value: 6))
    try await reader.wait()
    #expect(await text.poll()?.count == 2)
    _ = try harness.send(lines(-50..<(-49), value: 6))
    try await reader.wait()
    #expect(await text.poll()?.count == 0)
  }

  @Test func cutsChangeNothing() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness)
    try await reader.wait()
    _ = try harness.send(lines(-60..<(-20)))
    try await harness.engine.flush()
    #expect(try await reader.wait() == [])
    _ = try harness.send(lines(-20..<30))
    try await harness.engine.flush()
    #expect(try await reader.wait() == ["closed a \(Self.minute - 1) f.count=60 f.sum=60.0"])
    _ = try harness.send(lines(-40..<(-38), value: 3))
    try await harness.engine.flush()
    #expect(try await reader.wait() == ["restated a \(Self.minute - 1) f.count=60 f.sum=64.0"])
    _ = try harness.send(lines(30..<80))
    #expect(try await reader.wait() == ["closed a \(Self.minute) f.count=60 f.sum=60.0"])
  }

  @Test func readersGetWhatTheyAskedFor() async throws {
    let harness = try EngineHarness()
    let all = try FeedReader(harness, "events=closed")
    let tagged = try FeedReader(harness, "measurement=m&tag.h=b&field=g")
    let other = try FeedReader(harness, "measurement=m", tenant: "other")
    let untagged = try FeedReader(harness, "tag.h=&events=open,closed")
    let narrow = try FeedReader(harness, "measurement=m&agg=sum&field=f,nothing&tag.h=a")
    try await all.wait()
    let text = ["m,h=a f=1,g=2", "m,h=b f=3,g=4", "n f=7"].map { row in
      [-10, 15].map { "\(row) \(1_795_373_340 + $0)\n" }.joined()
    }.joined()
    _ = try harness.send(text)
    try await all.wait()
    let before = Self.minute - 1
    #expect(
      Set(all.events.map(\.text)) == [
        "closed a \(before) f.count=1 f.sum=1.0 g.count=1 g.sum=2.0",
        "closed b \(before) f.count=1 f.sum=3.0 g.count=1 g.sum=4.0",
        "closed  \(before) f.count=1 f.sum=7.0",
      ]
    )
    #expect(try await tagged.wait() == ["closed b \(before) g.count=1 g.sum=4.0"])
    #expect(try await other.wait() == [])
    #expect(
      Set(try await untagged.wait()) == [
        "closed  \(before) f.count=1 f.sum=7.0", "open  \(before + 1) f.count=1 f.sum=7.0",
      ]
    )
    #expect(try await narrow.wait() == ["closed a \(before) f.sum=1.0"])
  }

  @Test func anOpenWindowIsToldOfAtMostOnceASecond() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness, "measurement=m&events=open")
    try await reader.wait()
    _ = try harness.send(lines(0..<3))
    _ = try harness.send(lines(3..<6))
    #expect(try await reader.wait() == ["open a \(Self.minute) f.count=6 f.sum=6.0"])
    #expect(try await reader.wait(seconds: 5) == [])
    _ = try harness.send(lines(6..<7))
    #expect(try await reader.wait() == ["open a \(Self.minute) f.count=7 f.sum=7.0"])
  }

  @Test func aBackfillIsToldOfMinuteByMinute() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness)
    try await reader.wait()
    let text = [-86_400, -50_000, -40_000, -300].map { lines($0..<($0 + 1)) }.joined()
    _ = try harness.send(text)
    let minutes = [-86_400, -50_000, -40_000].map { (1_795_373_340 + $0) / 60 % 1_000_000 }
    #expect(
      try await reader.wait() == minutes.map { "closed a \($0) f.count=1 f.sum=1.0" }
    )
  }

  @Test func aFeedThatBeginsAmidABackfillClosesEachMinuteOnce() async throws {
    let harness = try EngineHarness()
    _ = try harness.send(lines(-7_200..<(-7_170)))
    let reader = try FeedReader(harness)
    #expect(try await reader.wait(seconds: 100) == [])
    _ = try harness.send(lines(-7_170..<(-7_080)))
    #expect(try await reader.wait() == ["closed a \(Self.minute - 120) f.count=60 f.sum=60.0"])
    #expect(
      try await reader.wait(seconds: 70) == ["closed a \(Self.minute - 119) f.count=60 f.sum=60.0"]
    )
  }

  @Test func aSeriesThatWasSilentBeforeIsToldOfFromItsNextMinuteOn() async throws {
    let harness = try EngineHarness()
    _ = try harness.send(lines(-600..<(-590)))
    let reader = try FeedReader(harness)
    try await reader.wait()
    _ = try harness.send(lines(-60..<11))
    #expect(try await reader.wait() == ["closed a \(Self.minute - 1) f.count=60 f.sum=60.0"])
    _ = try harness.send(lines(-595..<(-594), value: 3))
    #expect(try await reader.wait() == ["restated a \(Self.minute - 10) f.count=10 f.sum=12.0"])
  }

  @Test func anOpenWindowGrowsThroughCutsLateRowsAndOtherFields() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness, "measurement=m&events=open,closed")
    let wide = try FeedReader(harness, "measurement=m&events=open&field=f")
    try await reader.wait()
    _ = try harness.send(lines(0..<3))
    #expect(try await reader.wait() == ["open a \(Self.minute) f.count=3 f.sum=3.0"])
    try await harness.engine.flush()
    _ = try harness.send(lines(3..<5))
    #expect(try await reader.wait() == ["open a \(Self.minute) f.count=5 f.sum=5.0"])
    // A row between those that were told of, then a value in the place of another.
    _ = try harness.send(lines(8..<9))
    #expect(try await reader.wait() == ["open a \(Self.minute) f.count=6 f.sum=6.0"])
    _ = try harness.send(lines(6..<7) + lines(4..<5, value: 2))
    #expect(try await reader.wait() == ["open a \(Self.minute) f.count=7 f.sum=8.0"])
    _ = try harness.send("m,h=a g=1 \(1_795_373_340 + 9)\n")
    #expect(
      try await reader.wait() == ["open a \(Self.minute) f.count=7 f.sum=8.0 g.count=1 g.sum=1.0"]
    )
    _ = try harness.send(lines(10..<75))
    let last = try await reader.wait()
    #expect(last.contains("closed a \(Self.minute) f.count=57 f.sum=58.0 g.count=1 g.sum=1.0"))
    #expect(last.contains("open a \(Self.minute + 1) f.count=15 f.sum=15.0"))
    #expect(try await wide.wait().last == "open a \(Self.minute + 1) f.count=15 f.sum=15.0")
  }

  @Test func aFloodMakesReadersStartAnew() async throws {
    let harness = try EngineHarness { $0.feed.pendingCountMax = 8 }
    let reader = try FeedReader(harness)
    try await reader.wait()
    _ = try harness.send((-20..<0).map { lines($0 * 60..<($0 * 60 + 1)) }.joined())
    #expect(
      try await reader.wait() == ["reset more windows changed at once than can be announced"]
    )
    _ = try harness.send(lines(0..<80))
    #expect(try await reader.wait().count == 3)
  }

  @Test func aReaderThatTakesNothingIsCutOff() async throws {
    let harness = try EngineHarness { $0.feed.readerByteCountMax = 2_000 }
    let reader = try FeedReader(harness)
    let request = try StreamRequest.parse(items: [])
    let slow = try harness.engine.subscribe(to: request, tenant: "default")
    try await reader.wait()
    _ = try harness.send((0..<10).map { lines("m,h=\($0)", -60..<20) }.joined())
    try await reader.wait(seconds: 2)
    #expect(await slow.poll()?.count == nil)
    #expect(slow.ending == .tooSlow(byteCountMax: 2_000))
    #expect(reader.events.isEmpty)
    #expect(harness.engine.feedMetrics().readerCount == 0)
    #expect(harness.engine.feedMetrics().waitingByteCount == 0)
  }

  @Test func moreReadersThanAllowedAreRefused() async throws {
    let harness = try EngineHarness { $0.feed.readerCountMax = 2 }
    let readers = try (0..<2).map { _ in try FeedReader(harness) }
    #expect(throws: QueryError.self) { try FeedReader(harness) }
    readers[0].subscription.cancel()
    _ = try FeedReader(harness)
  }

  @Test func theEndIsToldWithItsReason() async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness)
    try await reader.wait()
    harness.engine.endFeed(reason: "going home")
    #expect(await reader.subscription.next()?.count == nil)
    #expect(reader.subscription.ending == .stopped(reason: "going home"))
    #expect(throws: QueryError.self) { try FeedReader(harness) }
  }
}
