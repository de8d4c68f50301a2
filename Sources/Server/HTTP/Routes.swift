internal import Engine
internal import Platform
internal import Query

/// The table of HTTP routes, and what each does.
struct Routes: Sendable {
  private struct Route: Sendable {
    var method: String
    /// A method that does the same.
    var otherMethod: String?
    /// Whether the route needs the engine's data, so that it has no answer during replay.
    var needsData: Bool
    var size = AnswerSize.small
    /// Whether it neither computes for long nor reads a body, so that the HTTP loop may run it.
    var isQuick = false
    /// What whoever asks must be allowed; writes ask for themselves.
    var rights: Rights = []
    var answer: @Sendable (Routes, Call) async throws(QueryError) -> Answer
  }

  /// What an answer takes of the ``AnswerBudget``.
  private enum AnswerSize {
    /// Too little to count beforehand.
    case small
    /// A page: refused when far too much waits to be read.
    case page
    /// A query's answer, which asks for its room itself.
    case query
  }

  /// How long clients of data routes are told to wait during replay and while stopping.
  private static let retryAfterSeconds = 5

  let engine: Engine
  let writes: WriteRoutes
  let statistics: ServerStatistics
  let budget: AnswerBudget
  let startedAt: Int64
  let clock: any Clock
  private let lineConnectionCountMax: Int
  private let httpConnectionCountMax: Int
  private let ledger = LatestLedger()

  init(
    engine: Engine,
    writes: WriteRoutes,
    statistics: ServerStatistics,
    budget: AnswerBudget,
    startedAt: Int64,
    clock: any Clock,
    lineConnectionCountMax: Int,
    httpConnectionCountMax: Int
  ) {
    self.engine = engine
    self.writes = writes
    self.statistics = statistics
    self.budget = budget
    self.startedAt = startedAt
    self.clock = clock
    self.lineConnectionCountMax = lineConnectionCountMax
    self.httpConnectionCountMax = httpConnectionCountMax
  }

  private static let table: [String: Route] = [
    "/api/v1/range": Route(
      method: "GET",
      needsData: true,
      size: .query,
      isQuick: true,
      rights: .read
    ) {
      (routes, call) throws(QueryError) in try await routes.range(call)
    },
    "/api/v1/stream": Route(method: "GET", needsData: true, rights: .read) {
      (routes, call) throws(QueryError) in try routes.stream(call)
    },
    "/api/v1/ledger": Route(method: "GET", needsData: true, size: .page, rights: .read) {
      (routes, call) throws(QueryError) in try await routes.ledgerRows(call)
    },
    "/api/v1/admin/flush": Route(method: "POST", needsData: true, rights: .admin) {
      (routes, _) throws(QueryError) in try await routes.flush()
    },
    "/api/v1/admin/tsdb/snapshot": Route(
      method: "POST",
      otherMethod: "PUT",
      needsData: true,
      rights: .admin
    ) {
      (routes, _) throws(QueryError) in try await routes.makeSnapshot()
    },
    "/api/v1/admin/tsdb/snapshots": Route(
      method: "GET",
      needsData: true,
      size: .page,
      rights: .admin
    ) {
      (routes, _) throws(QueryError) in try routes.listSnapshots()
    },
    "/api/v1/admin/tsdb/delete_snapshot": Route(
      method: "POST",
      otherMethod: "DELETE",
      needsData: true,
      rights: .admin
    ) {
      (routes, call) throws(QueryError) in try await routes.deleteSnapshot(call)
    },
    "/api/v1/admin/tsdb/delete_series": Route(
      method: "POST",
      otherMethod: "PUT",
      needsData: true,
      rights: .admin
    ) {
      (routes, call) throws(QueryError) in try await routes.deleteSeries(call)
    },
    "/": Route(method: "GET", needsData: false, size: .page) { _, _ in
      DashboardPage.answer(nonce: DashboardPage.nonce())
    },
    "/metrics": Route(method: "GET", needsData: false, size: .page) { routes, _ in
      await routes.metrics()
    },
    "/health": Route(method: "GET", needsData: false, isQuick: true) { routes, _ in
      routes.health()
    },
    "/-/healthy": Route(method: "GET", needsData: false, isQuick: true) { _, _ in
      .text("Varve is healthy.\n")
    },
    "/-/ready": Route(method: "GET", needsData: false, isQuick: true) { routes, _ in
      routes.ready()
    },
    "/write": Route(method: "POST", needsData: false) { routes, call in
      await routes.writes.lines(call, .v1)
    },
    "/api/v2/write": Route(method: "POST", needsData: false) { routes, call in
      await routes.writes.lines(call, .v2)
    },
    "/api/v1/points": Route(method: "POST", needsData: false) { routes, call in
      await routes.writes.points(call)
    },
    "/query": Route(method: "GET", otherMethod: "POST", needsData: false) { _, call in
      await InfluxQuery.answer(call)
    },
    "/ready": Route(method: "GET", needsData: false, isQuick: true) { routes, _ in
      routes.influxReady()
    },
    "/ping": Route(method: "GET", needsData: false, isQuick: true) { routes, call in
      routes.ping(call)
    },
  ]

  /// The label of a path that is in no table.
  private static let otherName = "other"

  /// What metrics call the routes.
  static let names: [String] = Array(table.keys) + [otherName]

  /// What metrics call the route of a request.
  func name(of call: Call) -> String {
    Self.table[call.path] == nil ? Self.otherName : call.path
  }

  /// Answers one request. Never throws: what goes wrong is an answer too.
  func answer(_ call: Call) async -> Answer {
    statistics.beginRequest()
    defer { statistics.endRequest() }
    guard let route = Self.table[call.path] else {
      statistics.countRequest(route: Self.otherName, status: 404)
      let message = "no such path: \(excerpt(call.path))\(Self.hint(call.path))"
      return .failure(QueryError(.notFound, message), status: 404)
    }
    let answer =
      route.isQuick
      ? await self.answer(call, route)
      : await withTaskExecutorPreference(globalConcurrentExecutor) {
        await self.answer(call, route)
      }
    statistics.countRequest(route: call.path, status: answer.status)
    return answer
  }

  /// What whoever asks for a path that is not there was probably looking for.
  private static func hint(_ path: String) -> String {
    let foreign = ["query", "query_range", "query_exemplars", "series", "labels", "label", "read"]
    let parts = path.split(separator: "/")
    if path.hasPrefix("/api/v1/"), parts.count > 2, foreign.contains(String(parts[2])) {
      return "; PromQL is not spoken yet, GET /api/v1/range reads"
    }
    guard path.utf8.count <= 100 else { return "" }
    // Paths share most of their letters, so only a slip or two makes one near.
    let near = table.keys.sorted().first {
      NearName.distance(Array(path.utf8), Array($0.utf8)) <= 2
    }
    return near.map { "; did you mean \($0)?" } ?? ""
  }

  private func answer(_ call: Call, _ route: Route) async -> Answer {
    let isHead = call.method == "HEAD" && route.method == "GET"
    guard call.method == route.method || call.method == route.otherMethod || isHead else {
      let own = route.method == "GET" ? "GET, HEAD" : route.method
      let allowed = route.otherMethod.map { "\(own), \($0)" } ?? own
      let message = "\(call.path) takes \(allowed), not \(excerpt(call.method))"
      var answer = Answer.failure(QueryError(.badData, message), status: 405)
      answer.headers.append(("Allow", allowed))
      return answer
    }
    if route.needsData, let answer = notReady() { return answer }
    if case .page = route.size, !budget.admitsPage() { return .failure(budget.noRoom) }
    do throws(QueryError) {
      return try await route.answer(self, try permitted(call, route.rights))
    } catch {
      var answer = Answer.failure(error)
      if error.kind == .unauthorized {
        answer.headers.append(("WWW-Authenticate", "Basic realm=\"varve\""))
      }
      return answer
    }
  }

  /// The call with the tenant that whoever asks has, once it is known that it may.
  func permitted(_ call: Call, _ rights: Rights) throws(QueryError) -> Call {
    guard !rights.isEmpty else { return call }
    guard
      let name = engine.tenantName(
        token: Credentials.token(call.authorization, password: nil),
        tenant: Array(call.tenant.utf8),
        rights: rights
      )
    else {
      let what = rights.contains(.admin) ? "administer" : "read"
      throw QueryError(.unauthorized, "this token may not \(what) this tenant")
    }
    var call = call
    call.tenant = String(decoding: name, as: UTF8.self)
    return call
  }

  /// The answer of data routes while there is no data to answer from.
  private func notReady() -> Answer? {
    let message: String
    switch engine.readiness {
    case .ready: return nil
    case .replaying(let fraction, _):
      message = "replaying the log, \(Self.percent(fraction)) % done"
    case .stopping: message = "the server is stopping"
    case .failed(let reason): message = "the server could not open its data: \(reason)"
    }
    var answer = Answer.failure(QueryError(.unavailable, message))
    answer.headers = [("Retry-After", "\(Self.retryAfterSeconds)")]
    return answer
  }

  // MARK: Data

  private static let rangePath = "/api/v1/range"

  /// Whether a request may be worth a look of ``answerAtOnce(_:)``.
  static func mayBePrompt(target: String) -> Bool { target.utf8.starts(with: rangePath.utf8) }

  /// The answer to a small query, on the HTTP loop; `nil` where another thread has to answer or
  /// something has to be waited for: ask ``answer(_:)``.
  func answerAtOnce(_ call: Call) -> Answer? {
    guard call.path == Self.rangePath, case .ready = engine.readiness,
      let items = try? call.items(), let call = try? permitted(call, .read),
      budget.beginQueryAtOnce()
    else { return nil }
    defer { budget.endQuery() }
    let found = engine.rangeAtOnce(items, tenant: call.tenant) {
      (AnswerPieces($0), Self.headers(of: $0))
    }
    guard let (pieces, headers) = found, pieces.isWhole else { return nil }
    statistics.countRequest(route: call.path, status: 200)
    return Answer(
      status: 200,
      contentType: pieces.contentType,
      headers: headers,
      body: .buffer(pieces.first)
    )
  }

  private func range(_ call: Call) async throws(QueryError) -> Answer {
    let items = try call.items()
    try await budget.beginQuery()
    defer { budget.endQuery() }
    // The first piece is made where the query has run.
    let (pieces, byteCount, headers) = try await engine.range(
      items,
      tenant: call.tenant
    ) { (AnswerPieces($0), $0.byteCount, Self.headers(of: $0)) }
    if let connection = call.connection { budget.update(connection, answer: byteCount) }
    // One piece leaves in one write, with its length.
    return Answer(
      status: 200,
      contentType: pieces.contentType,
      headers: headers,
      body: pieces.isWhole ? .buffer(pieces.first) : .pieces(pieces)
    )
  }

  /// What a table has no room for.
  private static func headers(of answer: RangeAnswer) -> [(name: String, value: String)] {
    guard answer.format == .csv else { return [] }
    let next = answer.next.map { ("X-Varve-Next", $0.text) }
    return [next].compactMap(\.self)
      + answer.warnings.map {
        ("X-Varve-Warning", LogText.escape($0.prefix(900), byteCountMax: 4_000))
      }
  }

  private func flush() async throws(QueryError) -> Answer {
    do throws(EngineError) {
      try await engine.flush()
      return .noContent
    } catch {
      throw Self.queryError(error)
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
        answers: budget.snapshot(),
        lineConnectionCountMax: lineConnectionCountMax,
        httpConnectionCountMax: httpConnectionCountMax,
        process: .current(),
        startedAt: startedAt
      )
    )
  }

  /// With one decimal.
  static func percent(_ fraction: Double) -> Double { (fraction * 1_000).rounded() / 10 }

  func excerpt(_ text: String) -> String {
    let head = text.prefix(64)
    return head.endIndex < text.endIndex ? head + "…" : String(head)
  }
}
