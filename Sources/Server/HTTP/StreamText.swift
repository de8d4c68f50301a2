internal import Engine
internal import Platform
internal import Query

/// Writes what a reader of the feed gets as server-sent events.
///
///     id: 3.120,98,…         where to go on: `Last-Event-ID`, or `from=`
///     event: closed          or open, restated, ping, reset, error
///     data: {"step":60000,"timestamps":[…],"series":[…]}
///
/// Each event has one line of data, for JSON has no raw line feeds.
struct StreamText {
  /// How long a reader is asked to wait before it comes back, in milliseconds.
  static let retryMilliseconds = 2_000
  /// What is written in one piece; a single event may be larger.
  static let pieceByteCount = 256 << 10

  private let clock: any Clock
  private var isFirst = true

  init(clock: any Clock) { self.clock = clock }

  /// The text of some deliveries, in pieces.
  mutating func pieces(_ deliveries: [FeedDelivery]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var piece: [UInt8] = []
    if isFirst { piece += "retry: \(Self.retryMilliseconds)\n\n".utf8 }
    isFirst = false
    for delivery in deliveries {
      append(delivery, to: &piece)
      guard piece.count >= Self.pieceByteCount else { continue }
      pieces.append(piece)
      piece = []
    }
    if !piece.isEmpty { pieces.append(piece) }
    return pieces
  }

  private func append(_ delivery: FeedDelivery, to text: inout [UInt8]) {
    switch delivery {
    case .change(let change, let position):
      guard case .json(let json) = change.content else { return }
      Self.append(change.kind.rawValue, id: position, to: &text)
      text += json
    case .reset(let reason, let position):
      Self.append("reset", id: position, to: &text)
      var json = JSONText()
      json.object { json in
        json.key("reason")
        json.string(reason)
      }
      text += json.bytes
    case .progress(let position):
      Self.append("ping", id: position, to: &text)
      text += #"{"timestamp":\#(clock.now() / 1_000_000)}"#.utf8
    }
    text += "\n\n".utf8
  }

  private static func append(_ event: String, id: FeedPosition, to text: inout [UInt8]) {
    text += "id: ".utf8
    text += id.text.utf8
    text += "\nevent: ".utf8
    text += event.utf8
    text += "\ndata: ".utf8
  }

  /// The last event of a stream that the server ends; `nil` for a reader that has left.
  static func ending(_ end: FeedSubscription.End?) -> [UInt8]? {
    let kind: QueryError.Kind
    switch end {
    case nil, .cancelled: return nil
    case .tooSlow, .tooFarBehind: kind = .canceled
    case .stopped: kind = .unavailable
    }
    let json = QueryError(kind, end?.text ?? "").json()
    return Array("event: error\ndata: ".utf8) + json + Array("\n\n".utf8)
  }
}
