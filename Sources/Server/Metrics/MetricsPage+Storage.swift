internal import Engine
internal import Model
internal import Platform

extension MetricsPage {
  private typealias Partition = EngineMetrics.Partition

  // MARK: Partitions

  static func partitions(_ engine: EngineMetrics, into page: inout MetricsText) {
    page.section("Partitions: applying and cutting")
    perPartition(engine, into: &page)
    page.family("varve_cuts_total", .counter, "Cuts, by what made them due.", labels: ["cause"])
    for cause in CutCause.allCases {
      let count = engine.partitions.reduce(0) { $0 + $1.cuts[cause, default: 0] }
      page.sample(count, [("cause", cause.rawValue)])
    }
    page.durations(
      "varve_cut_duration_seconds",
      "Time of one cut, from the sealing of its rows to the manifest's rename.",
      engine.partitions.reduce(into: DurationHistogram.Counts()) { $0 += $1.cutDurations }
    )
    let counters: [(name: String, help: String, value: UInt64)] = [
      ("cut_rows", "Rows that cuts took from the open rows.", total(engine, \.cutRowCount)),
      ("cut_bytes", "Bytes of blocks that cuts wrote.", total(engine, \.cutByteCount)),
      (
        "cut_failures", "Cuts that failed and will be tried again; the log keeps their rows.",
        total(engine, \.cutFailureCount)
      ),
      (
        "restated_windows",
        "Minutes of series whose window was written again: rows came late, or a cut fell into it.",
        total(engine, \.restatedWindowCount)
      ),
    ]
    for (name, help, value) in counters { page.counter("varve_\(name)_total", help, value) }
  }

  private static func perPartition(_ engine: EngineMetrics, into page: inout MetricsText) {
    let families:
      [(name: String, kind: MetricsText.Kind, help: String, value: (Partition) -> Double)] =
        [
          (
            "varve_applied_batches_total", .counter, "Batches applied, replayed ones among them.",
            { Double($0.appliedBatchCount) }
          ),
          (
            "varve_applied_rows_total", .counter, "Rows of these batches.",
            { Double($0.appliedRowCount) }
          ),
          (
            "varve_applied_points_total", .counter, "Points of these batches.",
            { Double($0.appliedPointCount) }
          ),
          (
            "varve_applied_offset", .gauge, "The first offset that is not applied.",
            { Double($0.appliedOffset) }
          ),
          (
            "varve_cut_offset", .gauge, "The first offset that is in no block.",
            { Double($0.cutOffset) }
          ),
          (
            "varve_lag_rows", .gauge, "Rows that are durable and not applied.",
            { Double($0.lagRowCount) }
          ),
          (
            "varve_lag_seconds", .gauge, "How long the oldest of them has waited; 0 without any.",
            { Double($0.lagNanoseconds) / 1e9 }
          ),
          ("varve_open_rows", .gauge, "Rows that are not cut yet.", { Double($0.openRowCount) }),
          (
            "varve_open_rows_bytes", .gauge, "Memory of these rows.", { Double($0.openByteCount) }
          ),
          (
            "varve_replay_bytes", .gauge, "Log that a start would have to replay.",
            { Double($0.openLogByteCount) }
          ),
          (
            "varve_unreadable_rows_total", .counter, "Durable rows that did not decode.",
            { Double($0.unreadableRowCount) }
          ),
        ]
    for (name, kind, help, value) in families {
      page.family(name, kind, help, labels: ["partition"])
      for partition in engine.partitions {
        page.sample(value(partition), [("partition", "\(partition.partition.rawValue)")])
      }
    }
  }

  private static func total(
    _ engine: EngineMetrics,
    _ value: (Partition) -> UInt64
  ) -> UInt64 { engine.partitions.reduce(0) { $0 + value($1) } }

  // MARK: Storage

  private struct Tier {
    var name: String
    var blocks: Int
    var bytes: Int
    var points: UInt64

    var labels: [(name: String, value: String)] { [(name: "tier", value: name)] }
  }

  static func storage(_ engine: EngineMetrics, into page: inout MetricsText) {
    page.section("Storage")
    let tiers = [
      Tier(
        name: "hot",
        blocks: engine.partitions.reduce(0) { $0 + $1.blockCount },
        bytes: engine.partitions.reduce(0) { $0 + $1.blockByteCount },
        points: total(engine, \.blockPointCount)
      ),
      Tier(
        name: "cold",
        blocks: engine.partitions.reduce(0) { $0 + $1.coldBlockCount },
        bytes: engine.partitions.reduce(0) { $0 + $1.coldByteCount },
        points: total(engine, \.coldPointCount)
      ),
    ]
    page.family("varve_blocks", .gauge, "Blocks: hot ones lie here, cold ones in the cold store.")
    for tier in tiers { page.sample(Double(tier.blocks), tier.labels) }
    page.family("varve_blocks_bytes", .gauge, "Bytes of blocks.")
    for tier in tiers { page.sample(Double(tier.bytes), tier.labels) }
    page.family("varve_blocks_points", .gauge, "Points in blocks.")
    for tier in tiers { page.sample(Double(tier.points), tier.labels) }
    page.family(
      "varve_blocks_bytes_per_point",
      .gauge,
      "Bytes of blocks over points in them; NaN without any."
    )
    for tier in tiers {
      page.sample(tier.points == 0 ? .nan : Double(tier.bytes) / Double(tier.points), tier.labels)
    }
    ring(engine, into: &page)
    page.single(
      "varve_disk_free_bytes",
      .gauge,
      "Free bytes of the data directory's file system; NaN when it does not tell.",
      engine.disk.map { Double($0.free) } ?? .nan
    )
    page.single(
      "varve_disk_size_bytes",
      .gauge,
      "Bytes of the data directory's file system; NaN when it does not tell.",
      engine.disk.map { Double($0.total) } ?? .nan
    )
  }

  private static func ring(_ engine: EngineMetrics, into page: inout MetricsText) {
    func sum(_ value: (EngineMetrics.Ring) -> Int) -> Int {
      engine.partitions.reduce(0) { $0 + value($1.ring) }
    }
    page.family(
      "varve_ring_hours",
      .gauge,
      "Hours of partitions that answer from minute windows: open ones, and frozen ones.",
      labels: ["state"]
    )
    page.sample(sum(\.openHourCount), [("state", "open")])
    page.sample(sum(\.frozenHourCount), [("state", "frozen")])
    page.gauge(
      "varve_ring_hours_limit",
      "Hours of partitions that the ring has slots for.",
      engine.partitions.count * ringSlotCount
    )
    page.family(
      "varve_ring_bytes",
      .gauge,
      "Bytes of the ring: open hours, frozen ones, and patches of what came for these later.",
      labels: ["state"]
    )
    page.sample(sum(\.openByteCount), [("state", "open")])
    page.sample(sum(\.frozenByteCount), [("state", "frozen")])
    page.sample(sum(\.patchByteCount), [("state", "patch")])
    page.counter(
      "varve_ring_freeze_failures_total",
      "Hours that could not be frozen and will be tried again; open ones go on answering.",
      total(engine, \.freezeFailureCount)
    )
  }

  static func retention(_ engine: EngineMetrics, into page: inout MetricsText) {
    typealias Removed = EngineMetrics.Retention.Removed
    page.section("Retention")
    let families: [(name: String, help: String, value: (Removed) -> UInt64)] = [
      ("blocks", "Blocks that retention removed whole.", { $0.blockCount }),
      (
        "points", "Points that retention and deletes removed, also out of merged blocks.",
        { $0.pointCount }
      ),
      ("bytes", "Bytes of the blocks that were removed whole.", { $0.byteCount }),
    ]
    for (name, help, value) in families {
      page.family("varve_retention_removed_\(name)_total", .counter, help, labels: ["cause"])
      for cause in ["age", "bytes", "deleted"] {
        page.sample(value(engine.retention.removed[cause] ?? Removed()), [("cause", cause)])
      }
    }
    page.counter(
      "varve_retention_failures_total",
      "Removals that the disk refused; they are tried again.",
      engine.retention.failureCount
    )
  }

  static func rollups(_ engine: EngineMetrics, into page: inout MetricsText) {
    page.section("Rollups")
    func sum(_ value: (EngineMetrics.RollupFiles) -> UInt64) -> [UInt64] {
      [\Partition.minuteRollups, \.hourRollups].map { path in
        engine.partitions.reduce(0) { $0 + value($1[keyPath: path]) }
      }
    }
    let held: [(name: String, help: String, values: [UInt64])] = [
      ("files", "Files of rollups.", sum(\.fileCount)),
      ("bytes", "Bytes of them.", sum(\.byteCount)),
      ("windows", "Windows in them.", sum(\.windowCount)),
    ]
    for (name, help, values) in held {
      page.family("varve_rollup_\(name)", .gauge, help, labels: ["unit"])
      for (unit, value) in zip(["1m", "1h"], values) { page.sample(value, [("unit", unit)]) }
    }
    let made = engine.rollups
    let counters: [(name: String, help: String, value: UInt64)] = [
      ("folded_days", "Days of partitions that were folded, again or first.", made.foldedDayCount),
      ("written_bytes", "Bytes of rollups that were written.", made.byteCount),
      ("damaged_groups", "Groups that could not be read to fold them.", made.damagedGroupCount),
      ("failures", "Attempts that failed and are made again; rows stay.", made.failureCount),
    ]
    for (name, help, value) in counters { page.counter("varve_rollup_\(name)_total", help, value) }
  }

  static func compaction(_ sources: Sources, into page: inout MetricsText) {
    page.section("Compaction")
    let numbers = sources.engine.compaction
    page.gauge(
      "varve_compaction_debt_bytes",
      "Bytes of blocks that wait to be merged.",
      numbers.debtByteCount
    )
    page.gauge(
      "varve_compaction_debt_limit_bytes",
      "What may wait; from half of it on rows are taken more slowly.",
      sources.configuration.compaction.debtByteCountMax
    )
    page.gauge("varve_compaction_debt_merges", "Merges that wait.", numbers.debtMergeCount)
    page.gauge(
      "varve_compaction_threads",
      "Threads that may merge; more when more waits.",
      numbers.threadCount
    )
    page.single(
      "varve_ingest_slowed_ratio",
      .gauge,
      "Part of the rate before that is not taken, because too much waits to be merged: 0 to 0.9.",
      numbers.ingestSlowedRatio
    )
    page.single(
      "varve_ingest_limit_bytes_per_second",
      .gauge,
      "Bytes of line protocol a second that are taken because of that; +Inf for any number.",
      numbers.ingestByteRateMax
    )
    page.counter("varve_compaction_merges_total", "Merges that were made.", numbers.mergeCount)
    page.counter(
      "varve_compaction_failures_total",
      "Merges that failed; their blocks stay as they are, and it is tried again.",
      numbers.failureCount
    )
    page.counter("varve_compaction_points_total", "Points of merged blocks.", numbers.pointCount)
    page.counter(
      "varve_compaction_read_bytes_total",
      "Bytes of blocks that were merged.",
      numbers.bytesRead
    )
    page.counter(
      "varve_compaction_written_bytes_total",
      "Bytes of blocks that this made of them.",
      numbers.bytesWritten
    )
    page.gauge(
      "varve_compaction_retired_files",
      "Merged files that a query still reads; they go when it has ended.",
      numbers.retiredFileCount
    )
    page.gauge(
      "varve_compaction_barred_files",
      "Damaged blocks that are left alone until the next start.",
      numbers.barredFileCount
    )
  }

  /// Hours of one partition's ring: two days, the open hour, ten minutes of future, one to spare.
  private static let ringSlotCount = 51

  // MARK: Catalog

  static func catalog(_ sources: Sources, into page: inout MetricsText) {
    page.section("Catalog")
    let names = sources.engine.names
    page.gauge("varve_catalog_tenants", "Tenants.", names.tenants)
    page.gauge("varve_catalog_measurements", "Measurements of all tenants.", names.measurements)
    page.gauge("varve_catalog_fields", "Fields of all measurements.", names.fields)
    page.gauge("varve_catalog_field_sets", "Different sets of fields of rows.", names.fieldSets)
    page.gauge("varve_catalog_layouts", "Pairs of series and field set.", names.layouts)
    page.gauge("varve_catalog_series", "Series of all tenants.", names.series)
    page.gauge(
      "varve_catalog_series_limit",
      "Series that there may be; beyond it new ones are refused.",
      sources.configuration.seriesMax
    )
  }

  // MARK: Memory

  /// What each budget holds and may hold.
  static func memory(_ sources: Sources, into page: inout MetricsText) {
    page.section("Memory")
    let (engine, configuration) = (sources.engine, sources.configuration)
    let budgets: [(name: String, used: Int, limit: Double)] = [
      (
        "open_rows", engine.partitions.reduce(0) { $0 + $1.openByteCount },
        Double(configuration.openRowByteCountMax)
      ),
      ("in_flight", engine.inFlightByteCount, Double(configuration.inFlightByteCountMax)),
      (
        "queries", engine.queries.byteCount,
        Double(configuration.queryByteCountMax * configuration.queryThreadCount)
      ),
      ("answers", sources.answers.heldByteCount, Double(sources.answers.byteCountMax)),
      (
        "streams", sources.feed.waitingByteCount,
        Double(configuration.feed.readersByteCountMax)
      ),
      ("catalog", engine.names.byteCount, .infinity),
    ]
    page.family(
      "varve_memory_budget_used_bytes",
      .gauge,
      "Memory by budget: open_rows waits for a cut, in_flight is durable and not applied, queries "
        + "decode, answers and streams wait for their readers, catalog holds names.",
      labels: ["budget"]
    )
    for budget in budgets { page.sample(budget.used, [("budget", budget.name)]) }
    page.family(
      "varve_memory_budget_limit_bytes",
      .gauge,
      "What each budget may hold; the catalog is bounded by varve_catalog_series_limit instead.",
      labels: ["budget"]
    )
    for budget in budgets { page.sample(budget.limit, [("budget", budget.name)]) }
  }

  // MARK: Damage

  static func damage(_ engine: EngineMetrics, into page: inout MetricsText) {
    page.section("Damage")
    page.family(
      "varve_damages_found",
      .gauge,
      "Places where stored bytes were not what was written, found at the last start; a note is "
        + "normal after a crash.",
      labels: ["severity"]
    )
    page.sample(engine.damages.notes, [("severity", "note")])
    page.sample(engine.damages.damages, [("severity", "damage")])
    page.sample(engine.damages.unreadable, [("severity", "unreadable")])
    page.gauge(
      "varve_quarantined_files",
      "Files that were set aside because they are damaged.",
      engine.damages.quarantinedFileCount
    )
  }
}
