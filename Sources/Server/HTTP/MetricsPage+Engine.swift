internal import Engine
internal import Model

extension MetricsPage {
  // MARK: Points

  /// Where the points went, by tenant: the ledger's sums. Measurements stand in `/api/v1/ledger`.
  static func points(_ ledger: [LedgerRow], into page: inout MetricsText) {
    let tenants = Dictionary(grouping: ledger) { String(decoding: $0.tenant, as: UTF8.self) }
      .mapValues { LedgerJSON.total(of: $0) }.sorted { $0.key < $1.key }
    let families: [(name: String, help: String, value: (LedgerRow) -> UInt64)] = [
      ("received", "Points that arrived in lines that could be read.", { $0.entry.received }),
      ("stored", "Points that blocks hold for the first time.", { $0.entry.stored }),
      ("duplicate", "Points that came again with an equal value.", { $0.entry.duplicate }),
      ("replaced", "Points that a later value took the place of.", { $0.entry.replaced }),
      ("late", "Stored points that came behind the last cut of their series.", { $0.entry.late }),
    ]
    for (name, help, value) in families {
      page.family("varve_points_\(name)_total", .counter, help)
      for (tenant, row) in tenants { page.sample(value(row), [("tenant", tenant)]) }
    }
    page.family("varve_points_pending", .gauge, "Points in open rows, not cut yet.")
    for (tenant, row) in tenants { page.sample(row.pending, [("tenant", tenant)]) }
    page.family("varve_points_rejected_total", .counter, "Points refused, by reason.")
    refused(tenants.map { ($0.key, $0.value.entry.rejected) }, into: &page)
    page.family(
      "varve_lines_rejected_total",
      .counter,
      "Lines refused whose points nobody could count, by reason."
    )
    refused(tenants.map { ($0.key, $0.value.entry.linesRejected) }, into: &page)
  }

  private static func refused(
    _ tenants: [(tenant: String, counts: [RefusalReason: UInt64])],
    into page: inout MetricsText
  ) {
    for (tenant, counts) in tenants {
      for reason in RefusalReason.allCases where counts[reason, default: 0] > 0 {
        page.sample(counts[reason, default: 0], [("tenant", tenant), ("reason", reason.name)])
      }
    }
  }

  // MARK: Queue

  static func queue(_ engine: EngineMetrics, into page: inout MetricsText) {
    let counters: [(name: String, help: String, value: UInt64)] = [
      (
        "varve_line_bytes_total", "Bytes of line protocol that were parsed.",
        engine.receivedByteCount
      ),
      ("varve_lines_refused_total", "Lines refused since the start.", engine.refusedLineCount),
      ("varve_queue_batches_total", "Batches appended to the log.", engine.appendedBatchCount),
      ("varve_queue_rows_total", "Rows appended to the log.", engine.appendedRowCount),
      ("varve_queue_points_total", "Points appended to the log.", engine.appendedPointCount),
      ("varve_queue_bytes_total", "Bytes appended to the log.", engine.appendedByteCount),
      (
        "varve_queue_failed_batches_total", "Batches that could not be made durable.",
        engine.failedBatchCount
      ),
      ("varve_dead_letters_total", "Refused lines kept to be read back.", engine.deadLetterCount),
    ]
    for (name, help, value) in counters { page.single(name, .counter, help, Double(value)) }
    let gauges: [(name: String, help: String, value: Int)] = [
      ("varve_queue_size_bytes", "Bytes of the log's segments.", engine.logByteCount),
      ("varve_queue_segments", "Segments of the log.", engine.segmentCount),
      (
        "varve_queue_lag_bytes", "Durable batches that workers have not applied yet.",
        engine.inFlightByteCount
      ),
      (
        "varve_queue_refusing", "1 while nothing can be made durable and writes are refused.",
        engine.isRefusing ? 1 : 0
      ),
      ("varve_series", "Series over all tenants.", engine.seriesCount),
      ("varve_catalog_bytes", "Memory of the catalog.", engine.catalogByteCount),
    ]
    for (name, help, value) in gauges { page.single(name, .gauge, help, Double(value)) }
    syncs(engine, into: &page)
  }

  private static func syncs(_ engine: EngineMetrics, into page: inout MetricsText) {
    guard !engine.syncBuckets.isEmpty else { return }
    let bounds = engine.syncBuckets.dropLast().map { Double($0.upTo ?? .max) / 1e9 }
    page.histogram(
      "varve_queue_fsync_seconds",
      "Time of one sync of the log.",
      bounds: bounds,
      counts: engine.syncBuckets.map(\.count),
      sum: Double(engine.syncNanoseconds) / 1e9
    )
  }

  // MARK: Partitions

  static func partitions(_ engine: EngineMetrics, into page: inout MetricsText) {
    typealias Partition = EngineMetrics.Partition
    let families:
      [(name: String, kind: MetricsText.Kind, help: String, value: (Partition) -> Double)] =
        [
          (
            "varve_applied_offset", .gauge, "The first offset that is not applied.",
            { Double($0.appliedOffset) }
          ),
          (
            "varve_cut_offset", .gauge, "The first offset that is in no block.",
            { Double($0.cutOffset) }
          ),
          (
            "varve_open_rows_bytes", .gauge, "Memory of rows that are not cut yet.",
            { Double($0.openByteCount) }
          ),
          ("varve_open_rows", .gauge, "Rows that are not cut yet.", { Double($0.openRowCount) }),
          (
            "varve_replay_bytes", .gauge, "Log that a start would have to replay.",
            { Double($0.openLogByteCount) }
          ),
          ("varve_blocks", .gauge, "Blocks.", { Double($0.blockCount) }),
          ("varve_blocks_bytes", .gauge, "Bytes of blocks.", { Double($0.blockByteCount) }),
          ("varve_cuts_total", .counter, "Cuts since the start.", { Double($0.cutCount) }),
          (
            "varve_unreadable_rows_total", .counter, "Rows that did not decode.",
            { Double($0.unreadableRowCount) }
          ),
        ]
    for (name, kind, help, value) in families {
      page.family(name, kind, help)
      for partition in engine.partitions {
        page.sample(value(partition), [("partition", "\(partition.partition.rawValue)")])
      }
    }
    page.single(
      "varve_cut_failures_total",
      .counter,
      "Cuts that failed; the log keeps what they would have stored.",
      Double(engine.cutFailureCount)
    )
  }
}
