import Model
import Query
import TestSupport
import Testing

/// Goal: an answer is the same whichever tier its data lies in, and it is the right one. Method:
/// random rows (late, repeated, corrected, ahead) and hours of time go to engines with different
/// habits of cutting and restarting; queries of every shape are compared with plain dictionaries,
/// and answers that need no rounding with each other, byte by byte.
@Suite struct TierPropertyTests {
  @Test(arguments: UInt64(1)...12)
  func answersAreTheSameWhicheverTierTheDataLiesIn(seed: UInt64) async throws {
    let clock = ManualClock(now: 1_795_373_340_000_000_000)
    var script = TierScript(seed: seed)
    var model = TierModel()
    let stores = try TierStore.Habit.hot.enumerated().map { index, habit in
      try TierStore(habit, clock: clock, seed: seed &* 16 &+ UInt64(index))
    }
    for round in 0..<30 {
      let rows = script.rows(now: clock.now())
      for row in rows { model.add(row) }
      for store in stores {
        try store.write(rows)
        try await store.rest()
      }
      for _ in 0..<4 {
        let query = script.query(now: clock.now())
        let faults = try await check(query, model, stores)
        #expect(faults == [], "seed \(seed), round \(round): \(query.items)")
        guard faults.isEmpty else { return }
      }
      advance(clock, &script)
    }
    for store in stores {
      try await store.checkLedger(points: model.pointCount)
      #expect(store.faults == [], "seed \(seed)")
    }
    // Otherwise nothing was compared.
    #expect(stores.contains { $0.statistics.ringWindows > 0 })
    #expect(stores.filter { $0.statistics.rowsOpen > 0 }.count >= 2)
    #expect(stores.allSatisfy { $0.statistics.chunksDecoded > 0 || $0.habit == .open })
  }

  /// Seconds mostly; now and then hours, after which an hour is closed.
  private func advance(_ clock: ManualClock, _ script: inout TierScript) {
    switch Int.random(in: 0..<12, using: &script.random) {
    case 0: clock.advance(seconds: Int64.random(in: 3_600...20_000, using: &script.random))
    case 1...3: clock.advance(seconds: Int64.random(in: 60...1_800, using: &script.random))
    default: clock.advance(seconds: Int64.random(in: 1...60, using: &script.random))
    }
  }

  /// Days pass, so that blocks move into the cold tier while rows go on coming for old times.
  @Test(arguments: UInt64(1)...8)
  func answersAreTheSameWhenDaysLieInTheColdTier(seed: UInt64) async throws {
    let clock = ManualClock(now: 1_795_373_340_000_000_000)
    var script = TierScript(seed: seed &+ 100)
    var model = TierModel()
    let stores = try [TierStore.Habit.cutting, .cold].enumerated().map { index, habit in
      try TierStore(habit, clock: clock, seed: seed &* 32 &+ UInt64(index))
    }
    var coldBlockCount = 0
    let start = clock.now()
    for round in 0..<40 {
      var rows = script.rows(now: clock.now())
      if round % 15 == 3 { rows += script.longRun(of: round / 15, until: clock.now()) }
      for row in rows { model.add(row) }
      for store in stores {
        try store.write(rows)
        try await store.rest()
      }
      for _ in 0..<4 {
        let days = Int64.random(in: 0...8, using: &script.random)
        let query = script.query(now: clock.now() - days * 86_400_000_000_000)
        let faults = try await check(query, model, stores)
        #expect(faults == [], "seed \(seed), round \(round): \(query.items)")
        guard faults.isEmpty else { return }
      }
      coldBlockCount = max(coldBlockCount, stores[1].coldBlockCount)
      if Int.random(in: 0..<4, using: &script.random) == 0 {
        clock.advance(seconds: Int64.random(in: 40_000...200_000, using: &script.random))
      } else {
        advance(clock, &script)
      }
    }
    let whole = script.dayByDay(from: start - 86_400_000_000_000, to: clock.now())
    #expect(try await check(whole, model, stores) == [], "seed \(seed), day by day")
    for store in stores {
      try await store.checkLedger(points: model.pointCount)
      #expect(store.faults == [], "seed \(seed)")
    }
    #expect(coldBlockCount > 0, "seed \(seed)")
    #expect(stores[1].statistics.chunksCold > 0, "seed \(seed)")
    #expect(stores[1].statistics.chunksFromStatistics > 0, "seed \(seed)")
  }

  private func check(
    _ query: TierQuery,
    _ model: TierModel,
    _ stores: [TierStore]
  ) async throws -> [String] {
    var faults: [String] = []
    var texts: Set<String> = []
    for store in stores {
      let pages = try await store.answer(query)
      let found =
        query.step == nil
        ? model.faults(query, pages: pages)
        : pages.flatMap { model.faults(query, answer: $0) }
      faults += found.prefix(3).map { "\(store.habit): \($0)" }
      texts.insert(pages.map(Self.text).joined())
    }
    let isExact = !query.aggregates.contains { $0 == .sum || $0 == .avg }
    // Of equal times in several series, which one is first depends on nothing that a store knows.
    let isRounded = query.fields?.contains("g") ?? true
    if isExact || !isRounded, texts.count != 1 { faults.append("the answers differ") }
    return faults
  }

  /// The answer as a client sees it, without what it cost.
  private static func text(_ answer: RangeAnswer) -> String {
    let text = String(decoding: answer.json(), as: UTF8.self)
    let parts = text.split(separator: "\"stats\"", maxSplits: 1)
    guard let next = answer.next else { return String(parts[0]) }
    // An opaque string: it may name ids, which differ from store to store.
    return String(parts[0]).split(separator: next.text).joined()
  }
}
