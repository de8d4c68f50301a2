/// The lines of a string that goes into a row of line protocol (docs/line-protocol.md).
public enum StringLines {
  /// How a line begins at which a parser takes the string before it for one that nobody closed.
  static let acknowledge: [UInt8] = Array("#ack ".utf8)

  /// Whether a line but the first begins so: whoever writes a row with such a string writes lines
  /// instead.
  public static func haveAcknowledge(_ text: some Collection<UInt8>) -> Bool {
    var rest = text[...]
    while let feed = rest.firstIndex(of: UInt8(ascii: "\n")) {
      rest = rest[rest.index(after: feed)...]
      if rest.starts(with: acknowledge) { return true }
    }
    return false
  }
}
