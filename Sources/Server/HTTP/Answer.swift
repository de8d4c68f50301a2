internal import Engine
internal import NIOCore
internal import Query

/// What one HTTP request is answered with.
struct Answer {
  enum Body {
    case bytes([UInt8])
    /// The same, to be sent without another copy.
    case buffer(ByteBuffer)
    /// Written piece by piece, so that a large answer never lies in memory as one text.
    case pieces(AnswerPieces)
    /// Server-sent events, until either side ends them.
    case stream(FeedSubscription)
  }

  var status: Int
  var contentType: String?
  var headers: [(name: String, value: String)] = []
  var body = Body.bytes([])

  /// Bytes of a body that is all there.
  var byteCount: Int? {
    switch body {
    case .bytes(let bytes): bytes.count
    case .buffer(let buffer): buffer.readableBytes
    case .pieces, .stream: nil
    }
  }

  static let noContent = Answer(status: 204)

  static func json(_ bytes: [UInt8], status: Int = 200) -> Answer {
    Answer(status: status, contentType: "application/json", body: .bytes(bytes))
  }

  static func json(status: Int = 200, _ body: (inout JSONText) -> Void) -> Answer {
    var text = JSONText()
    text.object(body)
    return json(text.bytes, status: status)
  }

  static func text(_ text: String, status: Int = 200) -> Answer {
    Answer(
      status: status,
      contentType: "text/plain; charset=utf-8",
      body: .bytes(Array(text.utf8))
    )
  }

  /// The Prometheus error envelope.
  static func failure(_ error: QueryError, status: Int? = nil) -> Answer {
    var answer = json(error.json(), status: status ?? error.httpStatus)
    if answer.status == 503 { answer.headers.append(("Retry-After", "1")) }
    return answer
  }
}
