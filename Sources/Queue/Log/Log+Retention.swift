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
    precondition(floors.count == partitionCount)
    var total = byteCount
    var count = 0
    while count < countMax, let oldest = closed.first {
      guard zip(oldest.ends, floors).allSatisfy({ $0 <= $1 }) else { break }
      let isOld = now &- oldest.closedAt >= options.retainNanoseconds
      guard !retains || isOld || total > options.retainByteCount else { break }
      try remove(oldest)
      closed.removeFirst()
      total -= oldest.byteCount
      count += 1
    }
    return count
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
