internal import Engine
internal import LineProtocol
internal import Model

/// What `POST /api/v1/points` answers: 200 when all items are stored, 422 when some are, 400 when
/// none is, and every refused item by its place in the body.
enum PointsAnswer {
  static func answer(_ result: BodyResult) -> Answer {
    let counts = result.counts
    let isGood = counts.linesRejected == 0 && result.fault == nil
    var answer = Answer.json(
      status: isGood ? 200 : counts.linesAccepted > 0 ? 422 : 400
    ) { json in
      json.key("status")
      json.string(isGood ? "success" : "error")
      if !isGood {
        json.key("errorType")
        json.string("bad_data")
        json.key("error")
        json.string(text(result))
      }
      json.key("accepted")
      json.integer(counts.linesAccepted)
      json.key("rejected")
      json.integer(counts.linesRejected)
      guard !isGood else { return }
      json.key("items")
      json.array { json in
        for verdict in result.verdicts {
          json.object { json in
            json.key("item")
            json.integer(verdict.line - 1)
            json.key("reason")
            json.string(verdict.reason.name)
            json.key("error")
            json.string(verdict.message)
          }
        }
      }
    }
    answer.headers += InfluxHeaders.counts(counts)
    return answer
  }

  static func answer(_ refusal: WriteRefusal) -> Answer {
    var answer = Answer.json(status: refusal.status) { json in
      json.key("status")
      json.string("error")
      json.key("errorType")
      json.string(refusal.status == 503 ? "unavailable" : "bad_data")
      json.key("error")
      json.string(refusal.message)
    }
    answer.headers += refusal.headers
    return answer
  }

  private static func text(_ result: BodyResult) -> String {
    let counts = result.counts
    guard let first = result.verdicts.first else { return result.fault ?? "items were refused" }
    let place = "item \(first.line - 1): \(first.message)"
    let fault = result.fault.map { "; \($0)" } ?? ""
    let all = counts.linesAccepted + counts.linesRejected
    return "\(counts.linesRejected) of \(all) items were refused, the first is \(place)\(fault)"
  }
}
