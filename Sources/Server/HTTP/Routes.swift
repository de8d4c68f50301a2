internal import Engine
internal import Platform
internal import Query

/// The table of HTTP routes, and what each does.
struct Routes: Sendable {
  private struct Route: Sendable {
    var method: String
    /// Whether the route needs the engine's data, so that it has no answer during replay.
    var needsData: Bool
    var answer: @Sendable (Routes, Call) async throws(QueryError) -> Answer
  }

  /// How long clients of data routes are told to wait during replay and while stopping.
  private static let retryAfterSeconds = 5

  let engine: Engine
  let statistics: ServerStatistics
  let startedAt: Int64
  private let lineConnectionCountMax: Int
  private let ledger = LatestLedger()

  init(
    engine: Engine,
    statistics: ServerStatistics,
    startedAt: Int64,
    lineConnectionCountMax: Int
  ) {
    self.engine = engine
    self.statistics = statistics
    self.startedAt = startedAt
    self.lineConnectionCountMax = lineConnectionCountMax
  }

  private static let table: [String: Route] = [
    "/api/v1/range": Route(method: "GET", needsData: true) { (routes, call) throws(QueryError) in
      try await routes.range(call)
    },
    "/api/v1/stream": Route(method: "GET", needsData: true) { (routes, call) throws(QueryError) in
      try routes.stream(call)
    },
    "/api/v1/ledger": Route(method: "GET", needsData: true) { routes, _ in
      .json(LedgerJSON.render(await routes.engine.ledger()))
    },
    "/api/v1/admin/flush": Route(method: "POST", needsData: true) {
      (routes, _) throws(QueryError) in try await routes.flush()
    },
    "/": Route(method: "GET", needsData: false) { _, _ in
      DashboardPage.answer(nonce: DashboardPage.nonce())
    },
    "/metrics": Route(method: "GET", needsData: false) { routes, _ in await routes.metrics() },
    "/health": Route(method: "GET", needsData: false) { routes, _ in routes.health() },
    "/-/healthy": Route(method: "GET", needsData: false) { _, _ in .text("Varve is healthy.\n") },
    "/-/ready": Route(method: "GET", needsData: false) { routes, _ in routes.ready() },
    "/ping": Route(method: "GET", needsData: false) { routes, call in routes.ping(call) },
  ]

  /// Answers one request. Never throws: what goes wrong is an answer too.
  func answer(_ call: Call) async -> Answer {
    statistics.beginRequest()
    defer { statistics.endRequest() }
    guard let route = Self.table[call.path] else {
      statistics.countRequest(route: "other", status: 404)
      return .failure(QueryError(.notFound, "no such path: \(excerpt(call.path))"), status: 404)
    }
    let answer = await answer(call, route)
    statistics.countRequest(route: call.path, status: answer.status)
    return answer
  }

  private func answer(_ call: Call, _ route: Route) async -> Answer {
    let isHead = call.method == "HEAD" && route.method == "GET"
    guard call.method == route.method || isHead else {
      let allowed = route.method == "GET" ? "GET, HEAD" : route.method
      let message = "\(call.path) takes \(allowed), not \(excerpt(call.method))"
      var answer = Answer.failure(QueryError(.badData, message), status: 405)
      answer.headers.append(("Allow", allowed))
      return answer
    }
    if route.needsData, let answer = notReady() { return answer }
    do throws(QueryError) {
      return try await route.answer(self, call)
    } catch {
      return .failure(error)
    }
  }

  /// The answer of data routes while there is no data to answer from.
  private func notReady() -> Answer? {
    let message: String
    switch engine.readiness {
    case .ready: return nil
    case .replaying(let fraction, _): message = "replaying the log, \(percent(fraction)) % done"
    case .stopping: message = "the server is stopping"
    case .failed(let reason): message = "the server could not open its data: \(reason)"
    }
    var answer = Answer.failure(QueryError(.unavailable, message))
    answer.headers = [("Retry-After", "\(Self.retryAfterSeconds)")]
    return answer
  }

  // MARK: Data

  private func range(_ call: Call) async throws(QueryError) -> Answer {
    let answer = try await engine.range(try call.items(), tenant: call.tenant)
    return Answer(
      status: 200,
      contentType: "application/json",
      body: .range(RangeAnswerWriter(answer))
    )
  }

  private func flush() async throws(QueryError) -> Answer {
    do throws(EngineError) {
      try await engine.flush()
      return .noContent
    } catch {
      switch error {
      case .notReady, .stopped: throw QueryError(.unavailable, "\(error)")
      case .system(let system) where system.isDiskFull:
        throw QueryError(.unavailable, "\(error)")
      default: throw QueryError(.internal, "\(error)")
      }
    }
  }

  // MARK: Operation

  private func metrics() async -> Answer {
    Answer(
      status: 200,
      contentType: MetricsText.contentType,
      body: .bytes(Array(await metricsPage().text.utf8))
    )
  }

  func metricsPage() async -> MetricsText {
    MetricsPage.make(
      MetricsPage.Sources(
        engine: engine.metrics(),
        feed: engine.feedMetrics(),
        ledger: await ledger.read(engine),
        readiness: engine.readiness,
        configuration: engine.configuration,
        server: statistics.snapshot(),
        lineConnectionCountMax: lineConnectionCountMax,
        process: .current(),
        startedAt: startedAt
      )
    )
  }

  private func health() -> Answer {
    let isReady = engine.readiness == .ready
    return .json(status: isReady ? 200 : 503) { json in
      json.key("name")
      json.string(BuildInformation.name)
      json.key("message")
      json.string(isReady ? "ready for queries and writes" : notReadyText())
      json.key("status")
      json.string(isReady ? "pass" : "fail")
      json.key("version")
      json.string(BuildInformation.version)
    }
  }

  private func notReadyText() -> String {
    switch engine.readiness {
    case .ready: "ready"
    case .replaying(let fraction, _): "replaying the log, \(percent(fraction)) % done"
    case .stopping: "stopping"
    case .failed(let reason): "failed: \(reason)"
    }
  }

  /// `{"status":"replaying","percent":37.5,"eta_seconds":12}` with 503 until replay is done.
  private func ready() -> Answer {
    switch engine.readiness {
    case .ready:
      .json { json in
        json.key("status")
        json.string("ready")
      }
    case .replaying(let fraction, let secondsLeft):
      .json(status: 503) { json in
        json.key("status")
        json.string("replaying")
        json.key("percent")
        json.number(percent(fraction))
        json.key("eta_seconds")
        if let secondsLeft { json.number(secondsLeft.rounded(.up)) } else { json.null() }
      }
    case .stopping:
      .json(status: 503) { json in
        json.key("status")
        json.string("stopping")
      }
    case .failed(let reason):
      .json(status: 503) { json in
        json.key("status")
        json.string("failed")
        json.key("error")
        json.string(reason)
      }
    }
  }

  /// As InfluxDB's clients ask; `?verbose=true` wants a body.
  private func ping(_ call: Call) -> Answer {
    var answer = Answer.noContent
    if let items = try? call.items(), items.contains(where: { $0 == ("verbose", "true") }) {
      answer = .json { json in
        json.key("version")
        json.string(BuildInformation.version)
      }
    }
    answer.headers = [
      ("X-Influxdb-Version", "\(BuildInformation.name)-\(BuildInformation.version)"),
      ("X-Influxdb-Build", BuildInformation.name),
    ]
    return answer
  }

  /// With one decimal.
  private func percent(_ fraction: Double) -> Double { (fraction * 1_000).rounded() / 10 }

  private func excerpt(_ text: String) -> String {
    let head = text.prefix(64)
    return head.endIndex < text.endIndex ? head + "…" : String(head)
  }
}
