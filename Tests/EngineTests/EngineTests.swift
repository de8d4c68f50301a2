import Engine
import Model
import TestSupport
import Testing

/// Goal: one answer whatever the state of the data, and every point accounted for.
@Suite struct EngineTests {
  static let rows = (0..<120).map { "m,h=a f=\($0).5,i=\($0)i \(1_795_373_000 + $0)\n" }.joined()
  static let queries = [
    "measurement=m&field=*&start=1795372900&end=1795373400",
    "measurement=m&field=f&start=1795372900&end=1795373400&step=60s&agg=count,sum,min,max,avg",
    "measurement=m&field=i&start=1795372900&end=1795373400&step=7s&agg=first,last,sum",
  ]

  private func answers(_ harness: EngineHarness) async throws -> [String] {
    var result: [String] = []
    for query in Self.queries { result.append(try await harness.range(query)) }
    return result
  }

  @Test func answersAreTheSameBeforeAndAfterACutAndARestart() async throws {
    let harness = try EngineHarness()
    #expect(try harness.send(Self.rows + "#ack a\n") == "OK a 120 0\n")
    let open = try await answers(harness)
    #expect(open[0].contains("119.5"))
    try await harness.engine.flush()
    let answer1 = try await answers(harness)
    #expect(answer1 == open)
    try harness.restart()
    let answer2 = try await answers(harness)
    #expect(answer2 == open)
    _ = try harness.send("m,h=a f=1000.5,i=1000i 1795373130\n#ack b\n")
    let more = try await answers(harness)
    #expect(more != open)
    try harness.restart()
    let answer3 = try await answers(harness)
    #expect(answer3 == more)
  }

  @Test func aRetryIsStoredOnceAndCountedAsDuplicate() async throws {
    let harness = try EngineHarness()
    _ = try harness.send(Self.rows + "#ack a\n")
    try await harness.engine.flush()
    let once = try await answers(harness)
    _ = try harness.send(Self.rows + "#ack b\n")
    let answer4 = try await answers(harness)
    #expect(answer4 == once)
    try await harness.engine.flush()
    let answer5 = try await answers(harness)
    #expect(answer5 == once)
    let row = try #require(await harness.engine.ledger().first)
    #expect(row.isBalanced)
    #expect(row.entry.stored == 240)
    #expect(row.entry.duplicate == 240)
    #expect(row.entry.received == 480)
  }

  @Test func aLateValueReplacesAndItsMinuteIsRestated() async throws {
    let harness = try EngineHarness()
    _ = try harness.send(Self.rows + "#ack a\n")
    try await harness.engine.flush()
    _ = try harness.send("m,h=a f=-7.25 1795373010\nm,h=a f=9.5 1795372999\n#ack b\n")
    let open = try await answers(harness)
    #expect(open[1].contains("-7.25"))
    try await harness.engine.flush()
    let answer6 = try await answers(harness)
    #expect(answer6 == open)
    try harness.restart()
    let answer7 = try await answers(harness)
    #expect(answer7 == open)
    let row = try #require(await harness.engine.ledger().first)
    #expect(row.isBalanced)
    #expect(row.entry.replaced == 1)
    #expect(row.entry.late == 1)
  }

  @Test func rowsStayOpenUntilThereIsAReasonToCut() async throws {
    let harness = try EngineHarness()
    _ = try harness.send(Self.rows + "#ack a\n")
    #expect(harness.engine.metrics().partitions.allSatisfy { $0.cutCount == 0 })
    #expect(harness.engine.metrics().partitions.reduce(0) { $0 + $1.openRowCount } == 120)
    harness.clock.advance(seconds: 601)
    _ = try harness.send("#ack b\n")
    #expect(harness.engine.metrics().partitions.contains { $0.cutCount == 1 })
    #expect(harness.engine.metrics().partitions.reduce(0) { $0 + $1.openRowCount } == 0)
  }

  @Test func badLinesAreRefusedAloneAndCounted() async throws {
    let harness = try EngineHarness()
    let answer = try harness.send(
      "#ack z\nm f=1 1795373000\nm f=x 1795373001\nm f=\"s\" 1\n#ack a\n"
    )
    // Verdicts come at once, acknowledgements when their lines are durable.
    #expect(answer.hasPrefix("ERR 3 5 "))
    #expect(answer.contains("OK z 0 0\n"))
    #expect(answer.hasSuffix("OK a 1 2\n"))
    try await harness.engine.flush()
    let rows = await harness.engine.ledger()
    let isBalanced = rows.allSatisfy { $0.isBalanced }
    #expect(isBalanced)
    let points = rows.reduce(0) { $0 + $1.entry.rejectedPoints }
    #expect(points == 1)
    let lines = rows.reduce(0) { $0 + $1.entry.linesRejected.values.reduce(0, +) }
    #expect(lines == 1)
  }
}
