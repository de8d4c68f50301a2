import Platform
import Query
import Server
import Synchronization
import TestSupport
import Testing

/// What clients do not read is bounded, and those who read are served.
@Suite struct AnswerBudgetTests {
  /// Stands for a connection; its identity is all that counts.
  private final class Connection: Sendable {
    private let cut = Atomic(false)
    var isCut: Bool { cut.load(ordering: .relaxed) }
    var id: ObjectIdentifier { ObjectIdentifier(self) }

    func hangUp() { cut.store(true, ordering: .relaxed) }
  }

  private let clock = ManualClock()

  private func budget(waitingMax: Int = 10) -> AnswerBudget {
    AnswerBudget(
      AnswerBudget.Limits(
        byteCountMax: 1_000,
        queryByteCount: 300,
        waitingMax: waitingMax,
        patienceNanoseconds: 5_000_000_000
      ),
      clock: clock
    )
  }

  private func connect(_ budget: AnswerBudget, holding byteCount: Int) -> Connection {
    let connection = Connection()
    budget.open(connection.id) { connection.hangUp() }
    budget.update(connection.id, answer: byteCount)
    return connection
  }

  private func waits(_ budget: AnswerBudget, count: Int) async throws {
    for _ in 0..<2_000 where budget.snapshot().waitingCount != count {
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(budget.snapshot().waitingCount == count)
  }

  @Test func aQueryWaitsUntilAnswersAreRead() async throws {
    let budget = budget()
    let reader = connect(budget, holding: 500)
    try await budget.beginQuery()
    async let second: Void = budget.beginQuery()
    try await waits(budget, count: 1)
    budget.update(reader.id, answer: 100)
    try await second
    #expect(budget.snapshot().heldByteCount == 100)
    #expect(!reader.isCut)
    budget.endQuery()
    budget.endQuery()
    budget.close(reader.id)
    #expect(budget.snapshot().heldByteCount == 0)
  }

  @Test func theEndOfAQueryLetsTheNextBegin() async throws {
    let budget = budget()
    for _ in 0..<3 { try await budget.beginQuery() }
    async let fourth: Void = budget.beginQuery()
    try await waits(budget, count: 1)
    budget.endQuery()
    try await fourth
    #expect(budget.snapshot().waitingCount == 0)
  }

  @Test func whoReadsNothingIsCutTheLongestSilentFirst() async throws {
    let budget = budget()
    let first = connect(budget, holding: 400)
    clock.advance(seconds: 1)
    let second = connect(budget, holding: 400)
    clock.advance(seconds: 1)
    let third = connect(budget, holding: 100)
    #expect(!first.isCut, "nobody waits, nobody is cut")
    async let query: Void = budget.beginQuery()
    for _ in 0..<2_000 where !first.isCut {
      try await Task.sleep(for: .milliseconds(1))
    }
    budget.close(first.id)
    try await query
    #expect(first.isCut)
    #expect(!second.isCut, "one was enough")
    #expect(!third.isCut, "it may be reading")
    #expect(budget.snapshot().cutCount == 1)
  }

  @Test func aByteNowAndThenIsNoReading() async throws {
    let budget = AnswerBudget(
      AnswerBudget.Limits(
        byteCountMax: 1 << 20,
        queryByteCount: 300 << 10,
        waitingMax: 10,
        patienceNanoseconds: 60_000_000_000
      ),
      clock: clock
    )
    let dripping = connect(budget, holding: 100 << 10)
    let slow = connect(budget, holding: 600 << 10)
    var left = 256 << 10
    for step in 0..<4 {
      budget.update(dripping.id, channel: (256 << 10) - step)
      budget.update(slow.id, channel: left)
      clock.advance(nanoseconds: 500_000_000)
      left -= AnswerBudget.progressByteCount
    }
    budget.update(slow.id, channel: left)
    async let query: Void = budget.beginQuery()
    for _ in 0..<2_000 where !dripping.isCut {
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(dripping.isCut)
    #expect(!slow.isCut, "a slow reader reads")
    budget.close(dripping.id)
    budget.close(slow.id)
    try await query
  }

  @Test func noRoomInTimeIsToldInWords() async throws {
    let budget = budget(waitingMax: 1)
    _ = connect(budget, holding: 900)
    let patient = Task { try await budget.beginQuery() }
    try await waits(budget, count: 1)
    await #expect(throws: QueryError.self) { try await budget.beginQuery() }
    clock.advance(seconds: 6)
    let error = await #expect(throws: QueryError.self) { try await patient.value }
    #expect(error?.kind == .unavailable)
    #expect(error?.message.contains("http.answers-max") == true)
  }

  @Test func aStopRefusesWhoWaits() async throws {
    let budget = budget()
    _ = connect(budget, holding: 900)
    let query = Task { try await budget.beginQuery() }
    try await waits(budget, count: 1)
    budget.close()
    await #expect(throws: QueryError.self) { try await query.value }
    await #expect(throws: QueryError.self) { try await budget.beginQuery() }
  }

  @Test func pagesHaveAShareOfTheirOwn() {
    let budget = budget()
    let reader = connect(budget, holding: 1_000)
    #expect(budget.admitsPage())
    budget.update(reader.id, answer: AnswerBudget.pageByteCountMax + 1_000)
    #expect(!budget.admitsPage())
  }
}
