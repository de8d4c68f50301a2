import Server
import Testing
import Tool

struct PaceTests {
  private static let second: Int64 = 1_000_000_000

  private func plan(_ schedule: LoadPlan.Schedule, metricCount: Int = 10) -> LoadPlan {
    LoadPlan(
      address: Address(host: "h", port: 1),
      servers: 0..<100,
      metricCount: metricCount,
      schedule: schedule,
      duration: nil,
      connectionCount: 1,
      windowByteCount: 1,
      seed: 1
    )
  }

  private func pieces(_ plan: LoadPlan, servers: Int, count: Int) -> [Pace.Piece] {
    let fleet = Fleet(servers: 0..<servers, metricCount: plan.metricCount, seed: 1)
    var pace = Pace(plan, fleet: fleet, startedAt: 500, wallStart: 7_000)
    return (0..<count).compactMap { _ in pace.next() }
  }

  @Test func aPacedRoundIsSpreadOverItsInterval() {
    let pieces = pieces(plan(.paced(interval: Self.second)), servers: 100, count: 40)
    #expect(pieces[0].dueAt == 500)
    #expect(pieces[0].stamp == 7_000)
    #expect(pieces[1].dueAt == 50_000_500)
    #expect(pieces[20].dueAt == 1_000_000_500)
    #expect(pieces[20].stamp == 1_000_007_000)
    #expect(pieces[..<20].flatMap { Array($0.servers) } == Array(0..<100))
    #expect(pieces[20...].flatMap { Array($0.servers) } == Array(0..<100))
  }

  @Test func fewServersMakeFewPieces() {
    let pieces = pieces(plan(.paced(interval: Self.second)), servers: 3, count: 3)
    #expect(pieces.map(\.servers) == [0..<1, 1..<2, 2..<3])
  }

  @Test func aBackfillEnds() {
    let pieces = pieces(plan(.backfill(start: 60, step: 60, count: 3)), servers: 2, count: 9)
    #expect(pieces.map(\.stamp) == [60, 120, 180])
    #expect(pieces.allSatisfy { $0.servers == 0..<2 && $0.dueAt == 0 })
  }

  @Test func wideRowsAreCutIntoPieces() {
    let pieces = pieces(plan(.unlimited, metricCount: 2_000), servers: 100, count: 100)
    #expect(pieces[0].servers.count < 20)
    #expect(pieces.allSatisfy { $0.stamp == nil && !$0.servers.isEmpty })
  }
}
