internal import Engine
internal import Model
internal import Platform

/// What tells others whether the server is there: probes of Kubernetes, Prometheus and InfluxDB's
/// clients.
extension Routes {
  /// What keeps the server from taking all that it is for; `nil` when nothing does.
  private enum Trouble {
    case notReady(Readiness)
    /// Reads are answered, writes are refused.
    case refusingWrites(String)

    var text: String {
      switch self {
      case .notReady(.ready): "ready"
      case .notReady(.replaying(let fraction, _)):
        "replaying the log, \(Routes.percent(fraction)) % done"
      case .notReady(.stopping): "stopping"
      case .notReady(.failed(let reason)): "failed: \(reason)"
      case .refusingWrites(let reason): "refusing writes: \(reason)"
      }
    }
  }

  private var trouble: Trouble? {
    let readiness = engine.readiness
    guard readiness == .ready else { return .notReady(readiness) }
    // The log is replayed and writes are not taken yet: some milliseconds.
    guard writes.bodies.isAccepting else {
      return .notReady(.replaying(fraction: 1, secondsLeft: 0))
    }
    return engine.writeFailure.map { .refusingWrites($0) }
  }

  func health() -> Answer {
    let trouble = trouble
    return .json(status: trouble == nil ? 200 : 503) { json in
      json.key("name")
      json.string(BuildInformation.name)
      json.key("message")
      json.string(trouble?.text ?? "ready for queries and writes")
      json.key("status")
      json.string(trouble == nil ? "pass" : "fail")
      json.key("version")
      json.string(BuildInformation.version)
    }
  }

  /// `{"status":"replaying","percent":37.5,"eta_seconds":12}` with 503 until replay is done,
  /// `{"status":"refusing writes","error":"…"}` with 503 while nothing can be made durable,
  /// `{"status":"ready","damages":2}` when the start has found damage.
  func ready() -> Answer {
    let trouble = trouble
    return .json(status: trouble == nil ? 200 : 503) { json in
      json.key("status")
      switch trouble {
      case nil, .notReady(.ready):
        json.string("ready")
        let damageCount = engine.damageCount
        if damageCount > 0 {
          json.key("damages")
          json.number(Double(damageCount))
        }
      case .notReady(.replaying(let fraction, let secondsLeft)):
        json.string("replaying")
        json.key("percent")
        json.number(Self.percent(fraction))
        json.key("eta_seconds")
        if let secondsLeft { json.number(secondsLeft.rounded(.up)) } else { json.null() }
      case .notReady(.stopping): json.string("stopping")
      case .notReady(.failed(let reason)):
        json.string("failed")
        json.key("error")
        json.string(reason)
      case .refusingWrites(let reason):
        json.string("refusing writes")
        json.key("error")
        json.string(reason)
      }
    }
  }

  /// As InfluxDB's clients ask; `?verbose=true` wants a body.
  func ping(_ call: Call) -> Answer {
    var answer = Answer.noContent
    if let items = try? call.items(), items.contains(where: { $0 == ("verbose", "true") }) {
      answer = .json { json in
        json.key("version")
        json.string(BuildInformation.version)
      }
    }
    answer.headers = InfluxHeaders.all
    return answer
  }

  /// `{"status":"ready","started":"2026-11-25T16:20:00Z","up":"14m45.9s"}`, as InfluxDB 2 has it.
  func influxReady() -> Answer {
    let trouble = trouble
    let now = clock.now()
    var answer = Answer.json(status: trouble == nil ? 200 : 503) { json in
      json.key("status")
      json.string(trouble?.text ?? "ready")
      json.key("started")
      json.string(CivilTime(nanoseconds: startedAt).rfc3339(decimals: 9))
      json.key("up")
      json.string(Self.elapsed(nanoseconds: now - startedAt))
    }
    answer.headers = InfluxHeaders.all
    return answer
  }

  /// A time as Go writes it: `26h3m0.5s`.
  static func elapsed(nanoseconds: Int64) -> String {
    let tenths = max(0, nanoseconds) / 100_000_000
    let (hours, minutes) = (tenths / 36_000, tenths / 600 % 60)
    let seconds = "\(tenths / 10 % 60).\(tenths % 10)s"
    if hours > 0 { return "\(hours)h\(minutes)m\(seconds)" }
    return minutes > 0 ? "\(minutes)m\(seconds)" : seconds
  }
}
