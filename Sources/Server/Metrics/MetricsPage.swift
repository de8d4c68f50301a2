internal import Engine
internal import Platform

/// The page at `/metrics`: everything an operator graphs, by Prometheus' naming conventions. What
/// is declared here is what docs/metrics.md lists.
package enum MetricsPage {
  /// Tenants that have samples of their own; the others are added up under an empty label.
  static let tenantsMax = 100

  struct Sources {
    var engine: EngineMetrics
    var feed: FeedMetrics
    var ledger: [LedgerRow]
    var readiness: Readiness
    var configuration: EngineConfiguration
    var server: ServerStatistics.Snapshot
    var answers: AnswerBudget.Snapshot
    var lineConnectionCountMax: Int
    var httpConnectionCountMax: Int
    var process: ProcessStatistics
    var startedAt: Int64
  }

  static func make(_ sources: Sources) -> MetricsText {
    var page = MetricsText()
    identity(sources, into: &page)
    receiving(sources.engine, into: &page)
    points(sources.ledger, into: &page)
    queue(sources.engine, into: &page)
    partitions(sources.engine, into: &page)
    storage(sources.engine, into: &page)
    compaction(sources, into: &page)
    cold(sources, into: &page)
    retention(sources.engine, into: &page)
    rollups(sources.engine, into: &page)
    catalog(sources, into: &page)
    queries(sources.engine, into: &page)
    feed(sources.feed, into: &page)
    memory(sources, into: &page)
    damage(sources.engine, into: &page)
    surfaces(sources, into: &page)
    writes(sources.server.writes, into: &page)
    process(sources, into: &page)
    return page
  }

  private static func identity(_ sources: Sources, into page: inout MetricsText) {
    page.section("Identity and state")
    page.single(
      "varve_build_info",
      .gauge,
      "Always 1; the labels say which version runs and how it was built.",
      1,
      [
        ("version", BuildInformation.version), ("commit", BuildInformation.commit ?? "unknown"),
        ("swift", BuildInformation.swift), ("mode", BuildInformation.mode),
        ("architecture", BuildInformation.architecture),
      ]
    )
    page.single(
      "varve_durability_info",
      .gauge,
      "Always 1; the label says when an acknowledgement is sent: fsync, interval or os.",
      1,
      [("mode", sources.configuration.durability.rawValue)]
    )
    page.single(
      "varve_ready",
      .gauge,
      "1 once replay is done and lines are taken. Stays 1 while varve_queue_refusing is 1, though "
        + "/-/ready is 503 then.",
      sources.readiness == .ready ? 1 : 0
    )
    var (replayed, left) = (1.0, 0.0)
    if case .replaying(let fraction, let seconds) = sources.readiness {
      replayed = fraction
      left = seconds ?? .nan
    }
    page.single(
      "varve_replay_progress_ratio",
      .gauge,
      "Part of the log that is applied after a start.",
      replayed
    )
    page.single(
      "varve_replay_remaining_seconds",
      .gauge,
      "How long replay will still take; NaN until that can be told.",
      left
    )
    page.single(
      "varve_recovery_duration_seconds",
      .gauge,
      "How long the last start took to open and replay.",
      sources.engine.recoverySeconds
    )
    page.single(
      "varve_recovery_replayed_rows",
      .gauge,
      "Rows that the last start applied from the log.",
      Double(sources.engine.replayedRowCount)
    )
  }

  private static func surfaces(_ sources: Sources, into page: inout MetricsText) {
    let server = sources.server
    page.section("Ports")
    page.gauge(
      "varve_line_connections",
      "Open connections of the line port.",
      server.openConnections
    )
    page.gauge(
      "varve_line_connections_limit",
      "Connections that the line port takes.",
      sources.lineConnectionCountMax
    )
    page.counter(
      "varve_line_connections_accepted_total",
      "Connections that the line port has taken.",
      server.acceptedConnections
    )
    page.counter(
      "varve_line_connections_refused_total",
      "Connections closed at once because too many were open.",
      server.refusedConnections
    )
    page.gauge(
      "varve_http_connections",
      "Open connections of the HTTP port, readers of streams among them.",
      server.httpConnections
    )
    page.gauge(
      "varve_http_connections_limit",
      "Connections that the HTTP port takes; more wait in the system's backlog.",
      sources.httpConnectionCountMax
    )
    page.gauge(
      "varve_http_requests_in_flight",
      "HTTP requests that are being answered.",
      server.runningRequests
    )
    page.counter(
      "varve_http_unread_answers_cut_total",
      "Clients hung up on because they read nothing of an answer while others waited for room.",
      sources.answers.cutCount
    )
    page.gauge(
      "varve_http_queries_waiting",
      "Queries that wait until other clients have read their answers.",
      sources.answers.waitingCount
    )
    page.family(
      "varve_http_requests_total",
      .counter,
      "Answered HTTP requests; a path that there is not counts as other.",
      labels: ["route", "status"]
    )
    for (key, count) in server.requests {
      page.sample(count, [("route", key.route), ("status", "\(key.status)")])
    }
    page.family(
      "varve_http_request_duration_seconds",
      .histogram,
      "From a request's head to the last byte of its answer, by route; streams are not in it.",
      labels: ["route"]
    )
    for (route, counts) in server.durations { page.durations(counts, [("route", route)]) }
  }

  private static func process(_ sources: Sources, into page: inout MetricsText) {
    let process = sources.process
    page.section("Process")
    page.single(
      "process_cpu_seconds_total",
      .counter,
      "Processor time of all threads, user and system.",
      process.cpuSeconds
    )
    page.gauge(
      "process_resident_memory_bytes",
      "Memory in RAM, mapped files included.",
      process.residentByteCount
    )
    page.gauge(
      "process_resident_memory_max_bytes",
      "The most memory in RAM since the start.",
      process.residentByteCountMax
    )
    page.gauge("process_virtual_memory_bytes", "Address space.", process.virtualByteCount)
    page.gauge("process_open_fds", "Open file descriptors.", process.openFileCount)
    page.gauge("process_max_fds", "File descriptors that may be open.", process.openFileCountMax)
    page.single(
      "process_start_time_seconds",
      .gauge,
      "When the process started, in seconds since the Unix epoch.",
      Double(sources.startedAt) / 1e9
    )
  }
}

extension MetricsText {
  /// A gauge of one sample.
  mutating func gauge(_ name: String, _ help: String, _ value: some BinaryInteger) {
    single(name, .gauge, help, Double(value))
  }

  /// A counter of one sample.
  mutating func counter(_ name: String, _ help: String, _ value: some BinaryInteger) {
    single(name, .counter, help, Double(value))
  }

  private static let bounds = DurationHistogram.bounds.map { Double($0) / 1e9 }

  /// The samples of one histogram of the family, in seconds.
  mutating func durations(
    _ counts: DurationHistogram.Counts,
    _ labels: [(name: String, value: String)] = []
  ) {
    buckets(
      bounds: Self.bounds,
      counts: counts.buckets,
      sum: Double(counts.sumNanoseconds) / 1e9,
      labels
    )
  }

  /// A histogram of durations without labels, in seconds.
  mutating func durations(_ name: String, _ help: String, _ counts: DurationHistogram.Counts) {
    family(name, .histogram, help)
    durations(counts)
  }
}
