import Testing
import Tool

/// What a fleet takes, calculated.
struct StoragePlanTests {
  private func plan(_ retention: String) throws -> StoragePlan {
    StoragePlan(
      fleet: StoragePlan.Fleet(servers: 1_000, metrics: 2_000, intervalSeconds: 1),
      rates: StoragePlan.Rates(),
      tiers: try #require(StoragePlan.tiers(retention))
    )
  }

  @Test func bytesFollowTheRules() throws {
    let plan = try plan("raw=7d,1m=90d,1h=3y")
    #expect(plan.fleet.pointsPerSecond == 2_000_000)
    let bytes = Dictionary(uniqueKeysWithValues: plan.lines().map { ($0.name, $0.byteCount) })
    #expect(bytes["log"] == Double(1 << 30))
    #expect(bytes["raw, hot"] == 2e6 * 86_400 * 2 * 1.5)
    #expect(bytes["raw, cold"] == 2e6 * 86_400 * 5 * 0.5)
    #expect(bytes["rollup of 1h"] == 2e6 * 24 * 1_095 * 10.6)
    #expect(
      plan.lines().map(\.name) == [
        "log", "ring", "raw, hot", "raw, cold", "rollup of 1m", "rollup of 1h",
      ]
    )
    #expect(plan.byteCount(after: .infinity) == plan.lines().reduce(0) { $0 + $1.byteCount })
  }

  @Test func aDiskIsFullWhenTheBytesReachIt() throws {
    let plan = try plan("raw=30d")
    let whole = plan.byteCount(after: .infinity)
    #expect(plan.daysUntilFull(whole) == nil)
    let days = try #require(plan.daysUntilFull(whole / 2))
    #expect(abs(plan.byteCount(after: days) - whole / 2) < 1e6)
    #expect(days > 1 && days < 30)
  }

  @Test(arguments: ["", "raw", "raw=", "raw=7", "raw=x", "2m=1d", "raw=1d,raw=2d", "raw=0d"])
  func retentionThatMeansNothingIsRefused(text: String) {
    // A bare number is seconds, as everywhere on the command line: too short for anybody to mean.
    #expect(StoragePlan.tiers(text) == nil)
  }
}
