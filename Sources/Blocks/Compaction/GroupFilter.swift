public import Model

/// What a merge leaves out, and how much that was. Belongs to the thread that merges.
public final class GroupFilter {
  /// Groups of a series whose rows all lie before this time are left out.
  let oldest: (SeriesID) -> Timestamp
  private let pointCount: (ChunkGroupEntry) -> UInt64
  /// Points left out, by series.
  public private(set) var removed: [SeriesID: UInt64] = [:]

  /// - Parameters:
  ///   - oldest: the first time that is kept of a series.
  ///   - pointCount: how many points a group has.
  public init(
    oldest: @escaping (SeriesID) -> Timestamp = { _ in .min },
    pointCount: @escaping (ChunkGroupEntry) -> UInt64 = { UInt64($0.rowCount) }
  ) {
    self.oldest = oldest
    self.pointCount = pointCount
  }

  func leaveOut(_ entry: ChunkGroupEntry) { removed[entry.series, default: 0] += pointCount(entry) }
}
