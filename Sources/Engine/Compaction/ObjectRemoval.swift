package import Cold

/// Removes objects of the cold store that no manifest names any more. One whose removal fails is
/// tried again, the oldest first, as long as the process lives.
package struct ObjectRemoval {
  /// Objects that are remembered; of more, the oldest stay in the store.
  package static let countMax = 10_000
  package static let retryNanoseconds: UInt64 = 60_000_000_000
  /// Tried again at once.
  private static let attemptsMax = 100

  package private(set) var left: [String] = []
  private var nextAt: UInt64 = 0

  package init() {}

  /// - Parameters:
  ///   - monotonic: now.
  ///   - isKept: whether somebody names the object after all, so that it stays for good.
  /// - Returns: whether it is gone, or stays for good; else it is among ``left``.
  @discardableResult
  package mutating func remove(
    _ key: String,
    from store: any ObjectStore,
    monotonic: UInt64,
    unless isKept: (String) -> Bool = { _ in false }
  ) -> Bool {
    // A store that has just failed is not asked for each of many blocks.
    if left.isEmpty || monotonic >= nextAt, isRemoved(key, store, isKept) { return true }
    if left.isEmpty { nextAt = monotonic &+ Self.retryNanoseconds }
    if left.count >= Self.countMax { left.removeFirst() }
    left.append(key)
    return false
  }

  /// Whether those that are left may be tried again.
  package func isDue(monotonic: UInt64) -> Bool { !left.isEmpty && monotonic >= nextAt }

  /// Tries again those that are left, now and then.
  ///
  /// - Returns: those that are gone, or stay for good.
  @discardableResult
  package mutating func retry(
    in store: any ObjectStore,
    monotonic: UInt64,
    unless isKept: (String) -> Bool = { _ in false }
  ) -> [String] {
    guard isDue(monotonic: monotonic) else { return [] }
    nextAt = monotonic &+ Self.retryNanoseconds
    var done = 0
    while done < min(left.count, Self.attemptsMax), isRemoved(left[done], store, isKept) {
      done += 1
    }
    let gone = Array(left.prefix(done))
    left.removeFirst(done)
    // One that the store refuses for its own sake does not keep the others there.
    if done == 0, left.count > 1 { left.append(left.removeFirst()) }
    if done == Self.attemptsMax { nextAt = monotonic }
    return gone
  }

  private func isRemoved(
    _ key: String,
    _ store: any ObjectStore,
    _ isKept: (String) -> Bool
  ) -> Bool {
    do throws(ObjectError) {
      if isKept(key) { return true }
      // Where a disk is not mounted nothing is there, and nothing has been removed.
      guard try StoreMark.isThere(store, orHas: key) else { return false }
      try store.delete(key)
      return true
    } catch {
      return false
    }
  }
}
