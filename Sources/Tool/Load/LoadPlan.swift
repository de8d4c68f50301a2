internal import Model
internal import Server

/// What a load run sends, to whom and when.
struct LoadPlan: Sendable {
  enum Schedule: Sendable {
    /// Every server sends a row each `interval` nanoseconds, spread over the interval.
    case paced(interval: Int64)
    /// As fast as the server answers; rows carry the time at which they are made.
    case unlimited
    /// Rows of the past, as fast as it goes: `count` rows a server, from `start` on.
    case backfill(start: Timestamp, step: Int64, count: Int)
  }

  var address: Address
  var servers: Range<Int>
  var metricCount: Int
  var schedule: Schedule
  /// Nanoseconds after which nothing new is sent; `nil` runs until it is stopped or all is sent.
  var duration: Int64?
  var connectionCount: Int
  /// Bytes of a connection that may be sent and not yet acknowledged.
  var windowByteCount: Int
  var seed: UInt64

  /// Rows go out in pieces of about this size, each with an `#ack` behind it.
  static let pieceByteCount = 256 << 10
  /// A paced connection sends its servers' rows in this many pieces a second, if it has so many.
  static let piecesPerSecond: Int64 = 20
}

/// What a load run has done so far.
struct LoadProgress: Sendable {
  var rowsSent = 0
  var bytesSent = 0
  var rowsAccepted = 0
  var rowsRejected = 0
  var acknowledgementsSent = 0
  var acknowledgementsFailed = 0
  var acknowledgementsMissing = 0
  var latencies = LatencyHistogram()
  /// What the server said about refused lines and failed acknowledgements; the first few.
  var complaints: [String] = []

  static let complaintCountMax = 5

  mutating func complain(_ text: String) {
    if complaints.count < Self.complaintCountMax { complaints.append(text) }
  }

  mutating func merge(_ other: LoadProgress) {
    rowsSent += other.rowsSent
    bytesSent += other.bytesSent
    rowsAccepted += other.rowsAccepted
    rowsRejected += other.rowsRejected
    acknowledgementsSent += other.acknowledgementsSent
    acknowledgementsFailed += other.acknowledgementsFailed
    acknowledgementsMissing += other.acknowledgementsMissing
    latencies.merge(other.latencies)
    for complaint in other.complaints { complain(complaint) }
  }

  /// Whether everything that was sent is acknowledged and nothing was refused.
  var isClean: Bool {
    rowsRejected == 0 && acknowledgementsFailed == 0 && acknowledgementsMissing == 0
      && rowsAccepted == rowsSent && complaints.isEmpty
  }
}
