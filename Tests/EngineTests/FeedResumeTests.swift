import Engine
import TestSupport
import Testing

/// Readers of the change feed who come back.
struct FeedResumeTests {
  private let minute = ChangeFeedTests.minute

  @Test func whatCameMeanwhileIsServedFromMemory() async throws {
    let harness = try EngineHarness()
    let first = try FeedReader(harness)
    let witness = try FeedReader(harness)
    try await first.wait()
    _ = try harness.send(lines(-60..<20) + lines("m,h=b", -60..<20))
    #expect(try await first.wait().count == 2)
    let id = first.id
    first.subscription.cancel()
    try await witness.wait(seconds: 3)
    _ = try harness.send(lines(20..<80) + lines(-60..<(-59), value: 9))
    try await witness.wait()
    #expect(witness.events.count == 4)
    let second = try FeedReader(harness, from: id)
    #expect(
      Set(try await second.wait()) == [
        "restated a \(minute - 1) f.count=60 f.sum=68.0",
        "closed a \(minute) f.count=60 f.sum=60.0",
      ]
    )
    #expect(second.id == witness.id)
    // It goes on live.
    _ = try harness.send(lines(80..<140))
    #expect(try await second.wait() == ["closed a \(minute + 1) f.count=60 f.sum=60.0"])
  }

  @Test func whoLeavesAmidSeveralEventsGetsAllOfThemAgain() async throws {
    let harness = try EngineHarness()
    let first = try FeedReader(harness)
    try await first.wait()
    _ = try harness.send(lines("m,h=z", -60..<20))
    try await first.wait()
    let start = first.id
    _ = try harness.send(lines(-180..<20))
    #expect(try await first.wait().count == 3)
    #expect(first.events[1].id == start)
    #expect(first.events[2].id == start)
    #expect(first.events[3].id != start)
    let again = try FeedReader(harness, from: first.events[2].id)
    #expect(try await again.wait() == first.events[1...].map(\.text))
  }

  @Test(arguments: [false, true])
  func whatCameMeanwhileIsFoundAfterARestart(isCut: Bool) async throws {
    let harness = try EngineHarness()
    let first = try FeedReader(harness)
    try await first.wait()
    // One window is closed and told of, one of each series is open.
    _ = try harness.send(lines(-60..<20) + lines("m,h=b", -60..<20) + lines("n,h=c", -60..<20))
    #expect(try await first.wait().count == 2)
    if isCut { try await harness.engine.flush() }
    _ = try harness.send(lines(20..<80) + lines(-60..<(-59), value: 9))
    if isCut { try await harness.engine.flush() }
    try harness.restart()
    // Both fall silent: their last windows close by time alone.
    let second = try FeedReader(harness, from: first.id)
    try await second.wait(seconds: 140)
    #expect(
      Set(second.events.map(\.text)) == [
        "restated a \(minute - 1) f.count=60 f.sum=68.0",
        "closed a \(minute) f.count=60 f.sum=60.0",
        "closed a \(minute + 1) f.count=20 f.sum=20.0",
        "closed b \(minute) f.count=20 f.sum=20.0",
      ]
    )
    #expect(second.events.count == 4)
    let epochs = [first.id, second.id].map { UInt32($0.prefix { $0 != "." }) ?? 0 }
    #expect(epochs[0] < epochs[1])
  }

  @Test func aReaderThatWasAwayTooLongInMemoryIsServedFromTheLog() async throws {
    let harness = try EngineHarness { $0.feed.recentCountMax = 2 }
    let first = try FeedReader(harness)
    try await first.wait()
    _ = try harness.send(lines(-60..<20))
    try await first.wait()
    let id = first.id
    for minute in 0..<6 {
      _ = try harness.send(lines(20 + minute * 60..<80 + minute * 60))
      try await first.wait(seconds: 60)
    }
    #expect(first.events.count == 7)
    let second = try FeedReader(harness, from: id)
    #expect(try await second.wait() == first.events[1...].map(\.text))
  }

  @Test func anIdThatTheLogHasNotIsAReset() async throws {
    let harness = try EngineHarness {
      $0.segmentByteCountMax = 4 << 10
      $0.queueRetainByteCount = 0
      $0.queueRetainNanoseconds = 0
    }
    let first = try FeedReader(harness)
    try await first.wait()
    _ = try harness.send(lines(-60..<20))
    try await first.wait()
    for minute in 0..<30 {
      _ = try harness.send(lines(20 + minute * 60..<80 + minute * 60))
      harness.clock.advance(seconds: 60)
      try await harness.engine.flush()
    }
    try harness.restart()
    let second = try FeedReader(harness, from: first.events[0].id)
    #expect(try await second.wait() == ["reset the id is older than what the log keeps"])
    _ = try harness.send(lines(1_900..<2_000))
    #expect(try await second.wait().count == 3)
  }

  @Test(arguments: ["1.99,99", "4200000000.0,0", "1.0", "1.0,0,0", "x"])
  func anIdOfSomebodyElseIsAReset(id: String) async throws {
    let harness = try EngineHarness()
    let reader = try FeedReader(harness, from: id)
    let events = try await reader.wait()
    #expect(events.map { $0.prefix(6) } == ["reset "])
  }

  @Test func readersMayComeAndGoWithoutMissingAWindow() async throws {
    var random = SeededRandom(seed: 11)
    let harness = try EngineHarness { $0.feed.lingerNanoseconds = 30_000_000_000 }
    var id: String?
    var told: [String: Int] = [:]
    var time = 0
    for _ in 0..<40 {
      let reader = try FeedReader(harness, from: id)
      for _ in 0..<Int.random(in: 1..<5, using: &random) {
        let count = Int.random(in: 1..<60, using: &random)
        _ = try harness.send(lines(time..<time + count))
        time += count
        if Int.random(in: 0..<4, using: &random) == 0 { try await harness.engine.flush() }
        try await reader.wait(seconds: count)
      }
      for event in reader.events { told[event.text, default: 0] += 1 }
      id = reader.id
      reader.subscription.cancel()
      switch Int.random(in: 0..<3, using: &random) {
      case 0: try harness.restart()
      case 1:
        _ = try harness.send(lines(time..<time + 90))
        time += 90
        harness.clock.advance(seconds: 90)
        for _ in 0..<4 { try harness.engine.step() }
      default: break
      }
    }
    let last = try FeedReader(harness, from: id)
    _ = try harness.send(lines(time..<time + 71))
    try await last.wait(seconds: 2)
    for event in last.events { told[event.text, default: 0] += 1 }
    #expect(told.keys.allSatisfy { $0.hasPrefix("closed ") }, "\(told)")
    for number in 0..<time / 60 {
      let text = "closed a \(minute + Int64(number)) f.count=60 f.sum=60.0"
      #expect(told[text] != nil, "\(number) of \(time / 60): \(told)")
    }
  }
}
