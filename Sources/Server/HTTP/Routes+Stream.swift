internal import Engine
internal import Query

extension Routes {
  /// `GET /api/v1/stream`: windows as they close, are restated, or grow.
  func stream(_ call: Call) throws(QueryError) -> Answer {
    var request = try StreamRequest.parse(items: try call.items())
    if let from = request.from, FeedPosition(from) == nil {
      throw QueryError(
        .badData,
        "from: found \"\(from.prefix(64))\", expected the id of an event of this stream"
      )
    }
    // A browser that connects again repeats the address and says what it has got since.
    if let last = call.lastEventID, !last.isEmpty { request.from = last }
    var answer = Answer(status: 200, contentType: "text/event-stream")
    answer.headers = [("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
    if call.method != "HEAD" {
      answer.body = .stream(try engine.subscribe(to: request, tenant: call.tenant))
    }
    return answer
  }
}
