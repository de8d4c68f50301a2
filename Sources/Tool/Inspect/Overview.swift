internal import Blocks
internal import Catalog
package import Engine
package import Model
internal import Platform
internal import Queue

/// `varve inspect`: a data directory on one page.
package enum Overview {
  /// Segments, measurements and findings that are listed; the rest is counted.
  private static let listedCountMax = 40

  package static func make(
    _ snapshot: DirectorySnapshot
  ) throws -> (report: TextReport, findings: [Damage]) {
    let log = try LogInspection(disk: snapshot.disk, path: snapshot.directory.path)
    let segments = try log.segments()
    let blocks = snapshot.partitions.flatMap(\.manifest.blocks)
    let byteCount = blocks.reduce(0) { $0 &+ $1.byteCount }
    let pointCount = blocks.reduce(0) { $0 &+ $1.pointCount }
    let filled = blocks.filter { $0.rowCount > 0 }
    let names = snapshot.catalog.statistics()
    var report = TextReport()
    report.fact("directory", .text(snapshot.directory.path))
    report.fact("created", snapshot.createdAt.map { .time($0) } ?? .none)
    report.fact(
      "epoch",
      .integer(segments.compactMap { $0.epoch?.rawValue }.max().map { Int($0) } ?? 0)
    )
    report.fact("partitions", .integer(snapshot.partitionCount))
    report.fact("tenants", .integer(names.tenants))
    report.fact("measurements", .integer(names.measurements))
    report.fact("fields", .integer(names.fields))
    report.fact("series", .integer(names.series))
    report.fact("blocks", .integer(blocks.count))
    report.fact("block_bytes", .byteCount(byteCount))
    report.fact("rows_in_blocks", .unsigned(blocks.reduce(0) { $0 &+ $1.rowCount }))
    report.fact("points_in_blocks", .unsigned(pointCount))
    report.fact("bytes_per_point", perPoint(byteCount, pointCount))
    report.fact("first_row", filled.map(\.firstTimestamp).min().map { .time($0) } ?? .none)
    report.fact("last_row", filled.map(\.lastTimestamp).max().map { .time($0) } ?? .none)
    report.fact("segments", .integer(segments.count))
    report.fact("segment_bytes", .byteCount(segments.reduce(0) { $0 &+ $1.byteCount }))
    let quarantine = (try? snapshot.disk.list(snapshot.directory.quarantine)) ?? []
    report.fact("quarantined_files", .integer(quarantine.count))
    report.table("partitions", key: "partition_list", partitions(snapshot))
    report.table("queue", key: "segment_list", segmentTable(segments))
    report.table("measurements", key: "measurement_list", CatalogView.measurements(snapshot))
    report.table("ledger, in points, as of the last cuts", key: "ledger", ledger(snapshot))
    return (report, snapshot.findings)
  }

  static func perPoint(_ byteCount: Int, _ pointCount: UInt64) -> TextTable.Cell {
    pointCount > 0 ? .decimal(Double(byteCount) / Double(pointCount), 3) : .none
  }

  private static func partitions(_ snapshot: DirectorySnapshot) -> TextTable {
    var table = TextTable([
      "partition>", "cut>", "epoch>", "next_offset>", "blocks>", "rows>", "points>", "bytes>",
      "bytes_per_point>", "ring_hours>", "ring_committed>", "ring_on_disk>", "manifest",
    ])
    for partition in snapshot.partitions {
      let manifest = partition.manifest
      let byteCount = manifest.blocks.reduce(0) { $0 &+ $1.byteCount }
      let pointCount = manifest.blocks.reduce(0) { $0 &+ $1.pointCount }
      table.add([
        .integer(partition.index), .unsigned(manifest.cut), .integer(Int(manifest.epoch.rawValue)),
        .unsigned(manifest.nextOffset.rawValue), .integer(manifest.blocks.count),
        .unsigned(manifest.blocks.reduce(0) { $0 &+ $1.rowCount }), .unsigned(pointCount),
        .byteCount(byteCount), perPoint(byteCount, pointCount),
        .integer(Set(manifest.ringProgress.map(\.hour)).count),
        .byteCount(manifest.ringProgress.reduce(0) { $0 + Int(clamping: $1.byteCount) }),
        .byteCount(folderByteCount(snapshot, snapshot.directory.ring(partition.index))),
        .text(partition.manifestWasRebuilt ? "damaged" : "sound"),
      ])
    }
    return table
  }

  private static func folderByteCount(_ snapshot: DirectorySnapshot, _ folder: String) -> Int {
    ((try? snapshot.disk.list(folder)) ?? []).reduce(0) { sum, name in
      sum + ((try? snapshot.disk.byteCount(of: Path.join(folder, name))) ?? 0)
    }
  }

  private static func segmentTable(_ segments: [SegmentSummary]) -> TextTable {
    var table = TextTable(["segment>", "epoch>", "created", "bytes>", "header"])
    for segment in segments.suffix(listedCountMax) {
      table.add([
        .unsigned(segment.sequence), segment.epoch.map { .integer(Int($0.rawValue)) } ?? .none,
        segment.created.map { .time($0) } ?? .none, .byteCount(segment.byteCount),
        .text(segment.epoch == nil ? "damaged" : "sound"),
      ])
    }
    return table
  }

  /// The partitions' committed ledgers added up.
  private static func ledger(_ snapshot: DirectorySnapshot) -> TextTable {
    struct Key: Hashable {
      var tenant: TenantID
      var measurement: MeasurementID?
    }
    var sums: [Key: LedgerEntry] = [:]
    for entry in snapshot.partitions.flatMap(\.manifest.ledger) {
      let key = Key(tenant: entry.tenant, measurement: entry.measurement)
      var sum = sums[key] ?? LedgerEntry(tenant: entry.tenant, measurement: entry.measurement)
      sum.received &+= entry.received
      sum.stored &+= entry.stored
      sum.duplicate &+= entry.duplicate
      sum.replaced &+= entry.replaced
      sum.late &+= entry.late
      sum.rejected.merge(entry.rejected) { $0 &+ $1 }
      sum.linesRejected.merge(entry.linesRejected) { $0 &+ $1 }
      sums[key] = sum
    }
    for (removed, points) in snapshot.partitions.flatMap(\.manifest.removals.counts) {
      let key = Key(tenant: removed.tenant, measurement: removed.measurement)
      var sum = sums[key] ?? LedgerEntry(tenant: removed.tenant, measurement: removed.measurement)
      if removed.cause == .deleted { sum.deleted &+= points } else { sum.expired &+= points }
      sums[key] = sum
    }
    var table = TextTable([
      "tenant", "measurement", "received>", "stored>", "duplicate>", "replaced>", "rejected>",
      "late>", "expired>", "deleted>", "lines_rejected>",
    ])
    let sorted = sums.sorted {
      ($0.key.tenant, $0.key.measurement?.rawValue ?? .max)
        < ($1.key.tenant, $1.key.measurement?.rawValue ?? .max)
    }
    for (key, entry) in sorted {
      table.add([
        .name(snapshot.catalog.tenant(key.tenant)?.name ?? []),
        key.measurement.map { .name(snapshot.catalog.measurement($0)?.name ?? []) }
          ?? .text("(unknown)"),
        .unsigned(entry.received), .unsigned(entry.stored), .unsigned(entry.duplicate),
        .unsigned(entry.replaced), .unsigned(entry.rejected.values.reduce(0, &+)),
        .unsigned(entry.late), .unsigned(entry.expired), .unsigned(entry.deleted),
        .unsigned(entry.linesRejected.values.reduce(0, &+)),
      ])
    }
    return table
  }
}

/// `varve inspect --partition`.
package enum PartitionTables {
  package static func make(
    _ snapshot: DirectorySnapshot,
    _ index: Int
  ) throws -> (report: TextReport, findings: [Damage]) {
    guard index < snapshot.partitionCount else {
      throw Failure.notThere(
        snapshot.directory.path,
        "there is no partition \(index); expected 0 to \(snapshot.partitionCount - 1)"
      )
    }
    let partition = snapshot.partitions[index]
    var report = TextReport()
    report.fact("partition", .integer(index))
    report.fact("cut", .unsigned(partition.manifest.cut))
    report.fact("epoch", .integer(Int(partition.manifest.epoch.rawValue)))
    report.fact("next_offset", .unsigned(partition.manifest.nextOffset.rawValue))
    report.fact("manifest", .text(partition.manifestWasRebuilt ? "damaged" : "sound"))
    let removed = partition.manifest.removals.counts.values.reduce(0, &+)
    report.fact("removed_points", .unsigned(removed))
    var blocks = TextTable([
      "block", "tenant", "first_offset>", "end_offset>", "cut>", "groups>", "rows>", "points>",
      "bytes>", "bytes_per_point>", "first_row", "last_row", "tier",
    ])
    for block in partition.manifest.blocks {
      let hasRows = block.rowCount > 0
      blocks.add([
        .text(block.fileName), .name(snapshot.catalog.tenant(block.identity.tenant)?.name ?? []),
        .unsigned(block.identity.a.rawValue), .unsigned(block.identity.b.rawValue),
        .unsigned(block.identity.cut), .integer(block.groupCount), .unsigned(block.rowCount),
        .unsigned(block.pointCount), .byteCount(block.byteCount),
        Overview.perPoint(block.byteCount, block.pointCount),
        hasRows ? .time(block.firstTimestamp) : .none, hasRows ? .time(block.lastTimestamp) : .none,
        .text(block.cold == nil ? "local" : "cold"),
      ])
    }
    report.table("blocks", key: "blocks", blocks)
    // An hour may have several files.
    var hours = TextTable(["hour", "files>", "committed>"])
    let files = Dictionary(grouping: partition.manifest.ringProgress) { $0.hour }
    for (hour, progress) in files.sorted(by: { $0.key < $1.key }) {
      let (time, overflow) = hour.multipliedReportingOverflow(by: Nanoseconds.perHour)
      let byteCount = progress.reduce(0) { $0 &+ Int(clamping: $1.byteCount) }
      hours.add([overflow ? .none : .time(time), .integer(progress.count), .byteCount(byteCount)])
    }
    report.table("ring", key: "ring", hours)
    if !partition.manifest.rollups.files.isEmpty {
      report.table("rollups", key: "rollups", rollups(partition.manifest, snapshot))
    }
    return (report, snapshot.findings)
  }

  /// Files of rollups, with the days that they may hold.
  private static func rollups(_ manifest: Manifest, _ snapshot: DirectorySnapshot) -> TextTable {
    var table = TextTable([
      "rollup", "tenant", "unit", "first_day", "end_day", "windows>", "bytes>", "changed_days>",
    ])
    for file in manifest.rollups.files {
      let days = file.identity.days
      table.add([
        .text(file.fileName), .name(snapshot.catalog.tenant(file.identity.tenant)?.name ?? []),
        .text(file.identity.unit.name),
        .time(days.lowerBound * RollupUnit.nanosecondsPerDay),
        .time(days.upperBound * RollupUnit.nanosecondsPerDay), .unsigned(file.windowCount),
        .byteCount(file.byteCount),
        .integer(manifest.rollups.changed.keys.count { days.contains($0) }),
      ])
    }
    return table
  }
}
