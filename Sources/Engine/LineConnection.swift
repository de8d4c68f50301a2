internal import LineProtocol
internal import Model

/// One client of the line port, as the engine sees it. Belongs to its ``Receiver``'s event loop.
public final class LineConnection {
  /// Who sends, for the log and the dead letters.
  public let sender: String
  let session: LineSession
  private var replies: [UInt8] = []
  /// Why the connection must be closed once its replies are out; `nil` while it may go on.
  public internal(set) var closeReason: String?
  /// The receiver's sequence when the last acknowledgement of this connection was asked for: an
  /// answer covers the batches since then.
  var coveredSequence: UInt64
  /// Whether the last ``Receiver/receive(_:on:turnNanoseconds:)`` left bytes because its time was
  /// up.
  public internal(set) var isTurnOver = false
  var token: [UInt8]?
  var tenantName: [UInt8]?
  /// Acknowledgements asked for and not yet answered.
  var pendingAcknowledgements = 0

  init(sender: String, session: LineSession, sequence: UInt64) {
    self.sender = sender
    self.session = session
    coveredSequence = sequence
  }

  public var hasReplies: Bool { !replies.isEmpty }
  public var replyByteCount: Int { replies.count }
  /// Whether the last bytes received ended inside a line.
  public var isInsideLine: Bool { session.isInsideLine }
  public var usesAcknowledgements: Bool { session.usesAcknowledgements }
  /// Whether answers are still owed, so that a half-closed socket stays open.
  public var awaitsAnswers: Bool { pendingAcknowledgements > 0 || hasReplies }

  /// The bytes to write to the peer; they are the caller's from then on.
  public func takeReplies() -> [UInt8] {
    defer { replies = [] }
    return replies
  }

  func reply(_ text: String) {
    replies.append(contentsOf: text.utf8)
    replies.append(UInt8(ascii: "\n"))
  }
}
