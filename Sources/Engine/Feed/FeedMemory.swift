internal import Bytes
internal import Query

/// What was told of windows last, so that a change that makes no difference is no news. Bounded:
/// what is forgotten is told again.
struct FeedMemory {
  private static let countMax = 1 << 18

  private struct Key: Hashable {
    var topic: Int
    var series: UInt32
    var minute: Int64
    var isOpen: Bool
  }

  /// Two halves: when the newer one is full, the older one is forgotten.
  private var newer: [Key: UInt64] = [:]
  private var older: [Key: UInt64] = [:]

  /// Whether `change` differs from what was told of the window last; remembers it.
  mutating func isNews(_ change: FeedChange, _ pair: FeedPair, topic: Int) -> Bool {
    guard case .json(let bytes) = change.content else { return true }
    let key = Key(
      topic: topic,
      series: pair.series,
      minute: pair.minute,
      isOpen: pair.kind == .open
    )
    let hash = Hash64.hash(bytes.span)
    let known = newer[key] ?? older[key]
    if newer.count >= Self.countMax / 2 {
      older = newer
      newer = [:]
    }
    newer[key] = hash
    return known != hash
  }
}
