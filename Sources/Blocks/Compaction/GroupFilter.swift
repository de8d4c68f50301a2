public import Model

/// What a merge leaves out, and how much that was. Belongs to the thread that merges.
public final class GroupFilter {
  /// Groups of a series whose rows all lie before this time are left out.
  let oldest: (SeriesID) -> Timestamp
  /// Deletes before this offset are carried out; later ones act on what the merge makes.
  public let deletesEnd: Offset
  /// Points that were left out.
  public private(set) var counts: [Removals.Key: UInt64] = [:]

  /// - Parameter oldest: the first time that is kept of a series.
  public init(
    deletesEnd: Offset = .zero,
    oldest: @escaping (SeriesID) -> Timestamp = { _ in .min }
  ) {
    self.deletesEnd = deletesEnd
    self.oldest = oldest
  }

  /// Counts points that are left out.
  ///
  /// - Parameter definitions: of the blocks that are merged.
  func leaveOut(
    _ points: Int,
    of series: SeriesID,
    _ cause: Removals.Cause,
    _ tenant: TenantID,
    _ definitions: BlockDefinitions
  ) {
    guard points > 0 else { return }
    let place = definitions.series.lowerBound { $0.id < series }
    let isKnown = place < definitions.series.count && definitions.series[place].id == series
    let key = Removals.Key(
      tenant: tenant,
      measurement: isKnown ? definitions.series[place].measurement : nil,
      cause: cause
    )
    counts[key, default: 0] += UInt64(points)
  }
}
