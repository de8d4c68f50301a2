package import Model
package import Server

/// What a load run sends, to whom and when.
package struct LoadPlan: Sendable {
  package enum Schedule: Sendable {
    /// Every server sends a row each `interval` nanoseconds, spread over the interval.
    case paced(interval: Int64)
    /// As fast as the server answers; rows carry the time at which they are made.
    case unlimited
    /// Rows of the past, as fast as it goes: `count` rows a server, from `start` on.
    case backfill(start: Timestamp, step: Int64, count: Int)
  }

  package enum Transport: Sendable {
    /// Lines on a connection, with an `#ack` behind each piece.
    case lines
    /// Each piece is a `POST /write`.
    case http
  }

  package var address: Address
  package var transport: Transport
  package var servers: Range<Int>
  package var metricCount: Int
  package var schedule: Schedule
  /// Nanoseconds after which nothing new is sent; `nil` runs until it is stopped or all is sent.
  package var duration: Int64?
  package var connectionCount: Int
  /// Bytes of a connection that may be sent and not yet acknowledged.
  package var windowByteCount: Int
  package var seed: UInt64

  package init(
    address: Address,
    transport: Transport = .lines,
    servers: Range<Int>,
    metricCount: Int,
    schedule: Schedule,
    duration: Int64?,
    connectionCount: Int,
    windowByteCount: Int,
    seed: UInt64
  ) {
    self.address = address
    self.transport = transport
    self.servers = servers
    self.metricCount = metricCount
    self.schedule = schedule
    self.duration = duration
    self.connectionCount = connectionCount
    self.windowByteCount = windowByteCount
    self.seed = seed
  }

  /// Rows go out in pieces of about this size, each with an `#ack` behind it.
  package static let pieceByteCount = 256 << 10
  /// A paced connection sends its servers' rows in this many pieces a second, if it has so many.
  package static let piecesPerSecond: Int64 = 20
}

/// What a load run has done so far.
package struct LoadProgress: Sendable {
  package var rowsSent = 0
  package var bytesSent = 0
  package var rowsAccepted = 0
  package var rowsRejected = 0
  package var acknowledgementsSent = 0
  package var acknowledgementsFailed = 0
  package var acknowledgementsMissing = 0
  package var latencies = LatencyHistogram()
  /// What the server said about refused lines and failed acknowledgements; the first few.
  package var complaints: [String] = []

  package static let complaintCountMax = 5

  package init() {}

  package mutating func complain(_ text: String) {
    // Connections complain alike.
    guard !complaints.contains(text), complaints.count < Self.complaintCountMax else { return }
    complaints.append(text)
  }

  package mutating func merge(_ other: LoadProgress) {
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
  package var isClean: Bool {
    rowsRejected == 0 && acknowledgementsFailed == 0 && acknowledgementsMissing == 0
      && rowsAccepted == rowsSent && complaints.isEmpty
  }
}
