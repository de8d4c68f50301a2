internal import Engine
internal import LineProtocol
internal import Model

/// Which interface's shapes a write is answered in.
enum WriteDialect {
  /// InfluxDB 1: errors in `error`; whatever is refused is a 400.
  case v1
  /// InfluxDB 2: errors in `code` and `message`; 422 when a part was stored.
  case v2
  /// Points as JSON; see ``PointsAnswer``.
  case points

  /// Refused lines that an answer lists.
  private static let listedMax = 100

  /// The words for `precision`.
  var precisions: [String] {
    switch self {
    case .v1: ["n", "ns", "u", "us", "µs", "ms", "s", "m", "h", "auto"]
    case .v2, .points: ["ns", "us", "ms", "s", "auto"]
    }
  }

  /// The answer to a body that was read.
  func answer(_ result: BodyResult) -> Answer {
    let counts = result.counts
    var answer = Answer.noContent
    if counts.linesRejected > 0 || result.fault != nil {
      let isPart = counts.linesAccepted > 0
      let text = Self.message(result, isPart: isPart)
      switch self {
      case .v1, .points:
        answer = .json(status: 400) { json in
          json.key("error")
          json.string(text)
          Self.list(result, &json)
        }
      case .v2:
        answer = .json(status: isPart ? 422 : 400) { json in
          json.key("code")
          json.string(isPart ? "unprocessable entity" : "invalid")
          json.key("message")
          json.string(isPart ? "failure writing points to database: " + text : text)
          if let first = result.verdicts.first {
            json.key("line")
            json.integer(first.line)
          }
          Self.list(result, &json)
        }
      }
    }
    answer.headers += InfluxHeaders.all + InfluxHeaders.counts(counts)
    return answer
  }

  /// The answer to a body that was not.
  func answer(_ refusal: WriteRefusal) -> Answer {
    var answer = Answer.json(status: refusal.status) { json in
      switch self {
      case .v1, .points:
        json.key("error")
        json.string(refusal.message)
      case .v2:
        json.key("code")
        json.string(Self.code(refusal))
        json.key("message")
        json.string(refusal.message)
      }
    }
    answer.headers += InfluxHeaders.all + refusal.headers
    return answer
  }

  private static func code(_ refusal: WriteRefusal) -> String {
    switch refusal {
    case .badRequest: "invalid"
    case .unauthorized: "unauthorized"
    case .tooLarge: "request too large"
    case .unsupportedEncoding: "unsupported media type"
    case .unavailable: "unavailable"
    }
  }

  /// With the words by which agents tell what must not be sent again: `partial write`, `unable to
  /// parse`, `field type conflict`.
  private static func message(_ result: BodyResult, isPart: Bool) -> String {
    let dropped = result.counts.linesRejected
    guard let first = result.verdicts.first else {
      // How many lines a damaged body lost with its rest, nobody knows: no count of them.
      let count = dropped > 0 ? " dropped=\(dropped)" : ""
      let fault = result.fault ?? "lines were refused"
      return isPart ? "partial write: \(fault)\(count)" : fault
    }
    let place = "line \(first.line) column \(first.column): \(first.message)"
    let fault = result.fault.map { "; \($0)" } ?? ""
    switch first.reason {
    case .typeConflict:
      return "partial write: field type conflict: \(place)\(fault) dropped=\(dropped)"
    case .unparsable, .tooLong, .cut:
      let line = LogText.escape(first.text.prefix { $0 != 10 && $0 != 13 }.map { $0 })
      let text = "unable to parse '\(line)': \(place)\(fault)"
      return isPart ? "partial write: \(text) dropped=\(dropped)" : text
    case .beforeEpoch, .future, .seriesLimit, .tooWide, .expired:
      return "partial write: \(place)\(fault) dropped=\(dropped)"
    }
  }

  /// Beyond what InfluxDB says: every refused line, up to a limit.
  private static func list(_ result: BodyResult, _ json: inout JSONText) {
    json.key("accepted")
    json.integer(result.counts.linesAccepted)
    json.key("rejected")
    json.integer(result.counts.linesRejected)
    json.key("lines")
    json.array { json in
      for verdict in result.verdicts.prefix(listedMax) {
        json.object { json in
          json.key("line")
          json.integer(verdict.line)
          json.key("column")
          json.integer(UInt64(verdict.column))
          json.key("reason")
          json.string(verdict.reason.name)
          json.key("error")
          json.string(verdict.message)
        }
      }
    }
  }
}

/// Headers of the routes that InfluxDB's clients call.
enum InfluxHeaders {
  static let all: [(name: String, value: String)] = [
    ("X-Influxdb-Version", "\(BuildInformation.name)-\(BuildInformation.version)"),
    ("X-Influxdb-Build", BuildInformation.name),
  ]

  static func counts(_ counts: LineCounts) -> [(name: String, value: String)] {
    [
      ("X-Points-Written", "\(counts.pointsAccepted)"),
      ("X-Points-Rejected", "\(counts.pointsRejected)"),
    ]
  }
}
