internal import Codecs
internal import Model

extension CompactionPlan {
  /// The next cut whose blocks are to be made anew without rows that were deleted; the policy keeps
  /// their strength. Pure. Those in a cold store stay as they are: readers leave the rows out.
  ///
  /// - Parameter barred: names of files that are to be left alone.
  public static func cleaning(
    of blocks: [BlockSummary],
    _ deletes: [BlockDelete],
    without barred: Set<String> = []
  ) -> (step: CompactionStep, policy: CompactionPolicy)? {
    guard !deletes.isEmpty else { return nil }
    for cut in cuts(of: blocks) {
      let isHit = cut.contains { block in deletes.contains { $0.acts(on: block) } }
      let isLeft = cut.contains { $0.cold != nil || barred.contains($0.fileName) }
      guard isHit, !isLeft else { continue }
      let isCold = cut.contains { $0.identity.strength == .cold }
      let policy = CompactionPolicy(
        strength: isCold ? .cold : .young,
        rowsPerGroupMax: isCold
          ? CompactionPolicy.coldRowsPerGroup : CompactionPolicy.youngRowsPerGroup,
        cutCountMin: 1
      )
      return (CompactionStep(inputs: cut), policy)
    }
    return nil
  }

  /// Whether a block will be made anew without deleted rows: all blocks of its cut together, unless
  /// one of them lies in a cold store. Pure.
  public static func awaitsCleaning(
    _ block: BlockSummary,
    among blocks: [BlockSummary],
    _ deletes: [BlockDelete]
  ) -> Bool {
    deletes.contains { $0.acts(on: block) }
      && !blocks.contains {
        $0.cold != nil && $0.identity.cut == block.identity.cut
          && $0.identity.a == block.identity.a
      }
  }
}
