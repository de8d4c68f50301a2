/// What a parser hands to its caller in the middle of the bytes.
public enum LineEvent: Equatable, Sendable {
  /// `#ack ID`: all lines before it are in batches, open ones among them, or refused.
  case acknowledge(id: String)
  /// `#tenant NAME`; the caller authorises it and sets ``LineSession/tenant``.
  case tenant(name: [UInt8])
  /// `#auth TOKEN`.
  case auth(token: [UInt8])
  /// A malformed control word; the text says what is wrong with it.
  case fault(reason: String)
  /// The first line speaks another protocol; nothing more is read on this connection.
  case foreignProtocol(what: String)
}
