internal import Engine
internal import Platform

/// The page at `/metrics`: everything an operator graphs, by Prometheus' naming conventions.
enum MetricsPage {
  static func render(
    engine: EngineMetrics,
    feed: FeedMetrics,
    ledger: [LedgerRow],
    readiness: Readiness,
    durability: DurabilityMode,
    server: ServerStatistics.Snapshot,
    process: ProcessStatistics,
    startedAt: Int64
  ) -> String {
    var page = MetricsText()
    identity(readiness, durability, into: &page)
    points(ledger, into: &page)
    queue(engine, into: &page)
    partitions(engine, into: &page)
    surfaces(server, into: &page)
    self.feed(feed, into: &page)
    self.process(process, startedAt: startedAt, into: &page)
    return page.text
  }

  private static func identity(
    _ readiness: Readiness,
    _ durability: DurabilityMode,
    into page: inout MetricsText
  ) {
    page.single(
      "varve_build_info",
      .gauge,
      "Always 1; the labels say which version runs.",
      1,
      [("version", BuildInformation.version)]
    )
    page.single(
      "varve_durability_info",
      .gauge,
      "Always 1; the label says when an acknowledgement is sent.",
      1,
      [("mode", durability.rawValue)]
    )
    page.single(
      "varve_ready",
      .gauge,
      "1 once replay is done and lines are taken.",
      readiness == .ready ? 1 : 0
    )
    var replayed = 1.0
    if case .replaying(let fraction, _) = readiness { replayed = fraction }
    page.single(
      "varve_replay_progress_ratio",
      .gauge,
      "Part of the log that is applied after a start.",
      replayed
    )
  }

  private static func surfaces(_ server: ServerStatistics.Snapshot, into page: inout MetricsText) {
    page.single(
      "varve_line_connections",
      .gauge,
      "Open connections of the line port.",
      Double(server.openConnections)
    )
    page.single(
      "varve_line_connections_accepted_total",
      .counter,
      "Connections that the line port has taken.",
      Double(server.acceptedConnections)
    )
    page.single(
      "varve_line_connections_refused_total",
      .counter,
      "Connections closed at once because too many were open.",
      Double(server.refusedConnections)
    )
    page.family("varve_http_requests_total", .counter, "Answered HTTP requests.")
    for (key, count) in server.requests {
      page.sample(count, [("route", key.route), ("status", "\(key.status)")])
    }
  }

  private static func process(
    _ process: ProcessStatistics,
    startedAt: Int64,
    into page: inout MetricsText
  ) {
    page.single(
      "process_cpu_seconds_total",
      .counter,
      "Processor time of all threads, user and system.",
      process.cpuSeconds
    )
    page.single(
      "process_resident_memory_bytes",
      .gauge,
      "Memory in RAM, mapped files included.",
      Double(process.residentByteCount)
    )
    page.single(
      "process_resident_memory_max_bytes",
      .gauge,
      "The most memory in RAM since the start.",
      Double(process.residentByteCountMax)
    )
    page.single(
      "process_open_fds",
      .gauge,
      "Open file descriptors.",
      Double(process.openFileCount)
    )
    page.single(
      "process_start_time_seconds",
      .gauge,
      "When the process started, in seconds since the Unix epoch.",
      Double(startedAt) / 1e9
    )
  }
}
