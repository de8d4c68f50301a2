/// What `varve plan` says.
package enum PlanReport {
  /// Where the size of the disk comes from; nobody says it where it is assumed.
  package enum DiskOrigin: String {
    case option = "--disk"
    case data = "--data"
  }

  package static func remarks(_ plan: StoragePlan) -> [String] {
    let raw = plan.tiers.first { $0.grain == .raw }?.days ?? .infinity
    let rollups = plan.tiers.filter { $0.grain != .raw && $0.days.isFinite && $0.days <= raw }
    guard !rollups.isEmpty else { return [] }
    let names = rollups.map(\.grain.rawValue).joined(separator: " and ")
    return [
      raw == .infinity
        ? "raw points are kept for ever, raw=AGE bounds them; rollups of \(names) save no space"
        : "rollups of \(names) are gone before the raw points are: they save no space"
    ]
  }

  /// What an integer cannot say is as much as it can say: eight exbibytes.
  private static func bytes(_ count: Double) -> TextTable.Cell {
    .byteCount(Int(exactly: count.rounded()) ?? .max)
  }

  package static func facts(
    _ plan: StoragePlan,
    _ machine: PlanNodes.Machine,
    _ origin: DiskOrigin?
  ) -> TextReport {
    var report = TextReport()
    let rate = plan.fleet.pointsPerSecond
    let nodes = PlanNodes(plan, machine)
    report.fact(
      "points_per_second",
      rate < 1_000 ? .decimal(rate, 3) : .unsigned(UInt64(rate.rounded()))
    )
    report.fact("columns", .unsigned(UInt64(plan.fleet.columns)))
    report.fact("rates", .text(plan.rates.isMeasured ? "measured in blocks" : "assumed"))
    report.fact("bytes_per_point_hot", .decimal(plan.rates.youngPoint, 3))
    report.fact("bytes_per_point_cold", .decimal(plan.rates.coldPoint, 3))
    report.fact("bytes_per_rollup_window", .decimal(plan.rates.rollupWindow, 3))
    report.fact("processors", .decimal(plan.processors, 2))
    report.fact("written_bytes_per_second", bytes(plan.writtenPerSecond))
    report.fact("read_bytes_per_second", bytes(plan.readPerSecond))
    if plan.isEndless {
      report.fact("bytes_in_the_end", .none)
      report.fact("bytes_after_a_year", bytes(plan.plannedByteCount))
      report.fact("bytes_per_day_for_ever", bytes(plan.endlessPerDay))
    } else {
      report.fact("bytes_in_the_end", bytes(plan.plannedByteCount))
    }
    report.fact("disk", bytes(machine.diskByteCount))
    report.fact("disk_is_of", .text(origin?.rawValue ?? "nobody: assumed"))
    if let days = plan.daysUntilFull(machine.diskByteCount) {
      report.fact("days_until_full", .decimal(days, 1))
    } else {
      let isNever = plan.byteCount(after: .infinity) <= machine.diskByteCount
      report.fact("days_until_full", .text(isNever ? "never" : "not in 100 years"))
    }
    report.fact("nodes", .integer(Int(exactly: nodes.count) ?? .max))
    report.fact("nodes_are_for", .text(nodes.bound.rawValue))
    report.fact("a_node_has", .text(text(machine, isEndless: plan.isEndless)))
    report.fact(
      "partitions",
      .integer(PartitionCount.recommended(pointsPerSecond: rate / nodes.count))
    )
    var table = TextTable(["tier", "days>", "bytes>", "bytes_per_day>"])
    for line in plan.lines() {
      let isEndless = line.days == .infinity
      table.add([
        .text(line.name),
        line.days.map { isEndless ? .text("forever") : .decimal($0, 1) } ?? .none,
        isEndless ? .none : bytes(line.byteCount), bytes(line.perDay),
      ])
    }
    report.table("Tiers", key: "tiers", table)
    return report
  }

  private static func text(_ machine: PlanNodes.Machine, isEndless: Bool) -> String {
    "\(machine.processors) processors, half of them for queries; "
      + "\(TextTable.text(bytes(machine.diskByteCount))) of disk"
      + (isEndless ? " for a year of what is kept for ever" : "")
      + "; \(Quantity.short(machine.writtenPerSecond, "B/s")) written"
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
