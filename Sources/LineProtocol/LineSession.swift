public import Model

/// One sender of lines: a connection, or one HTTP body. Belongs to its parser's thread.
///
/// The first group is the owner's: it sets the tenant when an event asks for it, sends the verdicts
/// on and empties them, and takes the counts at each `#ack`.
public final class LineSession {
  /// The tenant of the lines to come. Changed between two calls of the parser only.
  public var tenant: TenantID
  public var precision: LinePrecision
  /// Rows stored and refused since the owner last set them to 0.
  public var accepted: UInt64 = 0
  public var rejected: UInt64 = 0
  /// Refused lines in order, at most ``LineParserOptions/verdictsMax``.
  public var verdicts: [LineVerdict] = [] {
    didSet { if verdicts.isEmpty { verdictByteCount = 0 } }
  }
  /// Refused lines for which ``verdicts`` had no room.
  public var unlistedVerdictCount: UInt64 = 0

  /// Line feeds so far.
  public internal(set) var lineNumber: UInt64 = 0
  /// Takes back line feeds that lie inside of strings, where lines are numbered without them.
  public func uncount(_ lineFeedCount: UInt64) {
    lineNumber -= min(lineNumber, lineFeedCount)
  }

  /// Whether an `#ack` was ever seen.
  public internal(set) var usesAcknowledgements = false
  /// Sums since the session began.
  public internal(set) var statistics = Statistics()

  /// Whether the bytes so far end inside a line.
  public var isInsideLine: Bool { carry.count > 0 || isSkipping }

  public struct Statistics: Equatable, Sendable {
    public var rowsAccepted: UInt64 = 0
    public var pointsAccepted: UInt64 = 0
    public var linesRejected: UInt64 = 0
    /// Points of the refused lines; a line whose points nobody can tell counts as one.
    public var pointsRejected: UInt64 = 0
  }

  /// The beginning of a line whose end has not come; at most a line limit of bytes. Little is kept
  /// between lines: there may be ten thousand sessions.
  var carry = ByteStore(keeping: 4 << 10)
  /// How far the carried row was looked at.
  var scanner = RowScanner()
  /// Whether a line beyond the limit is being skipped.
  var isSkipping = false
  /// Whether the connection speaks another protocol.
  var isForeign = false
  /// The record of the last row, whose follower is expected next, and the table it belongs to.
  var lastRecord: UInt32 = 0
  var tableGeneration: UInt32 = 0
  var verdictByteCount = 0

  public init(tenant: TenantID, precision: LinePrecision = .auto) {
    self.tenant = tenant
    self.precision = precision
  }
}
