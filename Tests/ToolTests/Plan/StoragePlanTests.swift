import Testing
import Tool

/// What a fleet takes, calculated.
struct StoragePlanTests {
  private func plan(_ retention: String, intervalSeconds: Double = 1) throws -> StoragePlan {
    StoragePlan(
      fleet: StoragePlan.Fleet(servers: 1_000, metrics: 2_000, intervalSeconds: intervalSeconds),
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
    // Points stay until a day and an hour are over, files of hours hold 30 days.
    #expect(bytes["raw, cold"] == 2e6 * 86_400 * (7 + 25.0 / 24 - 2) * 0.5)
    #expect(bytes["rollup of 1m"] == 2e6 * 1_440 * 91 * 8)
    #expect(bytes["rollup of 1h"] == 2e6 * 24 * 1_125 * 8)
    #expect(bytes["ring"] == 2e6 * 1_440 * 2 * 10.6)
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

  /// A column has a window for each value at most.
  @Test func valuesThatAreFarApartMakeAWindowEach() throws {
    func bytes(_ intervalSeconds: Double) throws -> [String: Double] {
      let lines = try plan("raw=7d,1m=90d,1h=3y", intervalSeconds: intervalSeconds).lines()
      return Dictionary(uniqueKeysWithValues: lines.map { ($0.name, $0.byteCount) })
    }
    let (often, seldom, rarely) = (try bytes(60), try bytes(600), try bytes(7_200))
    for name in ["ring", "rollup of 1m"] {
      #expect(often[name] == (try bytes(1))[name])
      #expect(often[name] == seldom[name].map { $0 * 10 })
    }
    #expect(often["rollup of 1h"] == seldom["rollup of 1h"])
    #expect(often["rollup of 1h"] == rarely["rollup of 1h"].map { $0 * 2 })
    #expect(try plan("raw=7d,1m=90d", intervalSeconds: 600).writtenPerSecond < 2e6 / 600 * 25)
  }

  /// As a server does that is not told how long points stay.
  @Test func pointsOfWhichNothingIsSaidAreKeptForEver() throws {
    let plan = try plan("1m=90d")
    #expect(plan.tiers == [.init(.raw, days: .infinity), .init(.minute, days: 90)])
    #expect(plan.isEndless)
    #expect(plan.lines().first { $0.name == "raw, cold" }?.days == .infinity)
    #expect(plan.endlessPerDay == 2e6 * 86_400 * 0.5)
    let days = try #require(plan.daysUntilFull(100e12))
    #expect(abs(plan.byteCount(after: days) - 100e12) < 1e9)
    #expect(days > 90)
    // A hundred years are enough for anybody.
    #expect(plan.daysUntilFull(plan.byteCount(after: 36_500)) == nil)
    #expect(PlanReport.remarks(plan).count == 1)
    #expect(StoragePlan.tiers("forever")?.map(\.grain) == [.raw])
    #expect(StoragePlan.tiers("forever")?.map(\.days) == [.infinity])
    let order = try #require(StoragePlan.tiers("1h=3y,raw=forever,1m=forever"))
    #expect(order.map(\.grain) == [.raw, .minute, .hour])
    #expect(order.map(\.days) == [.infinity, .infinity, 1_095])
    let useless = PlanReport.remarks(try self.plan("1m=7d,raw=90d,1h=3y"))
    #expect(useless.first?.contains("of 1m are gone") == true)
    #expect(PlanReport.remarks(try self.plan("raw=7d,1m=90d")).isEmpty)
  }

  @Test func machinesShareWhatOneCannotDo() throws {
    var machine = PlanNodes.Machine()
    let month = try plan("raw=30d")
    machine.diskByteCount = month.byteCount(after: .infinity) / 2.5
    #expect(PlanNodes(month, machine).count == 3)
    #expect(PlanNodes(month, machine).bound == .disk)
    machine.diskByteCount = 1e18
    machine.writtenPerSecond = month.writtenPerSecond / 1.5
    #expect(PlanNodes(month, machine).bound == .diskWrites)
    machine.writtenPerSecond = 1e18
    machine.processors = 1
    // 0.072 processors, of a half.
    #expect(PlanNodes(month, machine).count == 1)
    #expect(PlanNodes(month, machine).bound == .processors)
    // What is kept for ever has no end to divide: a year of it.
    let endless = try plan("raw=forever")
    machine.diskByteCount = endless.byteCount(after: 365) / 1.5
    #expect(PlanNodes(endless, machine).count == 2)
  }

  @Test func theLargestFleetCanBeReported() throws {
    for (interval, retention) in [(0.001, "raw=forever"), (9e9, "raw=200y,1h=1h")] {
      let plan = StoragePlan(
        fleet: .init(servers: 1_000_000, metrics: 1_000_000, intervalSeconds: interval),
        rates: StoragePlan.Rates(),
        tiers: try #require(StoragePlan.tiers(retention))
      )
      var machine = PlanNodes.Machine()
      machine.diskByteCount = 0x1p20
      for isJSON in [true, false] {
        #expect(!PlanReport.facts(plan, machine, nil).rendered(asJSON: isJSON).isEmpty)
      }
    }
  }

  @Test(arguments: [
    "", "raw", "raw=", "raw=7", "raw=x", "2m=1d", "raw=1d,raw=2d", "raw=0d", "raw=ever",
    "raw=1d,2h=1y",
  ])
  func retentionThatMeansNothingIsRefused(text: String) {
    // A bare number is seconds, as everywhere on the command line: too short for anybody to mean.
    #expect(StoragePlan.tiers(text) == nil)
  }
}
