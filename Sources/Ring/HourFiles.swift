internal import Model
internal import Platform

/// The files of one hour as the writer has them, each on top of those before it.
///
/// Owned by the region, hence by one thread. While a freeze reads the hour, the files that it reads
/// take no more records: they go to a patch on top, which stays when the frozen file replaces the
/// others.
final class HourFiles {
  /// Files of an hour at most; an hour that needs more leaves the ring.
  static let fileCountMax = 8

  let hour: Int64
  /// What the last published manifest has.
  private(set) var frozen: FrozenHour?
  /// The slot, if there is one, then patches.
  private(set) var slots: [HourSlot]
  /// Those of `slots` that a freeze reads, from the first one on.
  private(set) var sealedCount = 0
  /// A finished frozen file that no manifest has committed yet: it replaces `frozen` and the sealed
  /// slots.
  private(set) var successor: FrozenHour?

  init(hour: Int64, frozen: FrozenHour? = nil, slots: [HourSlot] = []) {
    self.hour = hour
    self.frozen = frozen
    self.slots = slots
  }

  /// The slot that rows of an open hour are written to.
  private var base: HourSlot? { slots.first.flatMap { $0.kind == .slot ? $0 : nil } }

  var isFrozen: Bool { frozen != nil || successor != nil }
  var isFreezing: Bool { sealedCount > 0 || isRebuilding }
  /// Whether a freeze makes the hour from blocks: nothing below its patches is known.
  var isRebuilding = false

  /// Whether anything of it was committed.
  var isCommitted: Bool { frozen != nil || slots.contains(where: \.isCommitted) }

  /// The file that takes records; `nil` when one has to be begun.
  var top: HourSlot? { slots.count > sealedCount ? slots.last : nil }

  func push(_ slot: HourSlot) { slots.append(slot) }

  /// What readers see.
  var view: LayeredHour {
    let layers = slots.filter(\.isCommitted).map(\.view)
    let isCovered = frozen != nil || base.map { $0.isCommitted && $0.view.isCovered } ?? false
    return LayeredHour(hour: hour, frozen: frozen, layers: layers, isCovered: isCovered)
  }

  var progress: [RingProgress] {
    guard let successor else { return (frozen.map { [$0.progress] } ?? []) + slots.map(\.progress) }
    return [successor.progress] + slots[sealedCount...].map(\.progress)
  }

  /// Bytes of the patches that a reader looks through.
  var patchByteCount: Int {
    slots.reduce(0) { $0 + ($1.kind == .patch ? $1.end : 0) }
  }

  /// The newest record of a series' minute, published or not.
  func record(series: SeriesID, minute: Int64) -> RingLookup {
    for slot in slots.reversed() where slot.holds(series: series, minute: minute) {
      return slot.record(series: series, minute: minute)
    }
    if let frozen { return frozen.holds(series) ? .damaged : .absent }
    return base == nil ? .damaged : .absent
  }

  // MARK: Freezing

  /// From now on records go to a new patch.
  func seal() { sealedCount = slots.count }

  /// The freeze is given up: the topmost file goes on.
  func unseal() {
    sealedCount = 0
    isRebuilding = false
  }

  func install(_ frozen: FrozenHour) { successor = frozen }

  // MARK: Cuts

  /// Shows readers what was committed.
  ///
  /// - Returns: the paths of the files that nothing names any more.
  func publish() -> (replaced: [String], damaged: [String]) {
    for slot in slots { slot.publish() }
    guard let successor else { return ([], []) }
    var replaced = slots[..<sealedCount].map(\.path)
    var damaged: [String] = []
    if let frozen {
      if frozen.damagedSeries.isEmpty {
        replaced.append(frozen.path)
      } else {
        damaged.append(frozen.path)
      }
    }
    frozen = successor
    self.successor = nil
    slots.removeFirst(sealedCount)
    unseal()
    return (replaced, damaged)
  }

  /// Forgets what was appended since the last ``publish()``.
  ///
  /// - Returns: `false` when the disk may have lost what was committed.
  func rollBack() -> Bool {
    slots.removeAll { !$0.isCommitted }
    for slot in slots where !slot.isUnreliable { slot.rollBack() }
    return !slots.contains(where: \.isUnreliable)
  }

  /// Every file that a manifest may name.
  var paths: [String] {
    [frozen?.path, successor?.path].compactMap { $0 } + slots.map(\.path)
  }
}
