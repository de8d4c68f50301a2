package import Model

/// Cuts a plan into the pieces that one connection sends, in order.
package struct Pace {
  package struct Piece {
    /// Indexes into the connection's fleet.
    package var servers: Range<Int>
    /// When it is due, on the monotonic clock.
    package var dueAt: UInt64
    /// The time of its rows; `nil` is the time at which they are made.
    package var stamp: Timestamp?
  }

  private let plan: LoadPlan
  private let serverCount: Int
  private let piecesPerRound: Int
  private let startedAt: UInt64
  private let wallStart: Timestamp
  private var round: Int64 = 0
  private var piece = 0

  package init(_ plan: LoadPlan, fleet: Fleet, startedAt: UInt64, wallStart: Timestamp) {
    self.plan = plan
    self.startedAt = startedAt
    self.wallStart = wallStart
    serverCount = fleet.serverCount
    let byteCount = fleet.lineByteCount * fleet.serverCount
    var pieces = max(1, (byteCount + LoadPlan.pieceByteCount - 1) / LoadPlan.pieceByteCount)
    if case .paced(let interval) = plan.schedule {
      pieces = max(pieces, Int(interval * LoadPlan.piecesPerSecond / 1_000_000_000))
    }
    piecesPerRound = min(pieces, fleet.serverCount)
  }

  /// The next piece, or `nil` when the plan has an end and it is reached.
  package mutating func next() -> Piece? {
    let servers = serverCount * piece / piecesPerRound..<serverCount * (piece + 1) / piecesPerRound
    let result: Piece
    switch plan.schedule {
    case .paced(let interval):
      let offset = round * interval + interval * Int64(piece) / Int64(piecesPerRound)
      result = Piece(
        servers: servers,
        dueAt: startedAt + UInt64(offset),
        stamp: wallStart + offset
      )
    case .unlimited:
      result = Piece(servers: servers, dueAt: 0, stamp: nil)
    case .backfill(let start, let step, let count):
      guard round < count else { return nil }
      result = Piece(servers: servers, dueAt: 0, stamp: start + round * step)
    }
    piece += 1
    if piece == piecesPerRound {
      piece = 0
      round += 1
    }
    return result
  }
}
