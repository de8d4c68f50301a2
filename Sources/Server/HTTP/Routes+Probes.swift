internal import Engine
internal import Model
internal import Platform

/// What tells others whether the server is there: probes of Kubernetes, Prometheus and InfluxDB's
/// clients.
extension Routes {
  func health() -> Answer {
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
  func ready() -> Answer {
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
    let isReady = engine.readiness == .ready
    let now = clock.now()
    var answer = Answer.json(status: isReady ? 200 : 503) { json in
      json.key("status")
      json.string(isReady ? "ready" : notReadyText())
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
