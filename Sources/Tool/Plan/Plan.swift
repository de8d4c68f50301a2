internal import ArgumentParser
internal import Blocks
internal import Engine
internal import Model
internal import Platform

/// Tells what a fleet will take before there is one.
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Predict disk, days until full, machines and bandwidth of a fleet.",
    discussion: """
      Calculates from servers × metrics and the interval, by rules of docs/operations.md; with \
      --data the bytes that points and windows take are those of the files there. --retention says \
      how long what is kept: raw points, for ever where it does not name them, as varve serve \
      does, and rollups of 1m and 1h. nodes counts machines that share the servers, each with \
      --processors, of which half are left for queries, with --disk, and with 200 MB/s that it \
      writes. Exit status: 0 it fits, or the disk is assumed; 1 the disk will be full.
      """
  )

  @Option(help: "Servers that send.")
  var servers: Int

  @Option(help: "Metrics of each server.")
  var metrics: Int

  @Option(help: "Time between two values of a metric.")
  var interval = TimeSpan(seconds: 1)

  @Option(help: "What is kept how long: raw=7d,1m=90d,1h=forever; or forever alone.")
  var retention = "raw=30d"

  @Option(help: "A data directory whose blocks tell how many bytes a point takes.")
  var data: String?

  @Option(
    help: """
      Size of a machine's disk. (default: what is free beside --data, and what is used there; else \
      4TiB are assumed)
      """
  )
  var disk: ByteSize?

  @Option(help: "Processors of a machine.")
  var processors = PlanNodes.Machine().processors

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
          + "and of an hour or more or forever; or forever alone"
      )
    }
    if let disk, disk.byteCount < 1 << 20 {
      throw ValidationError("--disk is \(disk); expected 1 MiB or more")
    }
    try Check.range(processors, 1...4_096, option: "processors")
  }

  func run() throws {
    var rates = StoragePlan.Rates()
    var machine = PlanNodes.Machine()
    machine.processors = processors
    var origin: PlanReport.DiskOrigin?
    if let data, let space = try measure(data, &rates) {
      machine.diskByteCount = space
      origin = .data
    }
    if let disk {
      machine.diskByteCount = Double(disk.byteCount)
      origin = .option
    }
    let plan = StoragePlan(
      fleet: StoragePlan.Fleet(
        servers: servers,
        metrics: metrics,
        intervalSeconds: interval.seconds
      ),
      rates: rates,
      tiers: StoragePlan.tiers(retention) ?? []
    )
    StandardOutput.write(PlanReport.facts(plan, machine, origin).rendered(asJSON: json))
    for remark in PlanReport.remarks(plan) { StandardOutput.writeError(remark + "\n") }
    if origin != nil, plan.daysUntilFull(machine.diskByteCount) != nil { throw ExitCode(1) }
  }

  /// - Returns: what is free there, and what is used there.
  private func measure(_ data: String, _ rates: inout StoragePlan.Rates) throws -> Double? {
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
    let files = snapshot.partitions.flatMap(\.manifest.rollups.files)
    let windowCount = files.reduce(0) { $0 + $1.windowCount }
    let rollupByteCount = files.reduce(0) { $0 + $1.byteCount }
    if windowCount >= 10_000 {
      rates.rollupWindow = Double(rollupByteCount) / Double(windowCount)
    }
    if !rates.isMeasured {
      StandardOutput.writeError(
        "blocks of \(data) hold fewer than 10,000 points: the rates are assumed\n"
      )
    }
    guard let space = try? RealDisk().space(at: data) else { return nil }
    let used = blocks.reduce(rollupByteCount) { $0 + ($1.cold == nil ? $1.byteCount : 0) }
    return Double(space.free + used)
  }
}
