/// A place in the change feed: what has been announced up to it is decided by the offsets that each
/// partition had applied. Survives restarts, because offsets do.
///
/// As text `epoch.o0,…,o7`: the number of the server's start, a dot, and for each partition the
/// first offset that was not looked at.
public struct FeedPosition: Hashable, Sendable {
  public let epoch: UInt32
  public let offsets: [UInt64]
  /// The text, made once and shared by all who write it.
  public let text: String

  public init(epoch: UInt32, offsets: [UInt64]) {
    self.epoch = epoch
    self.offsets = offsets
    text = "\(epoch)." + offsets.map { "\($0)" }.joined(separator: ",")
  }

  /// Reads what ``text`` wrote; `nil` for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 2_048, parts.count == 2, let epoch = Self.number(parts[0]),
      let epoch = UInt32(exactly: epoch)
    else { return nil }
    var offsets: [UInt64] = []
    for part in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
      guard let offset = Self.number(part) else { return nil }
      offsets.append(offset)
    }
    self.init(epoch: epoch, offsets: offsets)
  }

  /// Digits alone: no sign, no space.
  private static func number(_ text: Substring) -> UInt64? {
    guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
    return UInt64(text)
  }

  public static func == (left: FeedPosition, right: FeedPosition) -> Bool {
    left.epoch == right.epoch && left.offsets == right.offsets
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(epoch)
    hasher.combine(offsets)
  }
}
