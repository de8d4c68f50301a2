internal import Query

/// The windows that one partition has announced last: what a reader who comes back soon is served
/// from. Bounded.
struct FeedHistory {
  private struct Entry {
    var pair: FeedPair
    /// The first offset that the look which found it had not looked at.
    var next: UInt64
    /// Whether the look before had come as far: time alone has closed the window.
    var isSilent: Bool
  }

  private var entries: [Entry] = []
  /// Entries before it are gone; the array is shortened now and then.
  private var start = 0
  private let countMax: Int
  /// Every announcement behind this offset is here; those at it, too, while nothing was dropped.
  private var floor: UInt64
  private var hasDropped = false
  private var latest: UInt64

  init(from offset: UInt64, countMax: Int) {
    floor = offset
    latest = offset
    self.countMax = countMax
  }

  mutating func append(_ pairs: [FeedPair], next: UInt64) {
    let isSilent = next == latest
    latest = next
    entries.append(contentsOf: pairs.map { Entry(pair: $0, next: next, isSilent: isSilent) })
    let surplus = entries.count - start - countMax
    if surplus > 0 {
      floor = entries[start + surplus - 1].next
      hasDropped = true
      start += surplus
    }
    if start > countMax {
      entries.removeFirst(start)
      start = 0
    }
  }

  /// Forgets everything up to `offset`.
  mutating func forget(upTo offset: UInt64) {
    entries = []
    start = 0
    floor = offset
    latest = offset
    hasDropped = true
  }

  /// What was announced to whoever stood at `offset`; `nil` when it is not remembered. A window
  /// that time alone has closed while the offset stood still may be one that the reader knows.
  func pairs(after offset: UInt64) -> [FeedPair]? {
    guard offset > floor || (offset == floor && !hasDropped) else { return nil }
    return entries[start...].compactMap { entry in
      let isNew = entry.next > offset || (entry.next == offset && entry.isSilent)
      return isNew ? entry.pair : nil
    }
  }
}
