public import Query

/// One change of one series' minute, as one reader has asked for it: immutable, made once and
/// shared by all readers that ask for the same.
public final class FeedChange: Sendable {
  public let kind: StreamRequest.Event
  /// Since the epoch.
  public let minute: Int64
  public let content: Content

  public enum Content: Sendable {
    /// The `data` of the range answer over the minute.
    case json([UInt8])
    /// The same, not yet text: for readers within the process.
    case windows(RangeAnswer)
  }

  init(kind: StreamRequest.Event, minute: Int64, content: Content) {
    self.kind = kind
    self.minute = minute
    self.content = content
  }

  /// What it counts against a reader's limit.
  var byteCount: Int {
    switch content {
    case .json(let bytes): bytes.count + 128
    case .windows(let answer): answer.series.count * 512 + 128
    }
  }
}

/// What a reader of the feed gets. Every delivery names the position behind which a reader that has
/// taken it, and all before it, goes on.
public enum FeedDelivery: Sendable {
  case change(FeedChange, FeedPosition)
  /// What lies between the position asked for and the one given is not known any more, or too
  /// much: read the range instead. Later changes follow.
  case reset(reason: String, FeedPosition)
  /// No news up to this position. Comes first of all, then every
  /// ``FeedConfiguration/heartbeatNanoseconds``.
  case progress(FeedPosition)

  var byteCount: Int {
    switch self {
    case .change(let change, _): change.byteCount
    case .reset, .progress: 128
    }
  }
}

/// The shape in which a reader wants the windows.
public enum FeedForm: Hashable, Sendable {
  case json
  case windows
}

/// A window that has something to be told of.
struct FeedPair: Hashable, Sendable {
  var series: UInt32
  var kind: StreamRequest.Event
  var minute: Int64
}
