public import LineProtocol
public import Model

/// The lines of one HTTP request, as the engine sees them. Belongs to its ``Receiver``'s event
/// loop, or to the task that tries it out with a ``DryRun``.
public final class LineBody {
  /// Verdicts that are kept for the answer; all of them go to the dead letters.
  public static let verdictsMax = 1_000

  /// Who sends, for the dead letters.
  public let sender: String
  let session: LineSession
  /// The receiver's sequence when the body began: its rows are in the batches after it.
  let coveredSequence: UInt64
  /// The first refused lines, at most ``verdictsMax``.
  public private(set) var verdicts: [LineVerdict] = []
  /// Why nothing more of the body is parsed; its rows so far are stored.
  public internal(set) var fault: String?

  init(sender: String, tenant: TenantID, precision: LinePrecision, sequence: UInt64) {
    self.sender = sender
    session = LineSession(tenant: tenant, precision: precision)
    coveredSequence = sequence
  }

  public var tenant: TenantID { session.tenant }

  public var counts: LineCounts {
    let statistics = session.statistics
    return LineCounts(
      linesAccepted: statistics.rowsAccepted,
      linesRejected: statistics.linesRejected,
      pointsAccepted: statistics.pointsAccepted,
      pointsRejected: statistics.pointsRejected
    )
  }

  /// Takes back line feeds that were counted as lines and lie inside of strings.
  public func uncount(_ lineFeedCount: UInt64) { session.uncount(lineFeedCount) }

  /// Takes the session's verdicts, keeping the first of them.
  func takeVerdicts() -> [LineVerdict] {
    let taken = session.verdicts
    guard !taken.isEmpty else { return [] }
    verdicts += taken.prefix(max(0, Self.verdictsMax - verdicts.count))
    session.verdicts.removeAll(keepingCapacity: true)
    return taken
  }

  /// Notes what an HTTP request may not say by control words.
  ///
  /// - Parameter event: what the parser came upon. An `#ack` is a comment here: the answer to the
  ///   request is the acknowledgement.
  func handle(_ event: LineEvent) {
    switch event {
    case .acknowledge: return
    case .tenant:
      fault = "line \(session.lineNumber): #tenant is for TCP, here the X-Scope-OrgID header tells"
    case .auth:
      fault = "line \(session.lineNumber): #auth is for TCP, here the Authorization header tells"
    case .fault(let reason): fault = "line \(session.lineNumber): \(reason)"
    case .foreignProtocol: fault = "the body is not line protocol"
    }
  }
}

/// What became of the lines of a request.
public struct LineCounts: Sendable, Equatable {
  public var linesAccepted: UInt64 = 0
  public var linesRejected: UInt64 = 0
  public var pointsAccepted: UInt64 = 0
  /// A line whose points nobody can tell counts as one.
  public var pointsRejected: UInt64 = 0

  public init(
    linesAccepted: UInt64 = 0,
    linesRejected: UInt64 = 0,
    pointsAccepted: UInt64 = 0,
    pointsRejected: UInt64 = 0
  ) {
    self.linesAccepted = linesAccepted
    self.linesRejected = linesRejected
    self.pointsAccepted = pointsAccepted
    self.pointsRejected = pointsRejected
  }
}

/// Something of a request that is refused before it becomes a line.
public struct RefusedItem: Sendable, Equatable {
  public var text: [UInt8]
  /// Where in `text`, from 1.
  public var column: Int
  public var message: String

  public init(text: [UInt8], column: Int, message: String) {
    self.text = text
    self.column = column
    self.message = message
  }
}
