public import Model
public import Platform

extension Log {
  /// Removes finished segments that recovery does not need any more, oldest first.
  ///
  /// A segment goes when all its records lie below `floors` and it is older than
  /// ``LogOptions/retainNanoseconds``, or all segments from it on are larger than
  /// ``LogOptions/retainByteCount``. One that is damaged is renamed instead, never deleted.
  ///
  /// - Parameters:
  ///   - floors: per partition the offset that recovery begins at.
  ///   - retains: `false` gives up what is kept beyond recovery's need: for a full disk.
  ///   - countMax: at most so many at once; each costs the sync of a folder.
  /// - Returns: the number removed.
  public func removeSegments(
    below floors: [Offset],
    now: Timestamp,
    retains: Bool = true,
    countMax: Int = .max
  ) throws(SystemError) -> Int {
    let count = min(countMax, removableCount(below: floors, now: now, retains: retains))
    for _ in 0..<count {
      try remove(closed[0])
      closed.removeFirst()
    }
    return count
  }

  /// ``beginning`` as it is once ``removeSegments(below:now:retains:countMax:)`` has removed all
  /// that it may.
  public func retainedBeginning(below floors: [Offset], now: Timestamp) -> Timestamp? {
    beginning(without: removableCount(below: floors, now: now, retains: true))
  }

  /// How many of the oldest segments may go.
  private func removableCount(below floors: [Offset], now: Timestamp, retains: Bool) -> Int {
    precondition(floors.count == partitionCount)
    var total = byteCount
    let kept = closed.firstIndex { segment in
      let isNeeded = zip(segment.ends, floors).contains { $0 > $1 }
      let isOld = now &- segment.closedAt >= options.retainNanoseconds
      guard !isNeeded, !retains || isOld || total > options.retainByteCount else { return true }
      total -= segment.byteCount
      return false
    }
    return kept ?? closed.count
  }

  private func remove(_ segment: ClosedSegment) throws(SystemError) {
    do throws(SystemError) {
      if damagedPaths.contains(segment.path) {
        try disk.rename(segment.path, to: segment.path + SegmentName.damagedSuffix)
      } else {
        try disk.remove(segment.path)
      }
    } catch  where error.isMissing {
      // Gone already: an operator, or an attempt whose sync failed.
    }
    // One by one: were the names lost in another order, a segment would seem to be missing.
    try disk.syncDirectory(directory)
  }
}
