/// Where the server listens and what bounds its clients. Bytes, seconds and counts.
public struct ServerConfiguration: Sendable {
  public var lines = Address(host: "127.0.0.1", port: 9_009)
  public var http = Address(host: "127.0.0.1", port: 8_086)
  /// Event loops that read and parse line protocol; each has a receiver of its own.
  public var lineLoopCount = 2
  /// Connections of the line port over all loops; one more is closed at once.
  public var lineConnectionCountMax = 10_000
  /// Replies that a client has not taken yet. Beyond it nothing is read from that client.
  public var replyByteCountMax = 64 << 10
  /// How long a client may take no reply while some wait, or be silent inside a line.
  public var lineSilenceSeconds = 30
  /// Connections of the HTTP port; more wait in the backlog.
  public var httpConnectionCountMax = 10_000
  /// How long an HTTP client may keep quiet between requests, inside one, or take no answer.
  public var httpIdleSeconds = 60
  /// Request line and headers of one HTTP request.
  public var httpHeaderByteCountMax = 64 << 10
  /// Bytes of all answers that clients of the HTTP port have not read yet.
  public var answerByteCountMax = 256 << 20
  /// Event loops that parse the bodies of HTTP writes; each has a receiver of its own.
  public var writeLoopCount = 2
  /// Bytes of one HTTP write's body as it is sent.
  public var writeByteCountMax = 256 << 20
  /// Bytes of one HTTP write's body once it is decompressed.
  public var writeInflatedByteCountMax = 1 << 30
  /// How long an HTTP write waits for an engine that is behind, or for the disk, before its client
  /// is told to come again. Agents give up after 5 s by themselves, without knowing why.
  public var writeWaitSeconds = 4
  /// How long a stop waits for clients before it hangs up; at most a third of ``stopSeconds``.
  public var drainSeconds = 5
  /// How long a stop may take in all.
  public var stopSeconds = 30

  public init() {}

  /// What of a stop goes to waiting for clients, once at each port.
  var drainSecondsOfStop: Int { max(1, min(drainSeconds, stopSeconds / 3)) }

  /// What of a stop is left for the last cuts, with a tenth in hand for closing.
  var cutNanosecondsOfStop: Int64 {
    let rest = stopSeconds - 2 * drainSecondsOfStop - max(1, stopSeconds / 10)
    return Int64(max(1, rest)) * 1_000_000_000
  }
}
