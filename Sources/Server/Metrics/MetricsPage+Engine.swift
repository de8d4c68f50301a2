package import Engine
internal import Model
internal import Platform

extension MetricsPage {
  // MARK: Receiving

  static func receiving(_ engine: EngineMetrics, into page: inout MetricsText) {
    page.section("Receiving")
    page.counter(
      "varve_received_bytes_total",
      "Bytes of line protocol that were parsed.",
      engine.receivedByteCount
    )
    page.counter("varve_parsed_rows_total", "Rows parsed and accepted.", engine.parsedRowCount)
    page.counter("varve_parsed_points_total", "Points of these rows.", engine.parsedPointCount)
    page.family(
      "varve_refused_lines_total",
      .counter,
      "Lines refused since the start, by reason.",
      labels: ["reason"]
    )
    for reason in RefusalReason.allCases {
      page.sample(engine.refusedLines[reason, default: 0], [("reason", reason.name)])
    }
    page.durations(
      "varve_acknowledgement_duration_seconds",
      "From an acknowledgement's request to its answer: parse to disk.",
      engine.acknowledgementDurations
    )
    page.counter(
      "varve_dead_letters_total",
      "Refused lines kept to be read back.",
      engine.deadLetterCount
    )
    page.counter(
      "varve_dead_letters_dropped_total",
      "Refused lines that could not be kept.",
      engine.droppedDeadLetterCount
    )
  }

  // MARK: Points

  /// Where the points went, by tenant: the ledger's sums. Measurements stand in `/api/v1/ledger`.
  package static func points(_ ledger: [LedgerRow], into page: inout MetricsText) {
    page.section("Points")
    let tenants = tenants(ledger)
    let families: [(name: String, help: String, value: (LedgerRow) -> UInt64)] = [
      ("received", "Points that arrived in lines that could be read.", { $0.entry.received }),
      ("stored", "Points that blocks hold, each counted the first time.", { $0.entry.stored }),
      ("duplicate", "Points that came again with an equal value.", { $0.entry.duplicate }),
      ("replaced", "Points that a later value took the place of.", { $0.entry.replaced }),
      ("late", "Stored points that came behind the last cut of their series.", { $0.entry.late }),
      ("expired", "Stored points that retention has removed since.", { $0.entry.expired }),
      ("deleted", "Stored points that deletes have removed since.", { $0.entry.deleted }),
    ]
    for (name, help, value) in families {
      page.family("varve_points_\(name)_total", .counter, help, labels: ["tenant"])
      for (tenant, row) in tenants { page.sample(value(row), [("tenant", tenant)]) }
    }
    page.family(
      "varve_points_pending",
      .gauge,
      "Points in open rows, not cut yet.",
      labels: ["tenant"]
    )
    for (tenant, row) in tenants { page.sample(row.pending, [("tenant", tenant)]) }
    page.gauge(
      "varve_ledger_balanced",
      "1 while received is stored, duplicate, replaced, rejected and pending together.",
      ledger.allSatisfy(\.isBalanced) ? 1 : 0
    )
    page.family(
      "varve_points_rejected_total",
      .counter,
      "Points refused, by reason.",
      labels: ["tenant", "reason"]
    )
    refused(tenants.map { ($0.name, $0.row.entry.rejected) }, into: &page)
    page.family(
      "varve_lines_rejected_total",
      .counter,
      "Lines refused whose points nobody could count, by reason.",
      labels: ["tenant", "reason"]
    )
    refused(tenants.map { ($0.name, $0.row.entry.linesRejected) }, into: &page)
  }

  /// The oldest tenants by name, and all others under no name.
  private static func tenants(_ ledger: [LedgerRow]) -> [(name: String, row: LedgerRow)] {
    let rows = Dictionary(grouping: ledger) { $0.entry.tenant }.sorted { $0.key < $1.key }
    var result = rows.prefix(tenantsMax).map { _, rows in
      (name: String(decoding: rows[0].tenant, as: UTF8.self), row: LedgerJSON.total(of: rows))
    }
    let others = rows.dropFirst(tenantsMax).flatMap(\.value)
    if !others.isEmpty { result.append((name: "", row: LedgerJSON.total(of: others))) }
    return result
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
    page.section("Queue")
    let counters: [(name: String, help: String, value: UInt64)] = [
      ("appended_batches", "Batches made durable in the log.", engine.appendedBatchCount),
      ("appended_rows", "Rows of these batches.", engine.appendedRowCount),
      ("appended_points", "Points of these batches.", engine.appendedPointCount),
      ("appended_bytes", "Bytes of these batches.", engine.appendedByteCount),
      ("failed_batches", "Batches that could not be made durable.", engine.failedBatchCount),
      ("removed_segments", "Segments removed after their time.", engine.removedSegmentCount),
    ]
    for (name, help, value) in counters { page.counter("varve_queue_\(name)_total", help, value) }
    page.durations(
      "varve_queue_fsync_duration_seconds",
      "Time of one sync of the log.",
      engine.syncDurations
    )
    page.durations(
      "varve_queue_commit_duration_seconds",
      "Time of one commit, from its first batch to the acknowledgement.",
      engine.roundDurations
    )
    page.gauge("varve_queue_size_bytes", "Bytes of the log's segments.", engine.logByteCount)
    page.gauge("varve_queue_segments", "Segments of the log.", engine.segmentCount)
    page.single(
      "varve_queue_rewind_seconds",
      .gauge,
      "How far back the log reaches: `varve queue replay` can go back to what came since then.",
      Double(engine.logNanoseconds) / 1e9
    )
    page.gauge(
      "varve_queue_refusing",
      "1 while nothing can be made durable and writes are refused: a full or broken disk.",
      engine.isRefusing ? 1 : 0
    )
    page.gauge(
      "varve_disk_reserve_bytes",
      "Space that is kept for cuts on a full disk; 0 while one has it, and writes wait.",
      engine.diskReserveByteCount
    )
    page.counter(
      "varve_disk_reserve_released_total",
      "How often a cut found no space and got the reserve.",
      engine.diskReserveReleaseCount
    )
  }

  // MARK: Queries

  static func queries(_ engine: EngineMetrics, into page: inout MetricsText) {
    page.section("Queries")
    page.family(
      "varve_query_duration_seconds",
      .histogram,
      "Time of one query in the engine, by what it asked for (raw, step) and how it ended.",
      labels: ["kind", "outcome"]
    )
    for (kind, outcome, counts) in engine.queries.durations
    where outcome == "success" || counts.total > 0 {
      page.durations(counts, [("kind", kind.rawValue), ("outcome", outcome)])
    }
    page.gauge("varve_queries_running", "Queries under way.", engine.queries.runningCount)
    page.gauge("varve_queries_waiting", "Queries that wait.", engine.queries.waitingCount)
    page.counter(
      "varve_query_partial_answers_total",
      "Answers with warnings: stored data could not be read.",
      engine.queries.partialAnswerCount
    )
  }
}
