internal import ArgumentParser
internal import Blocks
internal import Engine
internal import Model
internal import Platform

/// Tells what a fleet will take before there is one.
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Predict disk, days until full and bandwidth of a fleet.",
    discussion: """
      Calculates from servers × metrics and the interval, by rules of docs/operations.md; with \
      --data the bytes a point takes are those of the blocks there. --retention says how long what \
      is kept: raw points, and rollups of 1m and 1h. Exit status: 0 it fits, or no --disk was \
      given; 1 the disk will be full.
      """
  )

  @Option(help: "Servers that send.")
  var servers: Int

  @Option(help: "Metrics of each server.")
  var metrics: Int

  @Option(help: "Time between two values of a metric.")
  var interval = TimeSpan(seconds: 1)

  @Option(help: "What is kept how long: raw=7d,1m=90d,1h=3y.")
  var retention = "raw=30d"

  @Option(help: "A data directory whose blocks tell how many bytes a point takes.")
  var data: String?

  @Option(help: "Size of the disk. (default: what is free beside --data, and what is used there)")
  var disk: ByteSize?

  @Flag(help: "Print JSON.")
  var json = false

  /// Of servers, and of metrics of each.
  private static let countMax = 1_000_000

  func validate() throws {
    guard (1...Self.countMax).contains(servers), (1...Self.countMax).contains(metrics) else {
      throw ValidationError("--servers and --metrics take whole numbers from 1 to \(Self.countMax)")
    }
    guard interval.nanoseconds >= 1_000_000 else {
      throw ValidationError("--interval takes 1ms or more")
    }
    guard StoragePlan.tiers(retention) != nil else {
      throw ValidationError(
        "--retention is \"\(retention)\"; expected tiers such as raw=7d,1m=90d,1h=3y, each once "
          + "and of an hour or more"
      )
    }
  }

  func run() throws {
    var rates = StoragePlan.Rates()
    var size = disk.map { Double($0.byteCount) }
    if let data { try measure(data, &rates, &size) }
    let plan = StoragePlan(
      fleet: StoragePlan.Fleet(
        servers: servers,
        metrics: metrics,
        intervalSeconds: interval.seconds
      ),
      rates: rates,
      tiers: StoragePlan.tiers(retention) ?? []
    )
    let report = Self.report(plan, disk: size)
    StandardOutput.write(report.rendered(asJSON: json))
    if let size, plan.daysUntilFull(size) != nil { throw ExitCode(1) }
  }

  private func measure(
    _ data: String,
    _ rates: inout StoragePlan.Rates,
    _ size: inout Double?
  ) throws {
    let snapshot: DirectorySnapshot
    do throws(EngineError) {
      snapshot = try DirectorySnapshot(disk: RealDisk(), path: data, readsLog: false)
    } catch {
      throw Failure(reading: error)
    }
    let damageCount = snapshot.findings.count { $0.severity != .note }
    if damageCount > 0 {
      StandardOutput.writeError(
        "\(data) is damaged in \(Quantity.grouped(damageCount)) places, which varve verify names; "
          + "the rates are those of its manifests\n"
      )
    }
    let blocks = snapshot.partitions.flatMap(\.manifest.blocks)
    func perPoint(_ isWanted: (BlockSummary) -> Bool) -> Double? {
      let chosen = blocks.filter(isWanted)
      let points = chosen.reduce(0) { $0 + $1.pointCount }
      guard points >= 10_000 else { return nil }
      return Double(chosen.reduce(0) { $0 + $1.byteCount }) / Double(points)
    }
    if let young = perPoint({ !$0.identity.isCold }) {
      rates.youngPoint = young
      rates.isMeasured = true
    }
    if let cold = perPoint({ $0.identity.isCold }) {
      rates.coldPoint = cold
      rates.isMeasured = true
    } else {
      // What has never been merged cold tells that much.
      rates.coldPoint = min(rates.coldPoint, rates.youngPoint)
    }
    if size == nil, let space = try? RealDisk().space(at: data) {
      size = Double(space.free + blocks.reduce(0) { $0 + $1.byteCount })
    }
  }

  /// What an integer cannot say is as much as it can say: eight exbibytes.
  private static func bytes(_ count: Double) -> TextTable.Cell {
    .byteCount(Int(exactly: count.rounded()) ?? .max)
  }

  package static func report(_ plan: StoragePlan, disk: Double?) -> TextReport {
    var report = TextReport()
    let partitions = PartitionCount.recommended(pointsPerSecond: plan.fleet.pointsPerSecond)
    report.fact("points_per_second", .unsigned(UInt64(plan.fleet.pointsPerSecond.rounded())))
    report.fact("columns", .unsigned(UInt64(plan.fleet.columns)))
    report.fact("rates", .text(plan.rates.isMeasured ? "measured in blocks" : "assumed"))
    report.fact("bytes_per_point_hot", .decimal(plan.rates.youngPoint, 3))
    report.fact("bytes_per_point_cold", .decimal(plan.rates.coldPoint, 3))
    report.fact("processors", .decimal(plan.processors, 2))
    report.fact("partitions", .integer(partitions))
    report.fact("written_bytes_per_second", bytes(plan.writtenPerSecond))
    report.fact("bytes_in_the_end", bytes(plan.byteCount(after: .infinity)))
    if let disk {
      report.fact("disk", bytes(disk))
      if let days = plan.daysUntilFull(disk) {
        report.fact("days_until_full", .decimal(days, 1))
      } else {
        report.fact("days_until_full", .text("never"))
      }
    }
    var table = TextTable(["tier", "days>", "bytes>"])
    for line in plan.lines() {
      table.add([
        .text(line.name), line.days.map { .decimal($0, 1) } ?? .none,
        bytes(line.byteCount),
      ])
    }
    report.table("Tiers", key: "tiers", table)
    return report
  }
}

/// Partitions of a new data directory.
enum PartitionCount {
  /// One worker takes some millions of points a second, and a core each is all they can use.
  static func recommended(pointsPerSecond: Double) -> Int {
    var count = 8
    while Double(count) * 4e6 < pointsPerSecond, count < 64 { count *= 2 }
    return count
  }
}
